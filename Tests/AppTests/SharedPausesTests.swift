import Dropbox
import Foundation
import SyncModel
import Synchronization
import TestSupport
import Testing

@testable import dbxsync

/// What daemons of one account tell each other of pauses.
@Suite(.timeLimit(.minutes(5)))
struct SharedPausesTests {
    /// A runtime directory for each of two daemons, and a clock.
    private final class Fixture: Sendable {
        let folder: TemporaryFolder
        let time = Atomic<Int64>(1_000_000)

        init() throws {
            folder = try TemporaryFolder()
            for name in ["dbxsync@one", "dbxsync@two", "dbxsync", "elsewhere"] { _ = try folder.folder(name) }
        }

        func pauses(_ directory: String, _ state: String = "x") throws -> SharedPauses {
            let place = StatusPlace(path: folder("\(directory)/status-\(state).json"), every: StatusPlace.beatInMemory)
            let pauses = SharedPauses(place) { [self] in time.load(ordering: .relaxed) }
            return try #require(pauses)
        }

        func pass(_ milliseconds: Int64) { time.wrappingAdd(milliseconds, ordering: .relaxed) }

        /// What stands in the files that daemons have written.
        var files: [String] {
            (FileManager.default.enumerator(atPath: folder.path)?.compactMap { $0 as? String } ?? []).filter {
                $0.hasSuffix(".json")
            }
        }
    }

    @Test("what one is told the other hears once, in its own directory or beside it; another account hears nothing")
    func told() throws {
        let fixture = try Fixture()
        let (one, two, usual) = (
            try fixture.pauses("dbxsync@one"), try fixture.pauses("dbxsync@two"), try fixture.pauses("dbxsync")
        )
        let same = try fixture.pauses("dbxsync@one", "other")
        let other = try fixture.pauses("dbxsync@two", "third")
        for daemon in [one, two, usual, same] { daemon.identify("dbid:AAA") }
        other.identify("dbid:BBB")
        one.tell(.seconds(30))
        #expect(fixture.files.count == 1 && !fixture.files[0].contains("dbid"), "\(fixture.files)")
        fixture.pass(10_000)
        for daemon in [two, usual, same] {
            #expect(daemon.heard() == .seconds(20))
            #expect(daemon.heard() == nil)
        }
        #expect(one.heard() == nil && other.heard() == nil)
        fixture.pass(1_000)
        #expect(two.heard() == nil, "heard already")
        one.tell(.seconds(5))
        #expect(two.heard() == nil, "it looks now and then")
        fixture.pass(1_000)
        #expect(two.heard() == .seconds(4))
        usual.tell(.seconds(40))
        fixture.pass(1_000)
        #expect(two.heard() == .seconds(39))
        #expect(one.heard() == .seconds(39))
    }

    @Test("who does not know its account yet tells and hears nothing; nor is there anything on a disk") func unknown()
        throws
    {
        let fixture = try Fixture()
        let (one, two) = (try fixture.pauses("dbxsync@one"), try fixture.pauses("dbxsync@two"))
        one.tell(.seconds(5))
        #expect(fixture.files == [])
        one.identify("a")
        one.tell(.seconds(5))
        #expect(two.heard() == nil)
        two.identify("a")
        fixture.pass(500)
        #expect(two.heard() == .milliseconds(4_500))
        #expect(SharedPauses(StatusPlace(path: "/var/lib/dbxsync/status.json", every: 300)) == nil)
    }

    @Test(
        "whatever stands in such a file, nobody waits longer than ten minutes, and nothing breaks",
        arguments: [
            ("{\"until\":9223372036854775807}", Duration.seconds(600)), ("{\"until\":-9223372036854775808}", nil),
            ("{\"until\":1001000}", .seconds(1)), ("{\"until\":1000000}", nil), ("{\"until\":1e300}", nil),
            ("", nil), ("{}", nil), ("[1]", nil), ("{\"until\":\"soon\"}", nil), ("\u{0}\u{0}", nil),
            ("{\"until\":1001000}" + String(repeating: " ", count: 300), nil),
        ])
    func absurd(text: String, expected: Duration?) throws {
        let fixture = try Fixture()
        let (one, two) = (try fixture.pauses("dbxsync@one"), try fixture.pauses("dbxsync@two"))
        for daemon in [one, two] { daemon.identify("a") }
        one.tell(.seconds(1))
        try fixture.folder.write(text, to: try #require(fixture.files.first))
        #expect(two.heard() == expected)
    }

    @Test("a folder, a pipe or a link in the place of a file is passed over") func odd() throws {
        let fixture = try Fixture()
        let (one, two) = (try fixture.pauses("dbxsync@one"), try fixture.pauses("dbxsync@two"))
        for daemon in [one, two] { daemon.identify("a") }
        one.tell(.seconds(60))
        let name = try #require(fixture.files.first)
        try FileManager.default.moveItem(atPath: fixture.folder(name), toPath: fixture.folder("elsewhere/real.json"))
        try FileManager.default.createSymbolicLink(
            atPath: fixture.folder(name), withDestinationPath: fixture.folder("elsewhere/real.json"))
        #expect(two.heard() == nil)
        try FileManager.default.removeItem(atPath: fixture.folder(name))
        mkfifo(fixture.folder(name), 0o600)
        fixture.pass(1_000)
        #expect(two.heard() == nil)
        try FileManager.default.removeItem(atPath: fixture.folder(name))
        _ = try fixture.folder.folder(name)
        fixture.pass(1_000)
        #expect(two.heard() == nil)
        one.tell(.seconds(60))  // it cannot: then nobody hears of it
        fixture.pass(1_000)
        #expect(two.heard() == nil)
    }
}
