/// SHA-256 of one block of content: what `ContentHash` is made of.
public struct BlockDigest: Hashable, Sendable {
    /// The number of bytes of a digest.
    public static let size = 32

    /// The 32 bytes.
    public let bytes: [UInt8]

    /// Takes exactly 32 bytes; `nil` for any other number.
    public init?(bytes: [UInt8]) {
        guard bytes.count == BlockDigest.size else { return nil }
        self.bytes = bytes
    }

    /// Hashes a block, which has `ContentHasher.blockSize` bytes or is the last one.
    public init(of block: UnsafeRawBufferPointer) {
        let hasher = SHA256Hasher()
        hasher.update(block)
        self = hasher.finishBlock()
    }

    fileprivate init(sha256 bytes: [UInt8]) { self.bytes = bytes }
}

extension SHA256Hasher {
    /// The digest of all bytes so far, which are those of one block.
    public func finishBlock() -> BlockDigest { BlockDigest(sha256: finish()) }
}

extension ContentHash {
    /// The hash of content whose blocks of 4 MiB have these digests, in order.
    public init(blocks digests: some Sequence<BlockDigest>) {
        let overall = SHA256Hasher()
        for digest in digests { digest.bytes.withUnsafeBytes { overall.update($0) } }
        self.init(sha256: overall.finish())
    }
}
