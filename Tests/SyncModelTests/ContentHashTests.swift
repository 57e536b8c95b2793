import SyncModel
import Testing

/// Dropbox's `content_hash`: SHA-256 over the digests of blocks of 4 MiB.
///
/// The expected values were computed with Python's hashlib, independently of this code.
@Suite(.timeLimit(.minutes(5)))
struct ContentHashTests {
    private static let block = ContentHasher.blockSize

    private func hash(_ bytes: [UInt8], inPiecesOf size: Int? = nil) -> String {
        let hasher = ContentHasher()
        for start in stride(from: 0, to: bytes.count, by: max(1, size ?? bytes.count)) {
            bytes[start..<min(start + (size ?? bytes.count), bytes.count)].withUnsafeBytes { hasher.update($0) }
        }
        return hasher.finish().hex
    }

    @Test(
        "known contents have the known hash",
        arguments: [
            (0, UInt8(0), "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"),
            (1, UInt8(ascii: "a"), "bf5d3affb73efd2ec6c36ad3112dd933efed63c4e1cbffcfa88e2759c144f2d8"),
            (block - 1, UInt8(0), "839e2d868a885f260431d186466f0f3c189ee0eee5cc444b54e717740ad7f1c3"),
            (block, UInt8(0), "c7e946d101855255d919ef0c70718633adf77d3dfb3adeeecf5d0cb4e951be58"),
            (block + 1, UInt8(0), "14a4d47f23a30177885d9820122f17d2d3a55fe63f7f5c27b95f689e0b2accd6"),
            (3 * block, UInt8(ascii: "x"), "e97d0a9d26277651cac3f72d6f930a77a8d136659003ca8a0d919e67fc887af3"),
        ])
    func vectors(count: Int, byte: UInt8, expected: String) {
        #expect(hash([UInt8](repeating: byte, count: count)) == expected)
    }

    @Test("pieces of any size give the same hash", arguments: [1 << 12, 65_537, block - 1, block, block + 1])
    func pieces(size: Int) {
        #expect(hash(Self.bytes, inPiecesOf: size) == hash(Self.bytes))
    }

    /// More than two blocks, each with its own beginning.
    private static let bytes: [UInt8] = {
        let piece = (0..<65_521).map { UInt8(truncatingIfNeeded: $0 &* 31 >> 3) }
        var bytes: [UInt8] = []
        while bytes.count < 2 * block + 12_345 { bytes += piece }
        return bytes
    }()

    @Test("a hasher begins again after it was finished") func again() {
        let hasher = ContentHasher()
        [UInt8]("abc".utf8).withUnsafeBytes { hasher.update($0) }
        let first = hasher.finish()
        [UInt8]("abc".utf8).withUnsafeBytes { hasher.update($0) }
        #expect(hasher.finish() == first)
        #expect(hasher.finish() == .empty)
    }

    @Test("hex is read in either case and nothing else is") func hex() throws {
        let text = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
        let hash = try #require(ContentHash(hex: text))
        #expect(hash.hex == text)
        #expect(hash == .empty)
        #expect(ContentHash(hex: text.uppercased()) == hash)
        #expect(ContentHash(bytes: hash.bytes) == hash)
        for wrong in ["", String(text.dropLast()), text + "0", "g" + text.dropFirst(), " " + text.dropFirst()] {
            #expect(ContentHash(hex: wrong) == nil, "\(wrong)")
        }
        #expect(ContentHash(bytes: [1, 2, 3]) == nil)
    }
}
