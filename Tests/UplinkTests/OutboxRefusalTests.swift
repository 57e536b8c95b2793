import Foundation
import Sandbox
import Store
import SyncModel
import TestSupport
import Testing
import Uploading

@testable import Uplink

/// What Dropbox does not take, and what cannot be reached.
struct OutboxRefusalTests {
    private func trouble(_ world: OutboxWorld, fileID: String = #fileID, line: Int = #line) async throws -> Trouble {
        var found: [Trouble] = []
        try await eventually("a trouble", fileID: fileID, line: line) {
            found = try await world.store.outboxTroubles(limit: 9)
            return !found.isEmpty
        }
        return try #require(found.count == 1 ? found[0] : nil)
    }

    @Test("a name that Dropbox refuses is parked, with its reason, and the others go up")
    func badName() async throws {
        try await OutboxWorld.run { world in
            world.account.configure { $0.disallowedName = "bad.txt" }
            try world.drop("x", "a/bad.txt")
            try world.drop("y", "good.txt")
            try await world.running(try world.outbox()) {
                try await world.holds(["good.txt": "y"])
                let trouble = try await trouble(world)
                #expect(trouble.path == "a/bad.txt" && trouble.isParked && trouble.attempts == 1)
                #expect(trouble.reason.hasPrefix("Dropbox takes no file of that name"))
                #expect(try #require(trouble.nextTry) > Int64(time(nil)) + 80_000)
                try FileManager.default.moveItem(
                    atPath: world.place("out/a/bad.txt"), toPath: world.place("out/a/fine.txt"))
                try await world.holds(["good.txt": "y", "a/fine.txt": "x"])
                try await eventually("no trouble") {
                    try await world.store.outboxTroubles(limit: 9).isEmpty
                }
            }
        }
    }

    @Test("no space and no permission are parked, tried again by the next start, and nothing is lost")
    func noSpaceNoPermission() async throws {
        for isSpace in [true, false] {
            try await OutboxWorld.run { world in
                world.account.configure { settings in
                    if isSpace { settings.quota = 10 } else { settings.readOnlyFolder = "/in" }
                }
                try world.drop("more than there is room for", "a.txt")
                try await world.running(try world.outbox(.delete)) {
                    let trouble = try await trouble(world)
                    #expect(trouble.isParked && trouble.reason.contains(isSpace ? "no space left" : "reading only"))
                    #expect(try #require(trouble.nextTry) > Int64(time(nil)) + 1800)
                    #expect(world.names() == ["a.txt"])
                }
                world.account.configure { ($0.quota, $0.readOnlyFolder) = (0, "") }
                try await world.running(try world.outbox(.delete)) {
                    try await world.holds(["a.txt": "more than there is room for"])
                    try await eventually("removal") { world.names() == [] }
                }
                #expect(world.made == 1)
            }
        }
    }

    @Test("while the server fails for everything, nothing is wrong with the files, and it goes on by itself")
    func unreachable() async throws {
        try await OutboxWorld.run { world in
            try world.drop("x", "a.txt")
            await world.server.stop()
            try await world.running(try world.outbox()) {
                try await eventually("a file that waits") {
                    try await world.store.outboxBacklog().waiting == 1
                }
                try await Task.sleep(for: .milliseconds(300))
                #expect(try await world.store.outboxTroubles(limit: 9).isEmpty)
            }
        }
    }

    @Test("an error is the file's affair, everybody's, or the end")
    func verdicts() {
        let denied = DiskProblem("cannot be opened", EACCES)
        #expect(Verdict(denied) == .file(OutboxFailure(reason: "cannot be opened: Permission denied")))
        #expect(Verdict(FileChanged()) == .changed)
        #expect(Verdict(StoreError(code: .full, message: "full")) == .everything(after: nil))
        #expect(Verdict(StoreError(code: .damaged, message: "damaged")) == .end)
    }
}
