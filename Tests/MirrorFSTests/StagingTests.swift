import Foundation
import Glibc
import MirrorFS
import SyncModel
import TestSupport
import Testing

/// Only what was received whole and verified can be published.
@Suite struct StagingTests {
    private func parts(_ bench: Bench) throws -> [String] {
        try FileManager.default.contentsOfDirectory(atPath: bench.path + "/.dbxsync/staging")
    }

    private func write(_ text: String, to file: StagingFile) throws {
        try Array(text.utf8).withUnsafeBytes { try file.write($0) }
    }

    @Test("too few bytes, other bytes and too many bytes are refused, and nothing of them stays")
    func mismatches() throws {
        let bench = try Bench()
        for wrong in ["hell", "hallo", "hello!"] {
            let file = try bench.mirror.stage(bench.version(of: "hello".utf8), for: RemoteKey("/k"))
            let error = #expect(throws: MirrorError.self) {
                try write(wrong, to: file)
                _ = try file.finish()
            }
            #expect(error?.code == .mismatch)
            #expect(error?.disposition == .item)
            file.discard()
        }
        #expect(try parts(bench) == [])
        #expect(try bench.tree() == [:])
    }

    @Test("a download goes on after what an earlier run has left of the same revision") func resume() throws {
        let bench = try Bench()
        let placement = try bench.placement("f", "hello, world")
        try write("hello", to: bench.mirror.stage(placement.version, for: placement.key))
        let again = try bench.mirror.stage(placement.version, for: placement.key)
        #expect(again.offset == 5)
        try write(", world", to: again)
        let staged = try again.finish()
        try bench.perform(Mutation(.place(placement), content: .staged(staged)))
        #expect(try bench.tree() == ["f": "hello, world"])
        #expect(try parts(bench) == [])
    }

    @Test("a part can be written on, whatever mode its file is to have") func readOnlyMode() throws {
        let bench = try Bench(fileMode: 0o440)
        let placement = try bench.placement("f", "hello, world")
        let file = try bench.mirror.stage(placement.version, for: placement.key)
        try write("hello", to: file)
        #expect(try mode(of: ".dbxsync/staging/" + #require(parts(bench).first), bench) & 0o600 == 0o600)
        try write(", world", to: file)
        try bench.perform(Mutation(.place(placement), content: .staged(file.finish())))
        #expect(try mode(of: "f", bench) == 0o440)
    }

    private func mode(of place: String, _ bench: Bench) throws -> mode_t {
        var status = stat()
        try #require(stat(bench.path + "/" + place, &status) == 0)
        return status.st_mode & 0o7777
    }

    @Test("another revision does not go on after it") func otherRevision() throws {
        let bench = try Bench()
        try write("hello", to: bench.mirror.stage(bench.version(of: "hello, world".utf8), for: RemoteKey("/f")))
        let other = try bench.mirror.stage(bench.version(of: "hello, there".utf8), for: RemoteKey("/f"))
        #expect(other.offset == 0)
    }

    @Test("a part with damaged bytes is found out and thrown away") func damagedPart() throws {
        let bench = try Bench()
        let version = bench.version(of: "hello, world".utf8)
        try write("hello", to: bench.mirror.stage(version, for: RemoteKey("/f")))
        let name = try #require(try parts(bench).first)
        try bench.write("hellx", ".dbxsync/staging/" + name)
        let again = try bench.mirror.stage(version, for: RemoteKey("/f"))
        try write(", world", to: again)
        #expect(throws: MirrorError.self) { try again.finish() }
        #expect(try bench.mirror.stage(version, for: RemoteKey("/f")).offset == 0)
    }

    @Test("a part that is longer than its version begins anew") func longPart() throws {
        let bench = try Bench()
        let version = bench.version(of: "ab".utf8)
        try write("a", to: bench.mirror.stage(version, for: RemoteKey("/f")))
        let name = try #require(try parts(bench).first)
        try bench.write("abcdef", ".dbxsync/staging/" + name)
        let again = try bench.mirror.stage(version, for: RemoteKey("/f"))
        #expect(again.offset == 0)
        try write("ab", to: again)
        _ = try again.finish()
    }

    @Test("a restart forgets bytes and hash") func restart() throws {
        let bench = try Bench()
        let file = try bench.mirror.stage(bench.version(of: "right".utf8), for: RemoteKey("/f"))
        try write("wro", to: file)
        try file.restart()
        #expect(file.offset == 0)
        try write("right", to: file)
        _ = try file.finish()
    }

    @Test("one revision for two keys is two parts") func sharedRevision() throws {
        let bench = try Bench()
        let version = bench.version(of: "ab".utf8)
        try write("a", to: bench.mirror.stage(version, for: RemoteKey("/one")))
        #expect(try bench.mirror.stage(version, for: RemoteKey("/two")).offset == 0)
    }

    @Test("parts that nobody waits for are swept, the others stay") func sweep() throws {
        let bench = try Bench()
        let (wanted, unwanted) = (bench.version(of: "ab".utf8), bench.version(of: "cd".utf8))
        try write("a", to: bench.mirror.stage(wanted, for: RemoteKey("/one")))
        try write("c", to: bench.mirror.stage(unwanted, for: RemoteKey("/two")))
        #expect(try bench.mirror.stagedRevisions() == [wanted.rev, unwanted.rev])
        try bench.mirror.sweepStaging(keeping: [wanted.rev])
        #expect(try bench.mirror.stagedRevisions() == [wanted.rev])
        #expect(try bench.mirror.stage(wanted, for: RemoteKey("/one")).offset == 1)
    }

    @Test("a revision that is no file name cannot lead anywhere") func hostileRevision() throws {
        let bench = try Bench()
        for text in ["../../x", "", "a/b", String(repeating: "f", count: 300), "é"] {
            var version = bench.version(of: "ab".utf8)
            version.rev = Rev(text)
            let file = try bench.mirror.stage(version, for: RemoteKey("/k" + text))
            try write("ab", to: file)
            _ = try file.finish()
        }
        #expect(try parts(bench).count == 5)
        #expect(try FileManager.default.contentsOfDirectory(atPath: bench.folder.path) == ["mirror"])
    }

    @Test("what had to make way is at hand for whoever wants the same content, until it is swept") func spared() throws
    {
        let bench = try Bench()
        let standings = try ["one", "two", "three"].map { try bench.place($0, "content") }
        for standing in standings { try bench.perform(.clear(standing.key, [standing])) }
        #expect(try bench.tree() == [:])
        let first = try bench.placement("first", "content")
        let part = try bench.mirror.stage(first.version, for: first.key)
        #expect(part.offset == first.version.size)
        try bench.perform(Mutation(.place(first), content: .staged(try part.finish())))
        #expect(try bench.tree() == ["first": "content"])
        let second = try bench.placement("second", "content")
        #expect(try bench.mirror.untouched([second]) == [])
        try bench.mirror.sweepSpared()
        #expect(try bench.mirror.untouched([second]) == [second.key])
        #expect(try bench.mirror.stage(second.version, for: second.key).offset == 0)
        #expect(try FileManager.default.contentsOfDirectory(atPath: bench.path + "/.dbxsync").count == 2)
    }

    @Test("a file that has other names is not spared, nor one that was edited") func notSpared() throws {
        let bench = try Bench()
        let linked = try bench.place("linked", "content")
        try #require(link(bench.path + "/linked", bench.folder("elsewhere")) == 0)
        let edited = try bench.place("edited", "edited")
        try bench.write("EDITED", "edited")
        for standing in [linked, edited] { try bench.perform(.clear(standing.key, [standing])) }
        #expect(try bench.tree() == [:])
        #expect(try bench.attic() == ["edited": "EDITED"])
        #expect(!FileManager.default.fileExists(atPath: bench.path + "/.dbxsync/spared"))
    }

    @Test("a staging folder that somebody removes is made again") func removedFolder() throws {
        let bench = try Bench()
        let lost = try bench.placement("lost", "lost")
        let staged = try bench.staged(lost, "lost")
        try FileManager.default.removeItem(atPath: bench.path + "/.dbxsync/staging")
        #expect(
            try bench.perform(Mutation(.place(lost), content: .staged(staged))).failures.count == 1)
        try bench.place("f", "x")
        #expect(try bench.tree() == ["f": "x"])
        #expect(try bench.mode(".dbxsync/staging") == "700")
    }

    @Test("content of the mirror is copied and verified, not trusted") func copies() throws {
        let bench = try Bench()
        let donor = try bench.place("donor", "content")
        let placement = try bench.placement("copy", "content")
        let staged = try #require(try bench.mirror.stageCopy(of: donor, as: placement.version, for: placement.key))
        try bench.perform(Mutation(.place(placement), content: .staged(staged)))
        #expect(try bench.tree() == ["donor": "content", "copy": "content"])
        try bench.write("CONTENT", "donor")
        #expect(try bench.mirror.stageCopy(of: donor, as: placement.version, for: placement.key) == nil)
        try FileManager.default.removeItem(atPath: bench.path + "/donor")
        #expect(try bench.mirror.stageCopy(of: donor, as: placement.version, for: placement.key) == nil)
    }

    @Test("a large file is verified block by block and durable when it is finished") func largeFile() throws {
        let bench = try Bench()
        let bytes = [UInt8](repeating: 7, count: (16 << 20) + 3)
        let version = bench.version(of: bytes)
        let file = try bench.mirror.stage(version, for: RemoteKey("/large"))
        for start in stride(from: 0, to: bytes.count, by: 1_000_003) {
            try bytes[start..<min(start + 1_000_003, bytes.count)].withUnsafeBytes { try file.write($0) }
        }
        #expect(try file.finish().isDurable)
    }
}
