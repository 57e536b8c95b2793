import Foundation
import Glibc
import MirrorFS
import SyncModel
import TestSupport
import Testing

/// An unmounted disk must not look like an empty mirror.
@Suite struct MarkerTests {
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
}
