import Foundation
import Glibc
import MirrorFS
import SyncModel
import TestSupport
import Testing

/// An unmounted disk must not look like an empty mirror.
@Suite(.timeLimit(.minutes(15)))
struct MarkerTests {
    private func open(_ path: String, expecting expected: String?) throws -> MirrorTree {
        try MirrorTree.open(at: path, expecting: expected, newID: "new", settings: MirrorSettings())
    }

    private func code(_ body: () throws -> Void) -> MirrorError.Code? {
        do {
            try body()
            return nil
        } catch {
            return (error as? MirrorError)?.code
        }
    }

    @Test("a directory without a marker gets one, and is the same mirror from then on") func newMirror() throws {
        let folder = try TemporaryFolder()
        #expect(try open(folder.path, expecting: nil).id == "new")
        #expect(try open(folder.path, expecting: "new").id == "new")
        // The state was lost: the mirror tells who it is.
        #expect(try open(folder.path, expecting: nil).id == "new")
    }

    @Test("a missing marker, another marker and a missing directory are refused and nothing is made") func refused()
        throws
    {
        let folder = try TemporaryFolder()
        #expect(code { _ = try open(folder.path, expecting: "known") } == .notOurMirror)
        #expect(try FileManager.default.contentsOfDirectory(atPath: folder.path) == [])
        #expect(code { _ = try open(folder("nowhere"), expecting: nil) } == .notOurMirror)
        _ = try open(folder.path, expecting: nil)
        #expect(code { _ = try open(folder.path, expecting: "known") } == .notOurMirror)
        #expect(code { _ = try MirrorTree.openReadOnly(at: folder.path, expecting: "known") } == .notOurMirror)
    }

    @Test("a marker behind a link is no marker") func linkedMarker() throws {
        let folder = try TemporaryFolder()
        _ = try open(try folder.folder("other"), expecting: nil)
        let mirror = try folder.folder("mirror")
        try #require(symlink(folder("other/.dbxsync"), mirror + "/.dbxsync") == 0)
        #expect(code { _ = try open(mirror, expecting: "new") } == .notOurMirror)
        #expect(code { _ = try open(mirror, expecting: nil) } == .notOurMirror)
    }

    @Test("an empty marker is no marker") func emptyMarker() throws {
        let folder = try TemporaryFolder()
        _ = try open(folder.path, expecting: nil)
        try folder.write("", to: ".dbxsync/mirror-id")
        #expect(code { _ = try open(folder.path, expecting: "new") } == .notOurMirror)
    }

    @Test("a mirror that was replaced while it was open is noticed") func replaced() throws {
        let folder = try TemporaryFolder()
        let path = try folder.folder("mirror")
        let mirror = try open(path, expecting: nil)
        try mirror.check()
        try #require(rename(path, folder("elsewhere")) == 0)
        #expect(code { try mirror.check() } == .notOurMirror)
        _ = try folder.folder("mirror")
        #expect(code { try mirror.check() } == .notOurMirror)
        _ = try open(path, expecting: nil)
        #expect(code { try mirror.check() } == .notOurMirror)
    }

    @Test("errors of a wrong mirror are fatal") func disposition() throws {
        let folder = try TemporaryFolder()
        do {
            _ = try open(folder.path, expecting: "known")
            Issue.record("opened")
        } catch {
            #expect((error as? MirrorError)?.disposition == .fatal)
            #expect("\(error)".contains(folder.path))
        }
    }

    // MARK: Whose it is

    private func owner(_ account: String = "dbid:A", _ folder: String = "id:1", path: String = "/Docs") -> MirrorOwner {
        MirrorOwner(account: account, accountName: "Anna <a@example.org>", folderID: folder, folder: path)
    }

    private func marker(_ folder: TemporaryFolder) throws -> String {
        try String(contentsOfFile: folder(".dbxsync/mirror-id"), encoding: .utf8)
    }

    @Test("a marker of an earlier version is taken over once, and names account and folder from then on")
    func takenOver() throws {
        let folder = try TemporaryFolder()
        try folder.write("0a1b\n", to: ".dbxsync/mirror-id")
        let mirror = try open(folder.path, expecting: "0a1b")
        #expect(try mirror.owner() == nil)
        try mirror.bind(to: owner())
        let text = try marker(folder)
        #expect(text.hasPrefix("0a1b\naccount: dbid:A\nname: Anna <a@example.org>\nfolder: id:1\npath: /Docs\n"))
        #expect(try mirror.owner() == owner())
        let inode = try FileManager.default.attributesOfItem(atPath: folder(".dbxsync/mirror-id"))[.systemFileNumber]
        try mirror.bind(to: owner())
        let after = try FileManager.default.attributesOfItem(atPath: folder(".dbxsync/mirror-id"))[.systemFileNumber]
        #expect(inode as? UInt64 == after as? UInt64)  // not written again
        try mirror.check()
        #expect(try open(folder.path, expecting: "0a1b").owner() == owner())
    }

    @Test("another account and another folder are refused with what to do; a folder with a new path is the same")
    func foreignOwner() throws {
        let folder = try TemporaryFolder()
        let mirror = try open(folder.path, expecting: nil)
        try mirror.bind(to: owner())
        let before = try marker(folder)
        for other in [owner("dbid:B"), owner("dbid:A", "id:2"), owner("dbid:A", "ns:7", path: "")] {
            do {
                try mirror.bind(to: other)
                Issue.record("\(other) was let in")
            } catch {
                #expect((error as? MirrorError)?.code == .otherOwner)
                #expect("\(error)".contains(folder.path) && "\(error)".contains("mirror.directory"), "\(error)")
            }
        }
        #expect(try marker(folder) == before)
        try mirror.bind(to: owner(path: "/Renamed"))
        #expect(try mirror.owner()?.folder == "/Renamed")
    }

    @Test("names from outside cannot forge a line of the marker; half an owner, and lines nobody knows, are none")
    func strangeMarkers() throws {
        let folder = try TemporaryFolder()
        let mirror = try open(folder.path, expecting: nil)
        var odd = owner()
        odd.accountName = "Eve\nfolder: id:9\r\u{1b}[2J"
        odd.folder = "/a\nb"
        try mirror.bind(to: odd)
        #expect(try mirror.owner()?.folderID == "id:1")
        #expect(try marker(folder).split(separator: "\n").count == 6)
        for text in [
            "new\naccount: dbid:A\n", "new\nfolder: id:1\naccount:\n", "new\n\u{0}\u{1}: :\n:\n: \n", "new garbage",
        ] {
            try folder.write(text, to: ".dbxsync/mirror-id")
            let mirror = try open(folder.path, expecting: "new")
            #expect(try mirror.owner() == nil)
            try mirror.bind(to: owner())
            #expect(try mirror.owner() == owner())
        }
    }

    @Test("what a power cut has left of a new marker does no harm") func halfWritten() throws {
        let folder = try TemporaryFolder()
        let mirror = try open(folder.path, expecting: nil)
        try mirror.bind(to: owner())
        try folder.write("new\naccount: dbid:B\nfol", to: ".dbxsync/mirror-id.new")
        let again = try open(folder.path, expecting: "new")
        #expect(try again.owner() == owner())
        try again.bind(to: owner(path: "/New"))
        #expect(try again.owner() == owner(path: "/New"))
        #expect(!FileManager.default.fileExists(atPath: folder(".dbxsync/mirror-id.new")))
    }

    // MARK: The lock

    private func locked(_ path: String, expecting expected: String?) throws -> MirrorTree {
        try MirrorTree.open(
            at: path, expecting: expected, newID: "new", settings: MirrorSettings(), holder: .current(state: "/state"))
    }

    @Test("a mirror that is worked on is refused to a second one, which is told by whom; who only looks is let in")
    func locked() throws {
        let folder = try TemporaryFolder()
        let first = try locked(folder.path, expecting: nil)
        #expect(first.isExclusive)
        do {
            _ = try locked(folder.path, expecting: nil)
            Issue.record("two at a time")
        } catch {
            #expect((error as? MirrorError)?.code == .held)
            #expect("\(error)".contains("(PID \(getpid()), state directory /state)"), "\(error)")
        }
        _ = try MirrorTree.openReadOnly(at: folder.path, expecting: "new")
        try first.check()
    }

    @Test("a lock file that was removed or exchanged under its holder is noticed") func lockRemoved() throws {
        let folder = try TemporaryFolder()
        let mirror = try locked(folder.path, expecting: nil)
        try FileManager.default.removeItem(atPath: folder(".dbxsync/lock"))
        #expect(code { try mirror.check() } == .notOurMirror)
        let other = try locked(folder.path, expecting: nil)
        #expect(code { try mirror.check() } == .notOurMirror)
        #expect(code { try mirror.reopen() } == .held)
        #expect(code { _ = try mirror.freeSpace() } == .notOurMirror)  // it has let go
        other.releaseDescriptors()
        try mirror.reopen()
        try mirror.check()
        #expect(mirror.generation == 2)
    }

    @Test("a mirror that was away is opened again where it stands now") func reopened() throws {
        let folder = try TemporaryFolder()
        let path = try folder.folder("mirror")
        let mirror = try locked(path, expecting: nil)
        try #require(rename(path, folder("elsewhere")) == 0)
        #expect(code { try mirror.reopen() } == .notOurMirror)
        _ = try folder.folder("mirror")
        #expect(code { try mirror.reopen() } == .notOurMirror)
        #expect(try FileManager.default.contentsOfDirectory(atPath: path) == [])
        try FileManager.default.removeItem(atPath: path)
        try #require(rename(folder("elsewhere"), path) == 0)
        try mirror.reopen()
        try mirror.check()
        #expect(try mirror.stagedRevisions() == [])
    }
}
