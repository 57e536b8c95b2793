import Foundation
import Glibc
import MirrorFS
import SyncModel
import TestSupport
import Testing

/// Only what was received whole and verified can be published.
@Suite(.timeLimit(.minutes(15)))
struct StagingTests {
    private func parts(_ fixture: MirrorFixture) throws -> [String] {
        try FileManager.default.contentsOfDirectory(atPath: fixture.path + "/.dbxsync/staging")
    }

    private func write(_ text: String, to file: StagingFile) throws {
        try Array(text.utf8).withUnsafeBytes { try file.write($0) }
    }

    @Test("too few bytes, other bytes and too many bytes are refused, and nothing of them stays")
    func mismatches() throws {
        let fixture = try MirrorFixture()
        for wrong in ["hell", "hallo", "hello!"] {
            let file = try fixture.mirror.stage(fixture.version(of: "hello".utf8), for: RemoteKey("/k"))
            let error = #expect(throws: MirrorError.self) {
                try write(wrong, to: file)
                _ = try file.finish()
            }
            #expect(error?.code == .mismatch)
            #expect(error?.disposition == .skipItem)
            file.discard()
        }
        #expect(try parts(fixture) == [])
        #expect(try fixture.tree() == [:])
    }

    @Test("a download goes on after what an earlier run has left of the same revision") func resume() throws {
        let fixture = try MirrorFixture()
        let placement = try fixture.placement("f", "hello, world")
        try write("hello", to: fixture.mirror.stage(placement.version, for: placement.key))
        let again = try fixture.mirror.stage(placement.version, for: placement.key)
        #expect(again.offset == 5)
        try write(", world", to: again)
        let staged = try again.finish()
        try fixture.perform(PreparedOperation(.place(placement), content: .staged(staged)))
        #expect(try fixture.tree() == ["f": "hello, world"])
        #expect(try parts(fixture) == [])
    }

    @Test("a part can be written on, whatever mode its file is to have") func readOnlyMode() throws {
        let fixture = try MirrorFixture(fileMode: 0o440)
        let placement = try fixture.placement("f", "hello, world")
        let file = try fixture.mirror.stage(placement.version, for: placement.key)
        try write("hello", to: file)
        #expect(try mode(of: ".dbxsync/staging/" + #require(parts(fixture).first), fixture) & 0o600 == 0o600)
        try write(", world", to: file)
        try fixture.perform(PreparedOperation(.place(placement), content: .staged(file.finish())))
        #expect(try mode(of: "f", fixture) == 0o440)
    }

    private func mode(of place: String, _ fixture: MirrorFixture) throws -> mode_t {
        var status = stat()
        try #require(stat(fixture.path + "/" + place, &status) == 0)
        return status.st_mode & 0o7777
    }

    @Test("another revision does not go on after it") func otherRevision() throws {
        let fixture = try MirrorFixture()
        try write("hello", to: fixture.mirror.stage(fixture.version(of: "hello, world".utf8), for: RemoteKey("/f")))
        let other = try fixture.mirror.stage(fixture.version(of: "hello, there".utf8), for: RemoteKey("/f"))
        #expect(other.offset == 0)
    }

    @Test("a part with damaged bytes is found out and thrown away") func damagedPart() throws {
        let fixture = try MirrorFixture()
        let version = fixture.version(of: "hello, world".utf8)
        try write("hello", to: fixture.mirror.stage(version, for: RemoteKey("/f")))
        let name = try #require(try parts(fixture).first)
        try fixture.write("hellx", ".dbxsync/staging/" + name)
        let again = try fixture.mirror.stage(version, for: RemoteKey("/f"))
        try write(", world", to: again)
        #expect(throws: MirrorError.self) { try again.finish() }
        #expect(try fixture.mirror.stage(version, for: RemoteKey("/f")).offset == 0)
    }

    @Test("a part that is longer than its version begins anew") func longPart() throws {
        let fixture = try MirrorFixture()
        let version = fixture.version(of: "ab".utf8)
        try write("a", to: fixture.mirror.stage(version, for: RemoteKey("/f")))
        let name = try #require(try parts(fixture).first)
        try fixture.write("abcdef", ".dbxsync/staging/" + name)
        let again = try fixture.mirror.stage(version, for: RemoteKey("/f"))
        #expect(again.offset == 0)
        try write("ab", to: again)
        _ = try again.finish()
    }

    @Test("a restart forgets bytes and hash") func restart() throws {
        let fixture = try MirrorFixture()
        let file = try fixture.mirror.stage(fixture.version(of: "right".utf8), for: RemoteKey("/f"))
        try write("wro", to: file)
        try file.restart()
        #expect(file.offset == 0)
        try write("right", to: file)
        _ = try file.finish()
    }

    @Test("one revision for two keys is two parts") func sharedRevision() throws {
        let fixture = try MirrorFixture()
        let version = fixture.version(of: "ab".utf8)
        try write("a", to: fixture.mirror.stage(version, for: RemoteKey("/one")))
        #expect(try fixture.mirror.stage(version, for: RemoteKey("/two")).offset == 0)
    }

    @Test("parts that nobody waits for are swept, the others stay") func sweep() throws {
        let fixture = try MirrorFixture()
        let (wanted, unwanted) = (fixture.version(of: "ab".utf8), fixture.version(of: "cd".utf8))
        try write("a", to: fixture.mirror.stage(wanted, for: RemoteKey("/one")))
        try write("c", to: fixture.mirror.stage(unwanted, for: RemoteKey("/two")))
        #expect(try fixture.mirror.stagedRevisions() == [wanted.rev, unwanted.rev])
        try fixture.mirror.sweepStaging(keeping: [wanted.rev])
        #expect(try fixture.mirror.stagedRevisions() == [wanted.rev])
        #expect(try fixture.mirror.stage(wanted, for: RemoteKey("/one")).offset == 1)
    }

    @Test("a revision that is no file name cannot lead anywhere") func hostileRevision() throws {
        let fixture = try MirrorFixture()
        for text in ["../../x", "", "a/b", String(repeating: "f", count: 300), "é"] {
            var version = fixture.version(of: "ab".utf8)
            version.rev = Rev(text)
            let file = try fixture.mirror.stage(version, for: RemoteKey("/k" + text))
            try write("ab", to: file)
            _ = try file.finish()
        }
        #expect(try parts(fixture).count == 5)
        #expect(try FileManager.default.contentsOfDirectory(atPath: fixture.folder.path) == ["mirror"])
    }

    @Test("what had to make way is at hand for whoever wants the same content, until it is swept") func displacedPath()
        throws
    {
        let fixture = try MirrorFixture()
        let entries = try ["one", "two", "three"].map { try fixture.place($0, "content") }
        for entry in entries { try fixture.perform(.clear(entry.key, [entry])) }
        #expect(try fixture.tree() == [:])
        let first = try fixture.placement("first", "content")
        let part = try fixture.mirror.stage(first.version, for: first.key)
        #expect(part.offset == first.version.size)
        try fixture.perform(PreparedOperation(.place(first), content: .staged(try part.finish())))
        #expect(try fixture.tree() == ["first": "content"])
        let second = try fixture.placement("second", "content")
        #expect(try fixture.mirror.survey([second]).absent == [])
        #expect(try fixture.mirror.displacedContents() == [second.version.hash])
        try fixture.mirror.purgeDisplaced(keeping: [second.version.hash])
        #expect(try fixture.mirror.survey([second]).absent == [], "somebody wants it")
        try fixture.mirror.purgeDisplaced()
        #expect(try fixture.mirror.survey([second]).absent == [second.key])
        #expect(try fixture.mirror.stage(second.version, for: second.key).offset == 0)
        #expect(try FileManager.default.contentsOfDirectory(atPath: fixture.path + "/.dbxsync").count == 2)
    }

    @Test("a file that has other names is not spared, nor one that was edited") func notSpared() throws {
        let fixture = try MirrorFixture()
        let linked = try fixture.place("linked", "content")
        try #require(link(fixture.path + "/linked", fixture.folder("elsewhere")) == 0)
        let edited = try fixture.place("edited", "edited")
        try fixture.write("EDITED", "edited")
        for entry in [linked, edited] { try fixture.perform(.clear(entry.key, [entry])) }
        #expect(try fixture.tree() == [:])
        #expect(try fixture.attic() == ["edited": "EDITED"])
        #expect(!FileManager.default.fileExists(atPath: fixture.path + "/.dbxsync/spared"))
    }

    @Test("a staging folder that somebody removes is made again") func removedFolder() throws {
        let fixture = try MirrorFixture()
        let lost = try fixture.placement("lost", "lost")
        let staged = try fixture.staged(lost, "lost")
        try FileManager.default.removeItem(atPath: fixture.path + "/.dbxsync/staging")
        #expect(
            try fixture.perform(PreparedOperation(.place(lost), content: .staged(staged))).failures.count == 1)
        try fixture.place("f", "x")
        #expect(try fixture.tree() == ["f": "x"])
        #expect(try fixture.mode(".dbxsync/staging") == "700")
    }

    @Test("content of the mirror is copied and verified, not trusted") func copies() throws {
        let fixture = try MirrorFixture()
        let candidate = try fixture.place("donor", "content")
        let placement = try fixture.placement("copy", "content")
        let staged = try #require(
            try fixture.mirror.stageCopy(of: candidate, as: placement.version, for: placement.key))
        try fixture.perform(PreparedOperation(.place(placement), content: .staged(staged)))
        #expect(try fixture.tree() == ["donor": "content", "copy": "content"])
        try fixture.write("CONTENT", "donor")
        #expect(try fixture.mirror.stageCopy(of: candidate, as: placement.version, for: placement.key) == nil)
        try FileManager.default.removeItem(atPath: fixture.path + "/donor")
        #expect(try fixture.mirror.stageCopy(of: candidate, as: placement.version, for: placement.key) == nil)
    }

    @Test("a large file is verified block by block and durable when it is finished") func largeFile() throws {
        let fixture = try MirrorFixture()
        let bytes = [UInt8](repeating: 7, count: (16 << 20) + 3)
        let version = fixture.version(of: bytes)
        let file = try fixture.mirror.stage(version, for: RemoteKey("/large"))
        for start in stride(from: 0, to: bytes.count, by: 1_000_003) {
            try bytes[start..<min(start + 1_000_003, bytes.count)].withUnsafeBytes { try file.write($0) }
        }
        #expect(try file.finish().isDurable)
    }
}
