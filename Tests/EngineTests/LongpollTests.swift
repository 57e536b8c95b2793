import Foundation
import Logging
import MirrorFS
import Sandbox
import Store
import SyncModel
import Synchronization
import TestSupport
import Testing

@testable import Engine

/// Longpolls that tell nothing are not repeated at once.
@Suite(.timeLimit(.minutes(30)))
struct LongpollTests {
    @Test("each kind of useless answer doubles the pause, and one that keeps its word ends it") func pauses() {
        let limit = Duration.seconds(30)
        let longpollBackoff = LongpollBackoff()
        #expect(longpollBackoff.pause(jitter: 0) == nil)
        for expected in [5, 10, 20, 40, 80, 160, 300, 300] {
            longpollBackoff.answered(false, after: .seconds(14), of: limit)
            #expect(longpollBackoff.pause(jitter: 0) == .seconds(expected))
        }
        #expect(longpollBackoff.pause(jitter: 1) == .seconds(150))
        longpollBackoff.answered(false, after: .seconds(15), of: limit)
        #expect(longpollBackoff.pause(jitter: 0) == nil)
        for expected in [5, 10] {
            longpollBackoff.answered(true, after: .zero, of: limit)
            longpollBackoff.changesRead(foundAny: false)
            #expect(longpollBackoff.pause(jitter: 0) == .seconds(expected))
        }
        longpollBackoff.changesRead(foundAny: false)
        #expect(longpollBackoff.pause(jitter: 0) == .seconds(10), "nothing was promised")
        longpollBackoff.answered(true, after: .zero, of: limit)
        longpollBackoff.changesRead(foundAny: true)
        #expect(longpollBackoff.pause(jitter: 0) == nil)
        longpollBackoff.failed()
        longpollBackoff.promised()
        longpollBackoff.changesRead(foundAny: false)
        #expect(longpollBackoff.pause(jitter: 0) == .seconds(10))
    }

    @Test(
        "a server that answers every longpoll at once is asked seldom, and so is the account",
        arguments: [Answer.success(false), .success(true), .failure(.cursorReset), .failure(.abortPass)])
    func atOnce(_ answer: Answer) async throws {
        let fixture = try EngineFixture()
        _ = try fixture.account.put("/a", "one")
        let (store, mirror, disk) = try await fixture.parts()
        let clock = PatientClock(longest: .seconds(300))
        let remote = HastyRemote(fixture.remote, answer.result)
        let time = fixture.time
        let engine = SyncEngine(
            remote: remote, store: store, mirror: mirror, disk: disk,
            settings: EngineSettings(
                interval: .seconds(3600), parallel: 2, minFreeSpace: 0, bulk: nil, listensAfter: .seconds(3600)),
            environment: EngineEnvironment(clock: clock, now: { time.now }, jitter: { 0 }),
            board: fixture.board, logger: Logger(label: "longpoll") { _ in SwiftLogNoOpLogHandler() })
        let running = Task { try await engine.run() }
        defer { running.cancel() }
        try await eventually("ten longpolls") { remote.longpolls >= 10 }
        let pages = fixture.remote.pages
        running.cancel()
        _ = await running.result
        let pauses: [Duration] = [5, 10, 20, 40, 80, 160, 300, 300, 300].map { .seconds($0) }
        #expect(Array(clock.sleeps.prefix(9)) == pauses)
        #expect(pages <= remote.longpolls + 1)
    }

    enum Answer: Sendable {
        case success(Bool)
        case failure(Disposition)

        var result: Result<Bool, SandboxError> {
            switch self {
            case .success(let changed): .success(changed)
            case .failure(let disposition): .failure(SandboxError(disposition: disposition))
            }
        }
    }
}

/// Answers each longpoll at once.
private final class HastyRemote: RemoteSource {
    private let remote: SandboxRemote
    private let answer: Result<Bool, SandboxError>
    private let count = Atomic<Int>(0)

    init(_ remote: SandboxRemote, _ answer: Result<Bool, SandboxError>) {
        self.remote = remote
        self.answer = answer
    }

    var longpolls: Int { count.load(ordering: .relaxed) }

    func changes(since cursor: Cursor?) async throws -> ChangePage { try await remote.changes(since: cursor) }

    func awaitChange(after cursor: Cursor, for limit: Duration) async throws -> Bool {
        count.wrappingAdd(1, ordering: .relaxed)
        return try answer.get()
    }

    func download(_ version: FileVersion, into sink: any ByteSink) async throws {
        try await remote.download(version, into: sink)
    }

    func downloadSegment(_ version: FileVersion, upTo end: Int64, into sink: any ByteSink) async throws {
        try await remote.downloadSegment(version, upTo: end, into: sink)
    }

    func export(_ file: ExportedFile, into sink: any ByteSink) async throws -> ExportAnswer {
        try await remote.export(file, into: sink)
    }

    func revision(at key: RemoteKey) async throws -> Rev? { try await remote.revision(at: key) }

    func downloadZip(of folder: RemoteKey, into sink: any ByteSink) async throws {
        try await remote.downloadZip(of: folder, into: sink)
    }
}

/// A clock on which the first waits for a longpoll are over at once, and are remembered; longer ones never end by
/// themselves, nor does the wait for the next look at the mirror; those of a few seconds are others' and take what they
/// take.
private final class PatientClock: Clock {
    struct Instant: InstantProtocol {
        var offset: Duration
        func advanced(by duration: Duration) -> Instant { Instant(offset: offset + duration) }
        func duration(to other: Instant) -> Duration { other.offset - offset }
        static func < (a: Instant, b: Instant) -> Bool { a.offset < b.offset }
    }

    private let longest: Duration
    private let mostSleeps = 9
    private let state = Mutex<(now: Duration, sleeps: [Duration])>((.zero, []))

    init(longest: Duration) { self.longest = longest }

    var sleeps: [Duration] { state.withLock { $0.sleeps } }
    var now: Instant { Instant(offset: state.withLock { $0.now }) }
    var minimumResolution: Duration { .nanoseconds(1) }

    func sleep(until deadline: Instant, tolerance: Duration?) async throws {
        try Task.checkCancellation()
        let duration = deadline.offset - now.offset
        if duration < .seconds(5) { return try await Task.sleep(for: duration) }
        let isShort = state.withLock { state in
            guard duration <= longest, duration != Wakeup.probeInterval, state.sleeps.count < mostSleeps else {
                return false
            }
            state.sleeps.append(duration)
            state.now = deadline.offset
            return true
        }
        await Task.yield()
        if !isShort { try await Task.sleep(for: .seconds(86_400)) }
    }
}
