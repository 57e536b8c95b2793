import FileEvents
import Foundation
import Glibc
import Sandbox
import Store
import SyncModel
import Synchronization
import TestSupport
import Testing

@testable import Outbox

/// The outbox with a real folder, the real state file and the sandbox.
@Suite(.timeLimit(.minutes(10)))
struct OutboxServiceTests {
    @Test("what stands there, and what is put there, goes up with its folders")
    func goesUp() async throws {
        try await OutboxFixture.run { fixture in
            try fixture.drop("one", "before.txt")
            try fixture.drop("two", "a/b/before.txt")
            try await fixture.running(try fixture.outbox()) {
                try await fixture.holds(["before.txt": "one", "a/b/before.txt": "two"])
                try fixture.drop("three", "later.txt")
                try fixture.drop("four", "x/y/z/later.txt")
                try await fixture.holds([
                    "before.txt": "one", "a/b/before.txt": "two", "later.txt": "three", "x/y/z/later.txt": "four",
                ])
            }
            #expect(fixture.made == 4)
            #expect(
                fixture.names() == [
                    "a", "a/b", "a/b/before.txt", "before.txt", "later.txt", "x", "x/y", "x/y/z", "x/y/z/later.txt",
                ])
        }
    }

    @Test("many small files become files of the account together, one request at a time")
    func together() async throws {
        try await OutboxFixture.run { fixture in
            fixture.account.configure { $0.delay = 100 }  // long beside what a busy machine adds
            for number in 0..<200 { try fixture.drop("text \(number)", "\(number).txt") }
            try await fixture.running(try fixture.outbox()) {
                try await eventually("200") { fixture.made == 200 }
                try await fixture.isQuiet()
            }
            let finishes = fixture.server.log.records.filter { $0.endpoint.contains("upload_session/finish") }
            #expect(finishes.count < 120 && fixture.hashes().count == 200)
            #expect(finishes.contains { $0.endpoint.hasSuffix("finish_batch_v2") })
        }
    }

    @Test("a restart uploads nothing again; what was removed here stays there")
    func restart() async throws {
        try await OutboxFixture.run { fixture in
            for number in 0..<20 { try fixture.drop("text \(number)", "\(number).txt") }
            try await fixture.running(try fixture.outbox()) {
                try await eventually("20") { fixture.made == 20 }
            }
            try fixture.remove("3.txt")
            try fixture.drop("new", "new.txt")
            try await fixture.running(try fixture.outbox()) {
                try await eventually("21") { fixture.made == 21 }
                try await fixture.isQuiet()
            }
            #expect(fixture.made == 21 && fixture.hashes().count == 21)
        }
    }

    @Test("an edited file becomes the next revision; a touched one with the same bytes does not")
    func edits() async throws {
        try await OutboxFixture.run { fixture in
            try fixture.drop("one", "a.txt")
            try await fixture.running(try fixture.outbox()) {
                try await fixture.holds(["a.txt": "one"])
                try fixture.drop("two", "a.txt")
                try await fixture.holds(["a.txt": "two"])
                try fixture.drop("two", "a.txt")
                try await eventually("a look") {
                    let row = try await fixture.store.outboxFile(OutboxPath("a.txt"))
                    let state = try WatchedFolder(fixture.place("out")).state(OutboxPath("a.txt"))
                    return row?.receipt?.of == state
                }
            }
            #expect(fixture.made == 2)
        }
    }

    @Test("a file that is dropped again after it was removed is an update, not a second file")
    func droppedAgain() async throws {
        try await OutboxFixture.run { fixture in
            try await fixture.running(try fixture.outbox(.delete)) {
                for text in ["monday", "tuesday", "tuesday", "wednesday"] {
                    try fixture.drop(text, "report.txt")
                    try await eventually("removal") { fixture.names() == [] }
                    try await fixture.holds(["report.txt": text])
                }
                _ = try fixture.account.delete("/in/report.txt")
                try fixture.drop("wednesday", "report.txt")
                try await eventually("removal") { fixture.names() == [] }
                try await fixture.holds(["report.txt": "wednesday"])
            }
        }
    }

    @Test("something newer in the account is never replaced: both are there")
    func conflict() async throws {
        try await OutboxFixture.run { fixture in
            try fixture.account.put("/in/taken.txt", "theirs")
            try await fixture.running(try fixture.outbox()) {
                try fixture.drop("mine", "taken.txt")
                try fixture.drop("one", "a.txt")
                try await fixture.holds(["taken.txt": "theirs", "taken (1).txt": "mine", "a.txt": "one"])
                try fixture.account.put("/in/a.txt", "newer")
                try fixture.drop("two", "a.txt")
                try await fixture.holds([
                    "taken.txt": "theirs", "taken (1).txt": "mine", "a.txt": "newer",
                    "a (conflicted copy).txt": "two",
                ])
                // What goes on is our own copy.
                try fixture.drop("three", "a.txt")
                try fixture.drop("mine too", "taken.txt")
                try await fixture.holds([
                    "taken.txt": "theirs", "taken (1).txt": "mine too", "a.txt": "newer",
                    "a (conflicted copy).txt": "three",
                ])
            }
        }
    }

    @Test("a file that is being written waits; one that is changed while it goes up goes up again")
    func changing() async throws {
        try await OutboxFixture.run { fixture in
            let edits = Mutex(0)
            let outbox = try fixture.outbox { point in
                guard point == .intended,
                    edits.withLock({
                        $0 += 1; return $0
                    }) == 1
                else { return }
                try fixture.drop(String(repeating: "new", count: 4_000_000), "a.bin")
            }
            try fixture.drop(String(repeating: "old", count: 4_000_000), "a.bin")
            try await fixture.running(outbox) {
                try await fixture.holds(["a.bin": String(repeating: "new", count: 4_000_000)])
                try await fixture.isQuiet()
            }
            #expect(fixture.hashes().count == 1 && edits.withLock { $0 } == 2)
        }
    }

    @Test("news that the kernel has lost are found by a scan")
    func overflow() async throws {
        try await OutboxFixture.run { fixture in
            let outbox = try fixture.outbox(listens: false, rescan: .seconds(3600))
            try fixture.drop("one", "one.txt")
            try await fixture.running(outbox) {
                try await fixture.holds(["one.txt": "one"])
                try fixture.drop("two", "a/two.txt")
                outbox.watchEvents.add([.event(.overflow)])
                try await fixture.holds(["one.txt": "one", "a/two.txt": "two"])
            }
        }
    }

    @Test("without news of the kernel a scan now and then does")
    func blind() async throws {
        try await OutboxFixture.run { fixture in
            try fixture.drop("one", "one.txt")
            try await fixture.running(try fixture.outbox(listens: false, rescan: .milliseconds(50))) {
                try await fixture.holds(["one.txt": "one"])  // so that the first scan is over
                try fixture.drop("two", "a/two.txt")
                try await fixture.holds(["one.txt": "one", "a/two.txt": "two"])
            }
        }
    }

    @Test("files in folders that have just been made are not missed, however fast they come")
    func folderRace() async throws {
        try await OutboxFixture.run { fixture in
            var wanted: [String: String] = [:]
            try await fixture.running(try fixture.outbox()) {
                for round in 0..<60 {
                    let name = "\(round)/a/b/c/d/e/file.txt"
                    try fixture.drop("\(round)", name)
                    wanted[name] = "\(round)"
                }
                try await fixture.holds(wanted)
            }
        }
    }

    @Test("folders that are moved in, out and about")
    func movedFolders() async throws {
        try await OutboxFixture.run { fixture in
            let files = FileManager.default
            try fixture.place.write("one", to: "elsewhere/sub/one.txt")
            try await fixture.running(try fixture.outbox()) {
                try files.moveItem(atPath: fixture.place("elsewhere"), toPath: fixture.place("out/in"))
                try await fixture.holds(["in/sub/one.txt": "one"])
                try files.moveItem(atPath: fixture.place("out/in"), toPath: fixture.place("out/renamed"))
                try await fixture.holds(["in/sub/one.txt": "one", "renamed/sub/one.txt": "one"])
                try fixture.drop("two", "renamed/sub/two.txt")
                try await fixture.holds([
                    "in/sub/one.txt": "one", "renamed/sub/one.txt": "one", "renamed/sub/two.txt": "two",
                ])
                try files.moveItem(atPath: fixture.place("out/renamed"), toPath: fixture.place("gone"))
                try fixture.place.write("three", to: "gone/sub/three.txt")
                try await eventually("nothing") {
                    try await fixture.store.presentInOutbox(limit: 10) == []
                }
            }
            #expect(fixture.hashes().count == 3)
        }
    }

    @Test("links are not followed; pipes, names of our own and excluded ones stay")
    func leftAlone() async throws {
        try await OutboxFixture.run { fixture in
            try fixture.place.write("secret", to: "outside/secret.txt")
            let files = FileManager.default
            try files.createSymbolicLink(
                atPath: fixture.place("out/link.txt"), withDestinationPath: fixture.place("outside/secret.txt"))
            try files.createSymbolicLink(
                atPath: fixture.place("out/folder"), withDestinationPath: fixture.place("outside"))
            #expect(mkfifo(fixture.place("out/pipe"), 0o600) == 0)
            try fixture.drop("x", ".dbxsync-part")
            try fixture.drop("x", "a/B.TMP")
            try fixture.drop("x", "build/x")
            try await fixture.running(try fixture.outbox(exclude: ["*.tmp", "build/"])) {
                try fixture.drop("late", "a/late.tmp")
                try fixture.drop("late", "build/late")
                try fixture.drop("yes", "a/yes.txt")
                try await fixture.holds(["a/yes.txt": "yes"])
                try await fixture.isQuiet()
            }
            #expect(fixture.made == 1)
            #expect(try await fixture.store.outboxBacklog().parked == 0)
        }
    }

    @Test("names that are not UTF-8 are listed, and go away from the list when they are renamed")
    func misnamed() async throws {
        try await OutboxFixture.run { fixture in
            let bad = Array(fixture.place("out/").utf8).map { CChar(bitPattern: $0) } + [CChar(bitPattern: 0xFF), 0]
            let file = bad.withUnsafeBufferPointer { $0.baseAddress.map { open($0, O_CREAT | O_WRONLY, 0o600) } ?? -1 }
            try #require(file >= 0)
            close(file)
            try await fixture.running(try fixture.outbox()) {
                try await eventually("a trouble") {
                    try await fixture.store.outboxIssues(limit: 9).map(\.path) == ["\u{FFFD}"]
                }
                let good = fixture.place("out/good")
                #expect(bad.withUnsafeBufferPointer { $0.baseAddress.map { rename($0, good) } } == 0)
                try await fixture.holds(["good": ""])
                try await eventually("no trouble") {
                    try await fixture.store.outboxIssues(limit: 9).isEmpty
                }
            }
        }
    }

    @Test("a folder that is gone, and comes back, is told and goes on")
    func rootGone() async throws {
        try await OutboxFixture.run { fixture in
            try fixture.drop("one", "one.txt")
            try await fixture.running(try fixture.outbox(rescan: .milliseconds(200))) {
                try await fixture.holds(["one.txt": "one"])
                try FileManager.default.moveItem(atPath: fixture.place("out"), toPath: fixture.place("away"))
                try await eventually("a trouble") {
                    try await fixture.store.outboxIssues(limit: 9).map(\.path) == [""]
                }
                try fixture.drop("two", "two.txt")
                try await fixture.holds(["one.txt": "one", "two.txt": "two"])
                try await eventually("no trouble") {
                    try await fixture.store.outboxIssues(limit: 9).isEmpty
                }
            }
        }
    }
}
