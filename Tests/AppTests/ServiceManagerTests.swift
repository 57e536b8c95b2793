import Engine
import Foundation
import Glibc
import Synchronization
import MirrorFS
import SyncModel
import TestSupport
import Testing

@testable import dbxsync

/// The service manager's end of sd_notify: a datagram socket with a path.
private final class NotifySocket {
    let path: String
    private let descriptor: Int32

    init() throws {
        path = "/tmp/dbxsync-notify-\(UUID().uuidString)"
        descriptor = socket(AF_UNIX, Int32(SOCK_DGRAM.rawValue), 0)
        var address = sockaddr_un()
        address.sun_family = sa_family_t(AF_UNIX)
        withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: path.utf8) }
        let bound = withUnsafePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                bind(descriptor, $0, socklen_t(MemoryLayout<sockaddr_un>.size))
            }
        }
        try #require(descriptor >= 0 && bound == 0)
        var limit = timeval(tv_sec: 5, tv_usec: 0)
        setsockopt(descriptor, SOL_SOCKET, SO_RCVTIMEO, &limit, socklen_t(MemoryLayout<timeval>.size))
    }

    deinit {
        close(descriptor)
        unlink(path)
    }

    /// The next message.
    func receive() -> String {
        var buffer = [UInt8](repeating: 0, count: 4_096)
        let count = recv(descriptor, &buffer, buffer.count, 0)
        return String(decoding: buffer.prefix(max(0, count)), as: UTF8.self)
    }
}

/// Serialized: the environment is the process's.
@Suite(.timeLimit(.minutes(5)), .serialized)
struct SystemdNotifierTests {
    @Test("each call arrives at the socket as one message")
    func messages() throws {
        let socket = try NotifySocket()
        setenv("NOTIFY_SOCKET", socket.path, 1)
        defer { unsetenv("NOTIFY_SOCKET") }
        let notifier = SystemdNotifier()
        notifier.ready()
        #expect(socket.receive() == "READY=1")
        notifier.status("placing 1 of 2")
        #expect(socket.receive() == "STATUS=placing 1 of 2")
        notifier.status("placing 1 of 2")
        notifier.watchdog(.ping)
        #expect(socket.receive() == "WATCHDOG=1", "the same status was sent again")
        notifier.watchdog(.pingAndExpect(within: .seconds(5)))
        #expect(socket.receive() == "WATCHDOG=1\nWATCHDOG_USEC=5000000")
        notifier.status("at a\nREADY=1")
        #expect(socket.receive() == "STATUS=at a\\nREADY=1")
        notifier.stopping(status: "stopping")
        #expect(socket.receive() == "STOPPING=1\nSTATUS=stopping")
    }

    @Test("a reload says when it began, on the monotonic clock")
    func reloading() throws {
        let socket = try NotifySocket()
        setenv("NOTIFY_SOCKET", socket.path, 1)
        defer { unsetenv("NOTIFY_SOCKET") }
        var before = timespec()
        clock_gettime(CLOCK_MONOTONIC, &before)
        SystemdNotifier().reloading()
        var after = timespec()
        clock_gettime(CLOCK_MONOTONIC, &after)
        let lines = socket.receive().split(separator: "\n")
        #expect(lines.first == "RELOADING=1")
        let sent = try #require(lines.last.flatMap { Int64($0.drop { $0 != "=" }.dropFirst()) })
        #expect(sent >= Int64(before.tv_sec) * 1_000_000 + Int64(before.tv_nsec) / 1_000)
        #expect(sent <= Int64(after.tv_sec) * 1_000_000 + Int64(after.tv_nsec) / 1_000)
    }

    @Test("the watchdog interval is read when it is meant for this process")
    func watchdogInterval() {
        defer {
            unsetenv("WATCHDOG_USEC")
            unsetenv("WATCHDOG_PID")
        }
        #expect(SystemdNotifier.watchdogInterval == nil)
        setenv("WATCHDOG_USEC", "30000000", 1)
        #expect(SystemdNotifier.watchdogInterval == .seconds(30))
        setenv("WATCHDOG_PID", "999999999", 1)
        #expect(SystemdNotifier.watchdogInterval == nil)
        setenv("WATCHDOG_PID", "\(getppid())", 1)
        #expect(SystemdNotifier.watchdogInterval == .seconds(30), "started by a wrapper")
        setenv("WATCHDOG_PID", "\(getpid())", 1)
        #expect(SystemdNotifier.watchdogInterval == .seconds(30))
    }

    @Test("without a service manager nothing is sent, and with one the next message is")
    func nobody() throws {
        let socket = try NotifySocket()
        defer { unsetenv("NOTIFY_SOCKET") }
        let notifier = SystemdNotifier()
        unsetenv("NOTIFY_SOCKET")
        notifier.ready()
        notifier.status("unheard")
        notifier.stopping()
        setenv("NOTIFY_SOCKET", socket.path, 1)
        notifier.watchdog(.ping)
        #expect(socket.receive() == "WATCHDOG=1")
    }
}

@Suite(.timeLimit(.minutes(5)))
struct WatchdogTests {
    @Test("a beat that stands still gives no ping")
    func entry() {
        var watchdog = Watchdog(interval: .seconds(20), heartbeat: 7)
        #expect(
            [7, 8, 8, 8, 12, 11, 12, 13].map { watchdog.message(heartbeat: $0, allowedQuietTime: .zero) } == [
                nil, .ping, nil, nil, .ping, nil, nil, .ping,
            ])
    }

    @Test("a long step is told before it, granted once, and ends with the next thing that is finished")
    func allowedQuietTime() {
        var watchdog = Watchdog(interval: .seconds(20), heartbeat: 7)
        #expect(
            watchdog.message(heartbeat: 8, allowedQuietTime: .seconds(300)) == .pingAndExpect(within: .seconds(320)))
        #expect(watchdog.message(heartbeat: 8, allowedQuietTime: .seconds(295)) == nil)
        #expect(watchdog.message(heartbeat: 9, allowedQuietTime: .zero) == .pingAndExpect(within: .seconds(20)))
        #expect(watchdog.message(heartbeat: 10, allowedQuietTime: .zero) == .ping)
    }

    @Test("the board knows the longest silence that is expected, until the work is done")
    func expected() async throws {
        let board = StatusBoard()
        #expect(board.allowedQuietTime == .zero)
        let before = board.heartbeat
        await board.withQuietPeriod(upTo: .seconds(1000)) {
            #expect(board.allowedQuietTime > .seconds(900))
            await board.withQuietPeriod(upTo: .seconds(10)) { #expect(board.allowedQuietTime > .seconds(900)) }
            #expect(board.allowedQuietTime > .seconds(900))
        }
        #expect(board.allowedQuietTime == .zero)
        #expect(board.heartbeat > before)
    }

    @Test("running, it pings as often as the beat moved, and stops when cancelled")
    func running() async throws {
        let heartbeat = Atomic<UInt64>(0)
        let pings = Atomic<Int>(0)
        let sleeps = Atomic<Int>(0)
        let clock = CountingClock { asked in
            #expect(asked == .seconds(5))
            let turn = sleeps.wrappingAdd(1, ordering: .relaxed).newValue
            if turn == 10 { throw CancellationError() }
            if turn <= 3 { heartbeat.wrappingAdd(1, ordering: .relaxed) }
        }
        await #expect(throws: CancellationError.self) {
            try await Watchdog.run(
                interval: .seconds(20), clock: clock, heartbeat: { heartbeat.load(ordering: .relaxed) },
                allowedQuietTime: { .zero },
                send: { _ in pings.wrappingAdd(1, ordering: .relaxed) })
        }
        #expect(pings.load(ordering: .relaxed) == 3)
    }
}

@Suite(.timeLimit(.minutes(5)))
struct FreshnessTests {
    @Test("a mirror is stale when the limit is exceeded, but never between two requests")
    func limits() {
        let hour = Freshness(limit: .seconds(3600), interval: .seconds(300))
        #expect(!hour.isExceeded(since: 1000, now: 4600))
        #expect(hour.isExceeded(since: 1000, now: 4601))
        let daily = Freshness(limit: .seconds(3600), interval: .seconds(86_400))
        #expect(!daily.isExceeded(since: 0, now: .epoch + 2 * 86_400))
        #expect(daily.isExceeded(since: 0, now: .epoch + 2 * 86_400 + 61))
        let end = Timestamp(seconds: .max)
        #expect(!Freshness(limit: nil, interval: .seconds(1)).isExceeded(since: 0, now: end))
        #expect(hour.isExceeded(since: .distantPast, now: end))
        #expect(hour.isExceeded(since: end, now: .distantPast))
    }

    @Test("it is told once when it becomes stale, and once when it is fresh again")
    func news() {
        let watch = FreshnessWatch(Freshness(limit: .seconds(100), interval: .seconds(1)), began: 1000)
        #expect(watch.look(nil, now: 1100).transition == nil)
        #expect(watch.look(nil, now: 1101) == (1000, .stale(since: 1000)))
        #expect(watch.look(nil, now: 1102) == (1000, nil))
        #expect(watch.look(1102, now: 1103) == (nil, .fresh(asOf: 1102)))
        #expect(watch.look(1102, now: 1104) == (nil, nil))
        watch.change(to: Freshness(limit: nil, interval: .seconds(1)))
        #expect(watch.look(1102, now: 9999) == (nil, nil))
    }
}

/// A clock on which every sleep ends at once, after telling how long it should have been.
private struct CountingClock: Clock {
    let slept: @Sendable (Duration) throws -> Void
    private let start = ContinuousClock.now

    init(_ slept: @escaping @Sendable (Duration) throws -> Void) { self.slept = slept }

    var now: ContinuousClock.Instant { start }
    var minimumResolution: Duration { .zero }

    func sleep(until deadline: ContinuousClock.Instant, tolerance: Duration?) async throws {
        try slept(deadline - start)
    }
}

@Suite(.timeLimit(.minutes(5)))
struct InstanceLockTests {
    private func temporaryDirectory() throws -> String {
        let path = "/tmp/dbxsync-lock-\(UUID().uuidString)"
        try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: false)
        return path
    }

    @Test("a second one is refused with the first one's PID, and let in when the first is gone")
    func exclusive() async throws {
        let directory = try temporaryDirectory()
        defer { try? FileManager.default.removeItem(atPath: directory) }
        do {
            let first = try InstanceLock.acquire(stateDirectory: directory)
            let refusal = #expect(throws: InstanceLockError.self) {
                try InstanceLock.acquire(stateDirectory: directory)
            }
            #expect(refusal?.exitCode == .held)
            #expect(refusal?.message.contains("(PID \(getpid()))") == true)
            #expect(InstanceLock.holder(stateDirectory: directory)?.pid == getpid())
            withExtendedLifetime(first) {}
        }
        // A process that another test is starting has all descriptors until it executes its program.
        try await eventually("a free lock") { InstanceLock.holder(stateDirectory: directory) == nil }
        let again = try InstanceLock.acquire(stateDirectory: directory)
        withExtendedLifetime(again) {}
    }

    @Test("a lock that another process holds is seen, and gone with the process")
    func otherProcess() throws {
        let directory = try temporaryDirectory()
        defer { try? FileManager.default.removeItem(atPath: directory) }
        let other = Process()
        other.executableURL = URL(filePath: "/bin/sh")
        other.arguments = ["-c", "exec 9>\"$1/lock\"; flock 9; echo $$ >&9; echo held; exec sleep 60", "sh", directory]
        let output = Pipe()
        other.standardOutput = output
        try other.run()
        #expect(String(decoding: output.fileHandleForReading.availableData, as: UTF8.self) == "held\n")
        let refusal = #expect(throws: InstanceLockError.self) { try InstanceLock.acquire(stateDirectory: directory) }
        #expect(refusal?.message.contains("(PID \(other.processIdentifier))") == true)
        #expect(InstanceLock.holder(stateDirectory: directory)?.pid == other.processIdentifier)
        kill(other.processIdentifier, SIGKILL)
        other.waitUntilExit()
        #expect(InstanceLock.holder(stateDirectory: directory) == nil)
        let lock = try InstanceLock.acquire(stateDirectory: directory)
        withExtendedLifetime(lock) {}
    }

    @Test("a missing directory is made, but not its parents")
    func missing() throws {
        let directory = try temporaryDirectory()
        defer { try? FileManager.default.removeItem(atPath: directory) }
        let made = try InstanceLock.acquire(stateDirectory: directory + "/state")
        withExtendedLifetime(made) {}
        let refusal = #expect(throws: InstanceLockError.self) {
            try InstanceLock.acquire(stateDirectory: directory + "/a/b")
        }
        #expect(refusal?.exitCode == .unusableDirectory)
        #expect(
            refusal?.message
                == "the state directory cannot be used: mkdir \(directory)/a/b: No such file or directory")
    }

    @Test("a link in the place of the lock is not followed")
    func link() throws {
        let directory = try temporaryDirectory()
        defer { try? FileManager.default.removeItem(atPath: directory) }
        symlink("/etc/passwd", directory + "/lock")
        let refusal = #expect(throws: InstanceLockError.self) {
            try InstanceLock.acquire(stateDirectory: directory)
        }
        #expect(refusal?.exitCode == .unusableDirectory)
    }
}

@Suite(.timeLimit(.minutes(5)))
struct ExitCodeTests {
    @Test("the numbers are those that scripts and the unit rely on")
    func numbers() {
        let codes: [ExitCode] = [
            .done, .incomplete, .usage, .unreachable, .unusableDirectory, .held, .signedOut, .badConfiguration,
        ]
        #expect(codes.map(\.rawValue) == [0, 1, 64, 69, 73, 75, 77, 78])
    }
}
