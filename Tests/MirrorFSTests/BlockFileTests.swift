import Foundation
import Glibc
import MirrorFS
import SyncModel
import Testing

@Suite(.timeLimit(.minutes(15)))
struct BlockFileTests {
    private static let block = ContentHasher.blockSize

    /// Content of two and a half blocks.
    private let content = (0..<(block * 5 / 2)).map { UInt8(truncatingIfNeeded: $0 &* 31 &+ $0 >> 16) }
    private let key = RemoteKey("/large")

    private func bytes(_ range: Range<Int64>) -> ArraySlice<UInt8> {
        content[Int(range.lowerBound)..<Int(range.upperBound)]
    }

    private func fill(_ file: BlockFile, _ ranges: [Range<Int64>]) throws {
        for range in ranges {
            try bytes(range).withUnsafeBytes { try file.write($0, at: range.lowerBound) }
            try file.complete(blockAt: range.lowerBound, digest: bytes(range).withUnsafeBytes { BlockDigest(of: $0) })
        }
    }

    private func part(_ fixture: MirrorFixture) throws -> String {
        let staging = fixture.path + "/.dbxsync/staging"
        let names = try FileManager.default.contentsOfDirectory(atPath: staging)
        return staging + "/" + (try #require(names.first { $0.hasSuffix(".part") }))
    }

    private func poke(_ byte: UInt8, into path: String, at offset: Int) throws {
        let file = open(path, O_WRONLY)
        try #require(file >= 0)
        defer { close(file) }
        try #require(pwrite(file, [byte], 1, off_t(offset)) == 1)
    }

    @Test("blocks that come in any order make the file") func anyOrder() throws {
        let fixture = try MirrorFixture()
        let version = fixture.version(of: content)
        let file = try fixture.mirror.stageBlocks(version, for: key)
        let blocks = file.missing(upTo: Int64(Self.block))
        #expect(blocks.map(\.count) == [Self.block, Self.block, Self.block / 2])
        #expect(file.missing(upTo: .max) == [0..<version.size])
        #expect(file.missing(upTo: Int64(Self.block) * 2).map(\.lowerBound) == [0, Int64(Self.block) * 2])
        try fill(file, [blocks[2], blocks[0], blocks[1]])
        #expect(file.missing(upTo: .max) == [])
        let staged = try file.finish()
        #expect(staged.version == version)
        #expect(try Data(contentsOf: URL(fileURLWithPath: part(fixture))) == Data(content))
        #expect(try FileManager.default.contentsOfDirectory(atPath: fixture.path + "/.dbxsync/staging").count == 1)
    }

    @Test("after a stop only what is missing is missing") func resume() throws {
        let fixture = try MirrorFixture()
        let version = fixture.version(of: content)
        let blocks = try fixture.mirror.stageBlocks(version, for: key).missing(upTo: Int64(Self.block))
        try fill(fixture.mirror.stageBlocks(version, for: key), [blocks[1]])
        let again = try fixture.mirror.stageBlocks(version, for: key)
        #expect(again.present == Int64(Self.block))
        #expect(again.missing(upTo: .max) == [blocks[0], blocks[2]])
        try fill(again, [blocks[0], blocks[2]])
        _ = try again.finish()
    }

    @Test("a listed block whose bytes are not those that were hashed is missing") func lostWrite() throws {
        let fixture = try MirrorFixture()
        let version = fixture.version(of: content)
        let file = try fixture.mirror.stageBlocks(version, for: key)
        let blocks = file.missing(upTo: Int64(Self.block))
        try fill(file, blocks)
        try poke(content[Self.block + 7] ^ 1, into: part(fixture), at: Self.block + 7)
        #expect(try fixture.mirror.stageBlocks(version, for: key).missing(upTo: .max) == [blocks[1]])
    }

    @Test("a complete part whose list is gone needs nothing more") func published() throws {
        let fixture = try MirrorFixture()
        let version = fixture.version(of: content)
        let file = try fixture.mirror.stageBlocks(version, for: key)
        try fill(file, file.missing(upTo: Int64(Self.block)))
        _ = try file.finish()
        let again = try fixture.mirror.stageBlocks(version, for: key)
        #expect(again.missing(upTo: .max) == [])
        _ = try again.finish()
    }

    @Test("what was received in one go counts, as far as blocks are whole") func inOneGo() throws {
        let fixture = try MirrorFixture()
        let version = fixture.version(of: content)
        let beginning = try fixture.mirror.stage(version, for: key)
        try content.prefix(Self.block + 5).withUnsafeBytes { try beginning.write($0) }
        let file = try fixture.mirror.stageBlocks(version, for: key)
        #expect(file.present == Int64(Self.block))
    }

    @Test("what was received in segments is no beginning of a file received in one go") func holes() throws {
        let fixture = try MirrorFixture()
        let version = fixture.version(of: content)
        let file = try fixture.mirror.stageBlocks(version, for: key)
        try fill(file, [file.missing(upTo: Int64(Self.block))[2]])
        let whole = try fixture.mirror.stage(version, for: key)
        #expect(whole.offset == 0)
        try content.withUnsafeBytes { try whole.write($0) }
        _ = try whole.finish()
    }

    @Test("other bytes than announced are refused, and nothing of them stays") func mismatch() throws {
        let fixture = try MirrorFixture()
        var version = fixture.version(of: content)
        version.hash = .empty
        let file = try fixture.mirror.stageBlocks(version, for: key)
        try fill(file, file.missing(upTo: Int64(Self.block)))
        let error = #expect(throws: MirrorError.self) { try file.finish() }
        #expect(error?.code == .mismatch)
        #expect(try FileManager.default.contentsOfDirectory(atPath: fixture.path + "/.dbxsync/staging") == [])
    }

    @Test("the space of a part is known, reserved bytes included") func space() throws {
        let fixture = try MirrorFixture()
        let version = fixture.version(of: content)
        #expect(try fixture.mirror.spaceOfPart(version, for: key) == 0)
        let file = try fixture.mirror.stageBlocks(version, for: key)
        try fill(file, file.missing(upTo: Int64(Self.block)))
        #expect(try fixture.mirror.spaceOfPart(version, for: key) >= version.size)
    }
}
