import FileSystem
import Foundation
import Glibc
@testable import MirrorFS
import SyncModel
import TestSupport
import Testing

/// What was kept of a file that was not replaced after all is not lost, whichever way it was kept.
@Suite(.timeLimit(.minutes(15)))
struct TakeBackTests {
    private let fixture: MirrorFixture
    private let trash: TrashFolders
    private let folder: Descriptor
    private let path: MirrorPath

    init() throws {
        fixture = try MirrorFixture()
        trash = TrashFolders(fixture.mirror, place: "trash/today")
        folder = Descriptor(open(fixture.path, O_RDONLY | O_DIRECTORY | O_CLOEXEC))
        path = try MirrorFixture.path("f")
        try fixture.folder.write("text", to: "mirror/f")
    }

    private func text(_ name: String) -> String? {
        FileManager.default.contents(atPath: "\(fixture.path)/\(name)").map { String(decoding: $0, as: UTF8.self) }
    }

    @Test("a second name goes, the first stays") func linked() throws {
        let place = try #require(try trash.link("f", in: folder, path))
        trash.takeBack(place, to: "f", in: folder)
        #expect(text("f") == "text")
        #expect(text(".dbxsync/\(place)") == nil)
    }

    @Test("where there are no second names, it comes back from the trash") func moved() throws {
        let place = try trash.keep("f", in: folder, path)
        #expect(text("f") == nil)
        trash.takeBack(place, to: "f", in: folder)
        #expect(text("f") == "text")
        #expect(text(".dbxsync/\(place)") == nil)
    }

    @Test("what somebody has put there meanwhile stays, and so does what is in the trash", arguments: [false, true])
    func taken(isLinked: Bool) throws {
        let place =
            isLinked ? try #require(try trash.link("f", in: folder, path)) : try trash.keep("f", in: folder, path)
        unlink("\(fixture.path)/f")
        try fixture.folder.write("mine", to: "mirror/f")
        trash.takeBack(place, to: "f", in: folder)
        #expect(text("f") == "mine")
        #expect(text(".dbxsync/\(place)") == "text")
    }
}
