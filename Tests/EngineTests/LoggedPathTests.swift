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
        _ = try fixture.account.put("/.dbxsync", "a name of ours")
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
        #expect(told["trashed"] == told["file_removed"])
        #expect(told["folder_removed"] == ["/Ordner/Sub"])
        #expect(told["set_aside"] == ["/Fremd.txt"])
        #expect(told["parked"] == ["/.dbxsync"])
        #expect(told["accepted"] == ["/Ordner/Blatt.gdoc"])
        #expect(told["failed"] == ["/Ordner/Schlecht.bin"])
        let listed = try await fixture.start().store.pathIssues(limit: 9).map(\.path)
        #expect(listed == ["/Ordner/Schlecht.bin", "/.dbxsync", "/Ordner/Blatt.gdoc"])
    }

    @Test("of many changes, failures and accepted paths a hundred each have a line, and the end of the pass sums up")
    func many() async throws {
        let fixture = try EngineFixture()
        fixture.settings.bulk = nil
        let story = Story(level: .info)
        fixture.logger = Logger(label: "story") { _ in story }
        var bad: Set<String> = []
        for number in 0..<150 {
            bad.insert(try fixture.account.put("/bad/\(number)", "bad \(number)").rev)
            _ = try fixture.account.put("/good/\(number)", "good \(number)")
            var traits = FileTraits()
            traits.isDownloadable = false
            _ = try fixture.account.put("/none/\(number)", .bytes([]), traits: traits)
        }
        fixture.remote.onDownload { [bad] in if bad.contains($0) { throw SandboxError(disposition: .skipItem) } }
        let report = try await fixture.pass()
        #expect(report.failed == 150 && report.accepted == 150 && report.placed == 150)
        let told = story.pathsByEvent
        #expect(told["failed"]?.count == 100 && told["accepted"]?.count == 100)
        // The folders are changes, too.
        #expect((told["file_placed"]?.count ?? 0) + (told["folder_made"]?.count ?? 0) == 100)
        #expect(report.withheld == 50 + 50 + 53)
        #expect(report.summary.hasSuffix("; 153 paths have no line of their own, except with log.level = \"debug\""))
    }
}
