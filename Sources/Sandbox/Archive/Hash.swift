internal import CCrypto

/// Thirty-two raw bytes of a SHA-256 digest.
struct Digest: Hashable, Sendable {
    private var words: (UInt64, UInt64, UInt64, UInt64) = (0, 0, 0, 0)

    /// The digest that `fill` writes into thirty-two bytes.
    init(filledBy fill: (UnsafeMutableRawBufferPointer) -> Void) {
        withUnsafeMutableBytes(of: &words) { fill($0) }
    }

    /// The raw bytes.
    var bytes: [UInt8] { withUnsafeBytes(of: words) { Array($0) } }

    /// Sixty-four lower-case hexadecimal digits.
    var hex: String { hexText(bytes) }

    static func == (left: Digest, right: Digest) -> Bool { left.words == right.words }

    func hash(into hasher: inout Hasher) { hasher.combine(words.0) }
}

/// Lower-case hexadecimal text of `bytes`.
func hexText(_ bytes: some Sequence<UInt8>) -> String {
    let digits = Array("0123456789abcdef".utf8)
    var text: [UInt8] = []
    for byte in bytes {
        text.append(digits[Int(byte >> 4)])
        text.append(digits[Int(byte & 15)])
    }
    return String(decoding: text, as: UTF8.self)
}

/// A running SHA-256.
final class SHA256Stream {
    private let context: OpaquePointer?

    init() {
        context = EVP_MD_CTX_new()
        restart()
    }

    deinit { EVP_MD_CTX_free(context) }

    private func restart() { EVP_DigestInit_ex(context, EVP_sha256(), nil) }

    func update(_ bytes: UnsafeRawBufferPointer) {
        guard bytes.count > 0 else { return }
        EVP_DigestUpdate(context, bytes.baseAddress, bytes.count)
    }

    /// The digest of everything since the last call, after which the stream starts anew.
    func finish() -> Digest {
        let digest = Digest { EVP_DigestFinal_ex(context, $0.bindMemory(to: UInt8.self).baseAddress, nil) }
        restart()
        return digest
    }

    /// SHA-256 of `bytes` in one go.
    static func digest(_ bytes: [UInt8]) -> Digest {
        let stream = SHA256Stream()
        bytes.withUnsafeBytes { stream.update($0) }
        return stream.finish()
    }
}

/// Dropbox's `content_hash`: SHA-256 over the SHA-256 digests of blocks of 4 MiB.
///
/// Written from the published algorithm and shared with nothing, so that a mistake here cannot hide one in a client.
final class ContentHashStream {
    static let blockSize = 4 << 20
    private let block = SHA256Stream()
    private let whole = SHA256Stream()
    private var filled = 0

    func update(_ bytes: UnsafeRawBufferPointer) {
        var rest = bytes
        while rest.count > 0 {
            let take = min(rest.count, Self.blockSize - filled)
            block.update(UnsafeRawBufferPointer(rebasing: rest[..<take]))
            filled += take
            if filled == Self.blockSize { closeBlock() }
            rest = UnsafeRawBufferPointer(rebasing: rest[take...])
        }
    }

    func finish() -> Digest {
        if filled > 0 { closeBlock() }
        return whole.finish()
    }

    private func closeBlock() {
        let digest = block.finish()
        digest.bytes.withUnsafeBytes { whole.update($0) }
        filled = 0
    }
}

/// The digests of the blocks of 4 MiB of which `bytes` consist.
func blockDigests(of bytes: [UInt8]) -> [Digest] {
    let stream = SHA256Stream()
    return bytes.withUnsafeBytes { bytes in
        stride(from: 0, to: bytes.count, by: ContentHashStream.blockSize).map { start in
            stream.update(
                UnsafeRawBufferPointer(rebasing: bytes[start..<min(start + ContentHashStream.blockSize, bytes.count)]))
            return stream.finish()
        }
    }
}

/// The `content_hash` that follows from the digests of all blocks.
func contentHash(ofBlocks digests: some Sequence<Digest>) -> Digest {
    let whole = SHA256Stream()
    for digest in digests { digest.bytes.withUnsafeBytes { whole.update($0) } }
    return whole.finish()
}

/// The `content_hash` of `bytes` as Dropbox would state it.
public func contentHash(of bytes: [UInt8]) -> String {
    let stream = ContentHashStream()
    bytes.withUnsafeBytes { stream.update($0) }
    return stream.finish().hex
}
