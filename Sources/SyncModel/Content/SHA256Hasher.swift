import CCrypto

/// SHA-256 of bytes that arrive in order; after each `finish` it begins anew.
///
/// Not for use by two threads at a time.
public final class SHA256Hasher {
    private let context: OpaquePointer

    /// Starts with no bytes.
    public init() {
        guard let context = EVP_MD_CTX_new() else { preconditionFailure("out of memory for a SHA-256 context") }
        self.context = context
        begin()
    }

    deinit { EVP_MD_CTX_free(context) }

    /// Adds `bytes`.
    public func update(_ bytes: UnsafeRawBufferPointer) { EVP_DigestUpdate(context, bytes.baseAddress, bytes.count) }

    /// The 32 bytes of the digest of all bytes so far.
    public func finish() -> [UInt8] {
        let digest = [UInt8](unsafeUninitializedCapacity: Int(EVP_MAX_MD_SIZE)) { buffer, count in
            var length: UInt32 = 0
            EVP_DigestFinal_ex(context, buffer.baseAddress, &length)
            count = Int(length)
        }
        begin()
        return digest
    }

    private func begin() {
        let started = EVP_DigestInit_ex(context, EVP_sha256(), nil)
        precondition(started == 1, "libcrypto has no SHA-256")
    }
}
