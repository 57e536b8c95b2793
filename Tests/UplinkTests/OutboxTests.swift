import FileEvents
import Foundation
import Glibc
import Sandbox
import Store
import SyncModel
import Synchronization
import TestSupport
import Testing

@testable import Uplink

/// The outbox with a real folder, the real state file and the sandbox.
struct OutboxTests {
    @Test("what stands there, and what is put there, goes up with its folders")
    func goesUp() async throws {
        try await OutboxWorld.run { world in
            try world.drop("one", "before.txt")
            try world.drop("two", "a/b/before.txt")
            try await world.running(try world.outbox()) {
                try await world.holds(["before.txt": "one", "a/b/before.txt": "two"])
                try world.drop("three", "later.txt")
                try world.drop("four", "x/y/z/later.txt")
                try await world.holds([
                    "before.txt": "one", "a/b/before.txt": "two", "later.txt": "three", "x/y/z/later.txt": "four",
                ])
            }
            #expect(world.made == 4)
            #expect(
                world.names() == [
                    "a", "a/b", "a/b/before.txt", "before.txt", "later.txt", "x", "x/y", "x/y/z", "x/y/z/later.txt",
                ])
        }
    }

    @Test("many small files become files of the account together, one request at a time")
    func together() async throws {
        try await OutboxWorld.run { world in
            world.account.configure { $0.delay = 20 }
            for number in 0..<200 { try world.drop("text \(number)", "\(number).txt") }
            try await world.running(try world.outbox()) {
                try await eventually("200") { world.made == 200 }
                try await world.isQuiet()
            }
            let finishes = world.server.log.records.filter { $0.endpoint.contains("upload_session/finish") }
            #expect(finishes.count < 120 && world.hashes().count == 200)
            #expect(finishes.contains { $0.endpoint.hasSuffix("finish_batch_v2") })
        }
    }

    @Test("a restart uploads nothing again; what was removed here stays there")
    func restart() async throws {
        try await OutboxWorld.run { world in
            for number in 0..<20 { try world.drop("text \(number)", "\(number).txt") }
            try await world.running(try world.outbox()) {
                try await eventually("20") { world.made == 20 }
            }
            try world.remove("3.txt")
            try world.drop("new", "new.txt")
            try await world.running(try world.outbox()) {
                try await eventually("21") { world.made == 21 }
                try await world.isQuiet()
            }
            #expect(world.made == 21 && world.hashes().count == 21)
        }
    }

    @Test("an edited file becomes the next revision; a touched one with the same bytes does not")
    func edits() async throws {
        try await OutboxWorld.run { world in
            try world.drop("one", "a.txt")
            try await world.running(try world.outbox()) {
                try await world.holds(["a.txt": "one"])
                try world.drop("two", "a.txt")
                try await world.holds(["a.txt": "two"])
                try world.drop("two", "a.txt")
                try await eventually("a look") {
                    let row = try await world.store.outboxFile(OutboxPath("a.txt"))
                    let state = try WatchedFolder(world.place("out")).state(OutboxPath("a.txt"))
                    return row?.receipt?.of == state
                }
            }
            #expect(world.made == 2)
        }
    }

    @Test("a file that is dropped again after it was removed is an update, not a second file")
    func droppedAgain() async throws {
        try await OutboxWorld.run { world in
            try await world.running(try world.outbox(.delete)) {
                for text in ["monday", "tuesday", "tuesday", "wednesday"] {
                    try world.drop(text, "report.txt")
                    try await eventually("removal") { world.names() == [] }
                    try await world.holds(["report.txt": text])
                }
                _ = try world.account.delete("/in/report.txt")
                try world.drop("wednesday", "report.txt")
                try await eventually("removal") { world.names() == [] }
                try await world.holds(["report.txt": "wednesday"])
            }
        }
    }

    @Test("something newer in the account is never replaced: both are there")
    func conflict() async throws {
        try await OutboxWorld.run { world in
            try world.account.put("/in/taken.txt", "theirs")
            try await world.running(try world.outbox()) {
                try world.drop("mine", "taken.txt")
                try world.drop("one", "a.txt")
                try await world.holds(["taken.txt": "theirs", "taken (1).txt": "mine", "a.txt": "one"])
                try world.account.put("/in/a.txt", "newer")
                try world.drop("two", "a.txt")
                try await world.holds([
                    "taken.txt": "theirs", "taken (1).txt": "mine", "a.txt": "newer",
                    "a (conflicted copy).txt": "two",
                ])
                // What goes on is our own copy.
                try world.drop("three", "a.txt")
                try world.drop("mine too", "taken.txt")
                try await world.holds([
                    "taken.txt": "theirs", "taken (1).txt": "mine too", "a.txt": "newer",
                    "a (conflicted copy).txt": "three",
                ])
            }
        }
    }

    @Test("a file that is being written waits; one that is changed while it goes up goes up again")
    func changing() async throws {
        try await OutboxWorld.run { world in
            let edits = Mutex(0)
            let outbox = try world.outbox { point in
                guard point == .intended,
                    edits.withLock({
                        $0 += 1; return $0
                    }) == 1
                else { return }
                try world.drop(String(repeating: "new", count: 4_000_000), "a.bin")
            }
            try world.drop(String(repeating: "old", count: 4_000_000), "a.bin")
            try await world.running(outbox) {
                try await world.holds(["a.bin": String(repeating: "new", count: 4_000_000)])
                try await world.isQuiet()
            }
            #expect(world.hashes().count == 1 && edits.withLock { $0 } == 2)
        }
    }

    @Test("news that the kernel has lost are found by a scan")
    func overflow() async throws {
        try await OutboxWorld.run { world in
            let outbox = try world.outbox(listens: false, rescan: .seconds(3600))
            try world.drop("one", "one.txt")
            try await world.running(outbox) {
                try await world.holds(["one.txt": "one"])
                try world.drop("two", "a/two.txt")
                outbox.inbox.add([.event(.overflow)])
                try await world.holds(["one.txt": "one", "a/two.txt": "two"])
            }
        }
    }

    @Test("without news of the kernel a scan now and then does")
    func blind() async throws {
        try await OutboxWorld.run { world in
            try await world.running(try world.outbox(listens: false, rescan: .milliseconds(50))) {
                try await Task.sleep(for: .milliseconds(200))
                try world.drop("one", "a/one.txt")
                try await world.holds(["a/one.txt": "one"])
            }
        }
    }

    @Test("files in folders that have just been made are not missed, however fast they come")
    func folderRace() async throws {
        try await OutboxWorld.run { world in
            var wanted: [String: String] = [:]
            try await world.running(try world.outbox()) {
                for round in 0..<60 {
                    let name = "\(round)/a/b/c/d/e/file.txt"
                    try world.drop("\(round)", name)
                    wanted[name] = "\(round)"
                }
                try await world.holds(wanted)
            }
        }
    }

    @Test("folders that are moved in, out and about")
    func movedFolders() async throws {
        try await OutboxWorld.run { world in
            let files = FileManager.default
            try world.place.write("one", to: "elsewhere/sub/one.txt")
            try await world.running(try world.outbox()) {
                try files.moveItem(atPath: world.place("elsewhere"), toPath: world.place("out/in"))
                try await world.holds(["in/sub/one.txt": "one"])
                try files.moveItem(atPath: world.place("out/in"), toPath: world.place("out/renamed"))
                try await world.holds(["in/sub/one.txt": "one", "renamed/sub/one.txt": "one"])
                try world.drop("two", "renamed/sub/two.txt")
                try await world.holds([
                    "in/sub/one.txt": "one", "renamed/sub/one.txt": "one", "renamed/sub/two.txt": "two",
                ])
                try files.moveItem(atPath: world.place("out/renamed"), toPath: world.place("gone"))
                try world.place.write("three", to: "gone/sub/three.txt")
                try await eventually("nothing") {
                    try await world.store.standingInOutbox(limit: 10) == []
                }
            }
            #expect(world.hashes().count == 3)
        }
    }

    @Test("links are not followed; pipes, names of our own and excluded ones stay")
    func leftAlone() async throws {
        try await OutboxWorld.run { world in
            try world.place.write("secret", to: "outside/secret.txt")
            let files = FileManager.default
            try files.createSymbolicLink(
                atPath: world.place("out/link.txt"), withDestinationPath: world.place("outside/secret.txt"))
            try files.createSymbolicLink(atPath: world.place("out/folder"), withDestinationPath: world.place("outside"))
            #expect(mkfifo(world.place("out/pipe"), 0o600) == 0)
            try world.drop("x", ".dbxsync-part")
            try world.drop("x", "a/B.TMP")
            try world.drop("x", "build/x")
            try await world.running(try world.outbox(exclude: ["*.tmp", "build/"])) {
                try world.drop("late", "a/late.tmp")
                try world.drop("late", "build/late")
                try world.drop("yes", "a/yes.txt")
                try await world.holds(["a/yes.txt": "yes"])
                try await world.isQuiet()
            }
            #expect(world.made == 1)
            #expect(try await world.store.outboxBacklog().parked == 0)
        }
    }

    @Test("names that are not UTF-8 are listed, and go away from the list when they are renamed")
    func misnamed() async throws {
        try await OutboxWorld.run { world in
            let bad = Array(world.place("out/").utf8).map { CChar(bitPattern: $0) } + [CChar(bitPattern: 0xFF), 0]
            let file = bad.withUnsafeBufferPointer { $0.baseAddress.map { open($0, O_CREAT | O_WRONLY, 0o600) } ?? -1 }
            try #require(file >= 0)
            close(file)
            try await world.running(try world.outbox()) {
                try await eventually("a trouble") {
                    try await world.store.outboxTroubles(limit: 9).map(\.path) == ["\u{FFFD}"]
                }
                let good = world.place("out/good")
                #expect(bad.withUnsafeBufferPointer { $0.baseAddress.map { rename($0, good) } } == 0)
                try await world.holds(["good": ""])
                try await eventually("no trouble") {
                    try await world.store.outboxTroubles(limit: 9).isEmpty
                }
            }
        }
    }

    @Test("a folder that is gone, and comes back, is told and goes on")
    func rootGone() async throws {
        try await OutboxWorld.run { world in
            try world.drop("one", "one.txt")
            try await world.running(try world.outbox(rescan: .milliseconds(200))) {
                try await world.holds(["one.txt": "one"])
                try FileManager.default.moveItem(atPath: world.place("out"), toPath: world.place("away"))
                try await eventually("a trouble") {
                    try await world.store.outboxTroubles(limit: 9).map(\.path) == [""]
                }
                try world.drop("two", "two.txt")
                try await world.holds(["one.txt": "one", "two.txt": "two"])
                try await eventually("no trouble") {
                    try await world.store.outboxTroubles(limit: 9).isEmpty
                }
            }
        }
    }
}
