import Foundation
import Sandbox
import Store
import SyncModel
import Synchronization
import TestSupport
import Testing

@testable import Uplink

/// Ends of the process at every point, and what is made of it afterwards.
struct OutboxCrashTests {
    private static let afters: [AfterUpload] = [.keep, .delete, .move("done")]

    @Test("an end at any point neither loses nor repeats an upload", arguments: OutboxPoint.allCases, afters)
    func everyPoint(point: OutboxPoint, after: AfterUpload) async throws {
        try await OutboxWorld.run { world in
            if after == .keep && [.setAside, .disposed].contains(point) { return }
            try world.drop("one", "a/one.txt")
            await world.crash(try world.outbox(after) { if $0 == point { throw OutboxStop() } })
            try await world.running(try world.outbox(after)) {
                try await world.holds(["a/one.txt": "one"])
                let standing = ["a"] + (after == .keep ? ["a/one.txt"] : [])
                let done = after == .move("done") ? ["done", "done/a", "done/a/one.txt"] : []
                try await eventually("the end", or: "\(world.names())") {
                    world.names() == standing + done
                }
                try await world.isQuiet()
            }
            #expect(world.made == 1)
        }
    }

    @Test("what is edited between an end and the next start is not removed, and goes up")
    func editedMeanwhile() async throws {
        for point in [OutboxPoint.sent, .confirmed] {
            try await OutboxWorld.run { world in
                try world.drop("one", "one.txt")
                await world.crash(try world.outbox(.delete) { if $0 == point { throw OutboxStop() } })
                try world.drop("edited", "one.txt")
                try await world.running(try world.outbox(.delete)) {
                    try await world.holds(["one.txt": "edited"])
                    try await eventually("removal") { world.names() == [] }
                }
                #expect(world.made == 2)
            }
        }
    }

    /// Calls `act` when the outbox comes to `point` for the first time.
    private func once(at point: OutboxPoint, _ act: @escaping @Sendable () throws -> Void) -> OutboxHook {
        let isFirst = Atomic(true)
        return { here in
            guard here == point, isFirst.exchange(false, ordering: .relaxed) else { return }
            try act()
        }
    }

    @Test("what is dropped under the name of a file that is about to be removed is left alone")
    func droppedMeanwhile() async throws {
        try await OutboxWorld.run { world in
            try world.drop("one", "one.txt")
            let outbox = try world.outbox(.delete, hook: once(at: .setAside) { try world.drop("two", "one.txt") })
            try await world.running(outbox) {
                try await world.holds(["one.txt": "two"])
                try await eventually("removal") { world.names() == [] }
            }
            #expect(world.made == 2)
        }
    }

    @Test("a file that is written while it is about to be removed comes back, and goes up again")
    func writtenMeanwhile() async throws {
        try await OutboxWorld.run { world in
            try world.drop("one", "one.txt")
            let hook = once(at: .setAside) {
                let hidden = try #require(world.names().first { $0.hasPrefix(".dbxsync-sent-") })
                let file = try FileHandle(forWritingTo: URL(filePath: world.place("out/" + hidden)))
                try file.seekToEnd()
                try file.write(contentsOf: Data(" more".utf8))
                try file.close()
            }
            try await world.running(try world.outbox(.delete, hook: hook)) {
                try await world.holds(["one.txt": "one more"])
                try await eventually("removal") { world.names() == [] }
            }
        }
    }

    @Test("a file that somebody has open for writing is not removed")
    func openForWriting() async throws {
        try await OutboxWorld.run { world in
            try world.drop("one", "one.txt")
            let writer = try FileHandle(forWritingTo: URL(filePath: world.place("out/one.txt")))
            try await world.running(try world.outbox(.delete)) {
                try await world.holds(["one.txt": "one"])
                try await eventually("a wait") {
                    try await world.store.outboxFile(OutboxPath("one.txt"))?.notBefore != nil
                }
                #expect(world.names() == ["one.txt"])
                try writer.seekToEnd()
                try writer.write(contentsOf: Data(" and more".utf8))
                try writer.close()
                try await world.holds(["one.txt": "one and more"])
                try await eventually("removal") { world.names() == [] }
            }
        }
    }

    @Test("files are moved where nothing is replaced, also to another place")
    func moved() async throws {
        for target in ["done", nil] {
            try await OutboxWorld.run { world in
                let absolute = try world.place.folder("archive")
                let folder = target.map { "out/" + $0 } ?? "archive"
                try await world.running(try world.outbox(.move(target ?? absolute))) {
                    for text in ["one", "two", "three"] {
                        try world.drop(text, "a/file.txt")
                        try await world.holds(["a/file.txt": text])
                        try await eventually("a move") { !world.names().contains("a/file.txt") }
                    }
                }
                #expect(world.names(folder) == ["a", "a/file (1).txt", "a/file (2).txt", "a/file.txt"])
                #expect(world.made == 3)
            }
        }
    }

    @Test("a large file goes on where its session stands")
    func largeFile() async throws {
        try await OutboxWorld.run { world in
            let size: Int64 = 60_000_000
            let bytes = Content.generated(seed: 1, size: size).load()
            try Data(bytes).write(to: URL(filePath: world.place("out/large.bin")))
            world.account.configure { $0.uploadRate = 20_000_000 }
            func appended() -> Int {
                world.server.log.records.count { $0.endpoint.hasSuffix("append_v2") && $0.status == 200 }
            }
            for kill in 1...3 {
                try await world.running(try world.outbox()) {
                    try await eventually("pieces") { appended() >= kill * 3 }
                }
            }
            world.account.configure { $0.uploadRate = 0 }
            try await world.running(try world.outbox()) {
                try await eventually("the file") {
                    world.hashes() == ["large.bin": contentHash(of: bytes)]
                }
                try await world.isQuiet()
            }
            #expect(world.server.log.counters.endpoints["files/upload_session/start"] == 1)
            #expect(world.made == 1)
        }
    }
}
