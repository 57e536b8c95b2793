import Engine
import Foundation
import Logging
import MirrorFS
import Sandbox
import Store
import SyncModel
import TestSupport
import Testing

/// What the journal calls a path: what `status` calls it, from the mirrored folder on and with its case.
@Suite(.timeLimit(.minutes(30)))
struct LoggedPathTests {
    @Test("every event names its path as status does, in the field and in the line") func paths() async throws {
        let fixture = try EngineFixture()
        fixture.settings.bulk = nil
        let story = Story()
        fixture.logger = Logger(label: "story") { _ in story }
        _ = try fixture.account.put("/Ordner/Alt.txt", "old")
        _ = try fixture.account.put("/Ordner/Weg.txt", "away")
        _ = try fixture.account.put("/Ordner/Sub/Tief.txt", "deep")
        try fixture.folder.write("somebody's", to: "mirror/Fremd.txt")
        _ = try fixture.account.put("/Fremd.txt", "ours")
        var traits = FileTraits()
        traits.isDownloadable = false
        _ = try fixture.account.put("/Ordner/Blatt.gdoc", .bytes([]), traits: traits)
        let bad = try fixture.account.put("/Ordner/Schlecht.bin", "bad").rev
        fixture.remote.onDownload { if $0 == bad { throw SandboxError(disposition: .skipItem) } }
        try await fixture.pass()
        _ = try fixture.account.move("/Ordner/Alt.txt", "/Ordner/Neu.txt")
        _ = try fixture.account.delete("/Ordner/Weg.txt")
        _ = try fixture.account.delete("/Ordner/Sub")
        try await fixture.pass()
        let told = story.pathsByEvent.mapValues { $0.sorted() }
        #expect(told["folder_made"] == ["/Ordner", "/Ordner/Sub"])
        #expect(
            told["file_placed"] == ["/Fremd.txt", "/Ordner/Alt.txt", "/Ordner/Sub/Tief.txt", "/Ordner/Weg.txt"])
        #expect(told["moved"] == ["/Ordner/Neu.txt"])
        #expect(told["file_removed"] == ["/Ordner/Sub/Tief.txt", "/Ordner/Weg.txt"])
        #expect(told["folder_removed"] == ["/Ordner/Sub"])
        #expect(told["set_aside"] == ["/Fremd.txt"])
        #expect(told["parked"] == ["/Ordner/Blatt.gdoc"])
        #expect(told["failed"] == ["/Ordner/Schlecht.bin"])
        let listed = try await fixture.start().store.pathIssues(limit: 9).map(\.path)
        #expect(listed == ["/Ordner/Schlecht.bin", "/Ordner/Blatt.gdoc"])
    }
}
