import Foundation
import Glibc
import MirrorFS
import SyncModel
import TestSupport
import Testing

/// Sizes that 32 bits do not hold.
///
/// The files are nearly all hole, so that they cost no space.
@Suite(.timeLimit(.minutes(15)))
struct HugeFileTests {
    private static let size: Int64 = (4 << 30) + 5

    /// Zeros, but for the last five bytes.
    private func version() -> FileVersion {
        let block = [UInt8](repeating: 0, count: ContentHasher.blockSize)
        let zeros = block.withUnsafeBytes { BlockDigest(of: $0) }
        let rest = Array("hello".utf8).withUnsafeBytes { BlockDigest(of: $0) }
        let hash = ContentHash(blocks: Array(repeating: zeros, count: 1024) + [rest])
        return FileVersion(rev: Rev("aaa"), size: Self.size, hash: hash, modified: Timestamp(seconds: 1_500_000_000))
    }

    @Test("a file of more than 4 GiB is adopted, copied with its holes and verified") func huge() throws {
        let fixture = try MirrorFixture()
        let version = version()
        try fixture.write("", "huge")
        try #require(truncate(fixture.path + "/huge", off_t(Self.size)) == 0)
        let file = open(fixture.path + "/huge", O_WRONLY)
        #expect(pwrite(file, "hello", 5, off_t(4 << 30)) == 5)
        close(file)

        let path = try MirrorFixture.path("huge")
        let print = try #require(try fixture.mirror.adoptable(path, as: version))
        let placement = Placement(
            key: RemoteKey("/huge"), path: path, version: version, replacing: nil, sources: [.download])
        let result = try fixture.perform(PreparedOperation(.place(placement), content: .adopted(print)))
        let candidate = try fixture.entry(result, at: path)

        let copy = Placement(
            key: RemoteKey("/copy"), path: try MirrorFixture.path("copy"), version: version, replacing: nil,
            sources: [.copy(from: candidate), .download])
        let staged = try #require(try fixture.mirror.stageCopy(of: candidate, as: version, for: copy.key))
        try fixture.perform(PreparedOperation(.place(copy), content: .staged(staged)))
        #expect(try fixture.status("copy").st_size == Int(Self.size))
        #expect(try fixture.status("huge").st_blocks < 1_000)
    }
}
