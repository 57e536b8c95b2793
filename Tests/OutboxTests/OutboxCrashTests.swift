import Foundation
import Sandbox
import Store
import SyncModel
import Synchronization
import TestSupport
import Testing

@testable import Outbox

/// Ends of the process at every point, and what is made of it afterwards.
@Suite(.timeLimit(.minutes(10)))
struct OutboxCrashTests {
    private static let afters: [AfterUpload] = [.keep, .delete, .move("done")]

    @Test("an end at any point neither loses nor repeats an upload", arguments: OutboxPoint.allCases, afters)
    func everyPoint(point: OutboxPoint, after: AfterUpload) async throws {
        try await OutboxFixture.run { fixture in
            if after == .keep && [.setAside, .disposed].contains(point) { return }
            try fixture.drop("one", "a/one.txt")
            await fixture.crash(try fixture.outbox(after) { if $0 == point { throw OutboxStop() } })
            try await fixture.running(try fixture.outbox(after)) {
                try await fixture.holds(["a/one.txt": "one"])
                let entry = ["a"] + (after == .keep ? ["a/one.txt"] : [])
                let done = after == .move("done") ? ["done", "done/a", "done/a/one.txt"] : []
                try await eventually("the end", or: "\(fixture.names())") {
                    fixture.names() == entry + done
                }
                try await fixture.isQuiet()
            }
            #expect(fixture.made == 1)
        }
    }

    @Test("what is edited between an end and the next start is not removed, and goes up")
    func editedMeanwhile() async throws {
        for point in [OutboxPoint.sent, .confirmed] {
            try await OutboxFixture.run { fixture in
                try fixture.drop("one", "one.txt")
                await fixture.crash(try fixture.outbox(.delete) { if $0 == point { throw OutboxStop() } })
                try fixture.drop("edited", "one.txt")
                try await fixture.running(try fixture.outbox(.delete)) {
                    try await fixture.holds(["one.txt": "edited"])
                    try await eventually("removal") { fixture.names() == [] }
                }
                #expect(fixture.made == 2)
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
        try await OutboxFixture.run { fixture in
            try fixture.drop("one", "one.txt")
            let outbox = try fixture.outbox(.delete, hook: once(at: .setAside) { try fixture.drop("two", "one.txt") })
            try await fixture.running(outbox) {
                try await fixture.holds(["one.txt": "two"])
                try await eventually("removal") { fixture.names() == [] }
            }
            #expect(fixture.made == 2)
        }
    }

    @Test("a file that is written while it is about to be removed comes back, and goes up again")
    func writtenMeanwhile() async throws {
        try await OutboxFixture.run { fixture in
            try fixture.drop("one", "one.txt")
            let hook = once(at: .setAside) {
                let hidden = try #require(fixture.names().first { $0.hasPrefix(".dbxsync-sent-") })
                let file = try FileHandle(forWritingTo: URL(filePath: fixture.place("out/" + hidden)))
                try file.seekToEnd()
                try file.write(contentsOf: Data(" more".utf8))
                try file.close()
            }
            try await fixture.running(try fixture.outbox(.delete, hook: hook)) {
                try await fixture.holds(["one.txt": "one more"])
                try await eventually("removal") { fixture.names() == [] }
            }
        }
    }

    @Test("a file that somebody has open for writing is not removed")
    func openForWriting() async throws {
        try await OutboxFixture.run { fixture in
            try fixture.drop("one", "one.txt")
            let writer = try FileHandle(forWritingTo: URL(filePath: fixture.place("out/one.txt")))
            try await fixture.running(try fixture.outbox(.delete)) {
                try await fixture.holds(["one.txt": "one"])
                try await eventually("a wait") {
                    try await fixture.store.outboxFile(OutboxPath("one.txt"))?.notBefore != nil
                }
                #expect(fixture.names() == ["one.txt"])
                try writer.seekToEnd()
                try writer.write(contentsOf: Data(" and more".utf8))
                try writer.close()
                try await fixture.holds(["one.txt": "one and more"])
                try await eventually("removal") { fixture.names() == [] }
            }
        }
    }

    @Test("files are moved where nothing is replaced, also to another place")
    func moved() async throws {
        for target in ["done", nil] {
            try await OutboxFixture.run { fixture in
                let absolute = try fixture.place.folder("archive")
                let folder = target.map { "out/" + $0 } ?? "archive"
                try await fixture.running(try fixture.outbox(.move(target ?? absolute))) {
                    for text in ["one", "two", "three"] {
                        try fixture.drop(text, "a/file.txt")
                        try await fixture.holds(["a/file.txt": text])
                        try await eventually("a move") { !fixture.names().contains("a/file.txt") }
                    }
                }
                #expect(fixture.names(folder) == ["a", "a/file (1).txt", "a/file (2).txt", "a/file.txt"])
                #expect(fixture.made == 3)
            }
        }
    }

    @Test("a large file goes on where its session stands")
    func largeFile() async throws {
        try await OutboxFixture.run { fixture in
            let size: Int64 = 60_000_000
            let bytes = Content.generated(seed: 1, size: size).load()
            try Data(bytes).write(to: URL(filePath: fixture.place("out/large.bin")))
            fixture.account.configure { $0.uploadRate = 20_000_000 }
            func appended() -> Int {
                fixture.server.log.records.count { $0.endpoint.hasSuffix("append_v2") && $0.status == 200 }
            }
            for kill in 1...3 {
                try await fixture.running(try fixture.outbox()) {
                    try await eventually("pieces") { appended() >= kill * 3 }
                }
            }
            fixture.account.configure { $0.uploadRate = 0 }
            try await fixture.running(try fixture.outbox()) {
                try await eventually("the file") {
                    fixture.hashes() == ["large.bin": contentHash(of: bytes)]
                }
                try await fixture.isQuiet()
            }
            #expect(fixture.server.log.counters.endpoints["files/upload_session/start"] == 1)
            #expect(fixture.made == 1)
        }
    }
}
