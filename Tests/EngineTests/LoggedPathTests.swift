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
@Suite struct LoggedPathTests {
    @Test("every event names its path as status does, in the field and in the line") func paths() async throws {
        let rig = try Rig()
        rig.settings.bulk = nil
        let story = Story()
        rig.logger = Logger(label: "story") { _ in story }
        _ = try rig.account.put("/Ordner/Alt.txt", "old")
        _ = try rig.account.put("/Ordner/Weg.txt", "away")
        _ = try rig.account.put("/Ordner/Sub/Tief.txt", "deep")
        try rig.folder.write("somebody's", to: "mirror/Fremd.txt")
        _ = try rig.account.put("/Fremd.txt", "ours")
        var traits = FileTraits()
        traits.isDownloadable = false
        _ = try rig.account.put("/Ordner/Blatt.gdoc", .bytes([]), traits: traits)
        let bad = try rig.account.put("/Ordner/Schlecht.bin", "bad").rev
        rig.remote.onDownload { if $0 == bad { throw SandboxError(disposition: .item) } }
        try await rig.pass()
        _ = try rig.account.move("/Ordner/Alt.txt", "/Ordner/Neu.txt")
        _ = try rig.account.delete("/Ordner/Weg.txt")
        _ = try rig.account.delete("/Ordner/Sub")
        try await rig.pass()
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
        let listed = try await rig.start().store.troubles(limit: 9).map(\.path)
        #expect(listed == ["/Ordner/Schlecht.bin", "/Ordner/Blatt.gdoc"])
    }
}
