import CCrypto

/// Computes a `ContentHash` from bytes that arrive in order.
///
/// Not for use by two threads at a time. Algorithm: Dropbox, "Content hash"; blocks of 4 MiB, the last one shorter.
public final class ContentHasher {
    /// The block size of the algorithm, in bytes.
    public static let blockSize = 4 << 20

    private let block: OpaquePointer
    private let overall: OpaquePointer
    private var blockFill = 0

    /// Starts with no content.
    public init() {
        guard let block = EVP_MD_CTX_new(), let overall = EVP_MD_CTX_new() else {
            preconditionFailure("out of memory for a SHA-256 context")
        }
        self.block = block
        self.overall = overall
        ContentHasher.begin(block)
        ContentHasher.begin(overall)
    }

    deinit {
        EVP_MD_CTX_free(block)
        EVP_MD_CTX_free(overall)
    }

    /// Adds `bytes` to the content.
    public func update(_ bytes: UnsafeRawBufferPointer) {
        var rest = bytes[...]
        while !rest.isEmpty {
            let part = rest.prefix(ContentHasher.blockSize - blockFill)
            EVP_DigestUpdate(block, UnsafeRawBufferPointer(rebasing: part).baseAddress, part.count)
            blockFill += part.count
            if blockFill == ContentHasher.blockSize { closeBlock() }
            rest = rest.dropFirst(part.count)
        }
    }

    /// The hash of all content so far; afterwards the hasher starts again with no content.
    public func finish() -> ContentHash {
        if blockFill > 0 { closeBlock() }
        let digest = ContentHasher.end(overall)
        ContentHasher.begin(overall)
        guard let hash = ContentHash(bytes: digest) else { preconditionFailure("SHA-256 gave \(digest.count) bytes") }
        return hash
    }

    private func closeBlock() {
        let digest = ContentHasher.end(block)
        EVP_DigestUpdate(overall, digest, digest.count)
        ContentHasher.begin(block)
        blockFill = 0
    }

    private static func begin(_ context: OpaquePointer) {
        let started = EVP_DigestInit_ex(context, EVP_sha256(), nil)
        precondition(started == 1, "libcrypto has no SHA-256")
    }

    private static func end(_ context: OpaquePointer) -> [UInt8] {
        [UInt8](unsafeUninitializedCapacity: Int(EVP_MAX_MD_SIZE)) { buffer, count in
            var length: UInt32 = 0
            EVP_DigestFinal_ex(context, buffer.baseAddress, &length)
            count = Int(length)
        }
    }
}
