/// Computes a `ContentHash` from bytes that arrive in order.
///
/// Not for use by two threads at a time. Algorithm: Dropbox, "Content hash"; blocks of 4 MiB, the last one shorter.
public final class ContentHasher {
    /// The block size of the algorithm, in bytes.
    public static let blockSize = 4 << 20

    private let block = SHA256Hasher()
    private let overall = SHA256Hasher()
    private var blockFill = 0

    /// Starts with no content.
    public init() {}

    /// Adds `bytes` to the content.
    public func update(_ bytes: UnsafeRawBufferPointer) {
        var rest = bytes[...]
        while !rest.isEmpty {
            let part = rest.prefix(ContentHasher.blockSize - blockFill)
            block.update(UnsafeRawBufferPointer(rebasing: part))
            blockFill += part.count
            if blockFill == ContentHasher.blockSize { closeBlock() }
            rest = rest.dropFirst(part.count)
        }
    }

    /// The hash of all content so far; afterwards the hasher starts again with no content.
    public func finish() -> ContentHash {
        if blockFill > 0 { closeBlock() }
        return ContentHash(sha256: overall.finish())
    }

    private func closeBlock() {
        block.finish().withUnsafeBytes { overall.update($0) }
        blockFill = 0
    }
}

extension ContentHash {
    /// Takes what SHA-256 gave.
    init(sha256 digest: [UInt8]) {
        guard let hash = ContentHash(bytes: digest) else { preconditionFailure("SHA-256 gave \(digest.count) bytes") }
        self = hash
    }
}
