import CCrypto

/// SHA-256 of one block of content: what `ContentHash` is made of.
public struct BlockDigest: Hashable, Sendable {
    fileprivate let bytes: [UInt8]

    /// Hashes a block, which has `ContentHasher.blockSize` bytes or is the last one.
    public init(of block: UnsafeRawBufferPointer) {
        bytes = BlockDigest.sha256(block)
    }

    fileprivate static func sha256(_ data: UnsafeRawBufferPointer) -> [UInt8] {
        [UInt8](unsafeUninitializedCapacity: Int(EVP_MAX_MD_SIZE)) { buffer, count in
            var length: UInt32 = 0
            let done = EVP_Digest(data.baseAddress, data.count, buffer.baseAddress, &length, EVP_sha256(), nil)
            precondition(done == 1, "libcrypto has no SHA-256")
            count = Int(length)
        }
    }
}

extension ContentHash {
    /// The hash of content whose blocks have these digests, in order.
    public init(blocks: some Sequence<BlockDigest>) {
        let joined = blocks.flatMap(\.bytes)
        guard let hash = ContentHash(bytes: joined.withUnsafeBytes { BlockDigest.sha256($0) }) else {
            preconditionFailure("SHA-256 has 32 bytes")
        }
        self = hash
    }
}
