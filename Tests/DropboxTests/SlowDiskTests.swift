import Dropbox
import NetworkSupport
import Sandbox
import SyncModel
import Synchronization
import TestSupport
import Testing
import Transport

@testable import Engine

/// A disk that takes nothing holds up the download that waits for it, and nothing else of the same transport.
@Suite(.timeLimit(.minutes(5)))
struct SlowDiskTests {
    private static let size: Int64 = 20_000_000
    private static let files = 60

    @Test("while a disk takes nothing, listing, longpoll and other downloads go on and end", arguments: [false, true])
    func stuckDisk(asZip: Bool) async throws {
        try await SandboxFixture.run { fixture in
            try fixture.account.put("/stuck/large", .generated(seed: 1, size: Self.size))
            for number in 0..<Self.files {
                try fixture.account.put("/other/\(number)", .generated(seed: UInt64(number), size: 300_000))
            }
            let (nodes, cursor, _) = try await fixture.list()
            let gate = DiskGate()
            async let received = asZip ? Self.zip(fixture, gate) : Self.file(fixture, nodes, gate)
            try await gate.isAwaited()

            async let changed = fixture.client.awaitChange(after: cursor, for: .seconds(480))
            let others = nodes.filter { $0.key.hasPrefix("/other/") }
            #expect(try await fixture.mirror(others).filter { !$0.value.isEmpty }.count == Self.files)
            try await withThrowingTaskGroup(of: Void.self) { group in
                let pool = DiskPool()
                for case .file(_, let version) in others.values {
                    group.addTask { _ = try await Self.download(version, fixture, pool) { _ in } }
                }
                try await group.waitForAll()
            }
            try fixture.account.put("/new", "n")
            #expect(try await changed)
            #expect(try await fixture.list(since: cursor, onto: nodes).nodes.count == nodes.count + 1)
            let waiting = fixture.transport.counters.bytesReceived - 2 * Self.files * 300_000
            #expect(waiting < Int(Self.size) / 2, "memory is bounded")

            gate.open()
            #expect(try await received >= Self.size)
        }
    }

    /// Downloads the large file to a disk that takes nothing before `gate` is open.
    private static func file(
        _ fixture: SandboxFixture, _ nodes: [String: RemoteNode], _ gate: DiskGate
    ) async throws -> Int64 {
        guard case .file(_, let version) = nodes["/stuck/large"] else { return 0 }
        let stored = Mutex<Int64>(0)
        return try await download(version, fixture, DiskPool(threads: 1)) { bytes in
            gate.pass()
            stored.withLock { $0 += Int64(bytes.count) }
        } last: {
            stored.withLock { $0 }
        }
    }

    private static func download(
        _ version: FileVersion, _ fixture: SandboxFixture, _ pool: DiskPool,
        store: @escaping @Sendable (UnsafeRawBufferPointer) -> Void, last: @escaping @Sendable () -> Int64 = { 0 }
    ) async throws -> Int64 {
        let sink = ChunkedSink(
            from: 0, upTo: version.size, to: ChunkedSink.Target(store: store), disk: pool, board: StatusBoard())
        try await fixture.client.download(version, into: sink)
        return try await sink.end(last)
    }

    /// Reads the zip of the large file's folder when `gate` is open.
    private static func zip(_ fixture: SandboxFixture, _ gate: DiskGate) async throws -> Int64 {
        let pipe = BytePipe(board: StatusBoard())
        async let count = DiskPool(threads: 1).run {
            gate.pass()
            var count = 0
            while let bytes = pipe.read() { count += bytes.count }
            return Int64(count)
        }
        try await fixture.client.downloadZip(of: RemoteKey("/stuck"), into: pipe)
        pipe.end()
        return try await count
    }
}

/// Lets the threads of a disk wait.
private final class DiskGate: Sendable {
    private let monitor = Monitor((isOpen: false, isAwaited: false))

    func pass() {
        monitor.withLock { $0.isAwaited = true }
        monitor.withLock(once: { $0.isOpen }) { _ in }
    }

    func open() {
        monitor.withLock { $0.isOpen = true }
        monitor.wakeAll()
    }

    /// Returns when a thread waits.
    func isAwaited() async throws {
        try await eventually("a write to the disk") { monitor.withLock { $0.isAwaited } }
    }
}
