public import Engine
import Foundation
import Glibc
public import Logging
public import MirrorFS
public import Sandbox
public import Store
public import SyncModel
import Synchronization

/// An account, a state file, a mirror and an engine between them, all real but the network.
public final class EngineFixture {
    /// The account.
    public let account: Account
    /// The account as a remote.
    public let remote: SandboxRemote
    /// Holds the mirror and the state file.
    public let folder: TemporaryFolder
    /// The clock on the wall, in seconds; moved by hand.
    public let time = ManualTime()
    /// What the engine waits by.
    public var clock: any Clock<Duration> = ContinuousClock()
    /// Where the engine tells how it gets on.
    public let board = StatusBoard()
    /// Called at each fault point.
    public var faults: FaultHook = { _ in }
    /// What the next start is told.
    public var settings = EngineSettings(
        parallel: 8, minFreeSpace: 0, bulk: nil, batch: 64, window: 128,
        brake: GuardSettings(removals: nil, sharePercent: nil))
    /// What to do with what is not ours.
    public var localChanges = LocalChanges.aside
    /// Where the engine's log goes; nowhere unless a test listens.
    public var logger = Logger(label: "rig") { _ in SwiftLogNoOpLogHandler() }
    /// What the starts have found damaged.
    public private(set) var rebuilds: [Rebuild] = []
    private var running: (engine: SyncEngine, store: StateStore)?
    private var tree: MirrorTree?
    private let disk = DiskPool(threads: 2)

    /// Makes a rig around `account`.
    ///
    /// - Parameters:
    ///   - account: the account.
    ///   - pageSize: entries on a page of its listing.
    ///   - inMemory: whether mirror and state may stand on a memory file system.
    ///   - mirror: a folder to be the mirror; nil for one of the fixture's own.
    public init(
        _ account: Account = Account(), pageSize: Int? = nil, inMemory: Bool = false, mirror: String? = nil
    ) throws {
        self.account = account
        remote = SandboxRemote(account, limit: pageSize)
        folder = try TemporaryFolder(inMemory: inMemory)
        self.mirror = try mirror ?? folder.folder("mirror")
    }

    /// The mirror directory.
    public let mirror: String

    /// Starts engine and store, as the daemon does; a second call goes on with what runs.
    public func start() async throws -> (engine: SyncEngine, store: StateStore) {
        if let running { return running }
        let faults = faults
        let (store, rebuild) = try await StateStore.openOrRebuild(
            at: folder("state.db"), now: time.now, faults: faults)
        if let rebuild { rebuilds.append(rebuild) }
        let tree = try MirrorTree.open(
            at: mirror, expecting: try await store.progress().mirrorID, newID: "rig",
            settings: MirrorSettings(localChanges: localChanges), faults: faults)
        try await store.bind(mirrorID: tree.id)
        let time = time
        let engine = SyncEngine(
            remote: remote, store: store, mirror: tree, disk: disk, settings: settings,
            environment: EngineEnvironment(clock: clock, now: { time.now }, jitter: { 0.5 }), board: board,
            logger: logger)
        running = (engine, store)
        self.tree = tree
        return (engine, store)
    }

    /// Chooses what is mirrored, from the next pass on, as a reload of the configuration does.
    public func select(_ selection: Selection) async {
        settings.selection = selection
        await running?.engine.reload(settings)
    }

    /// One pass.
    @discardableResult
    public func pass() async throws -> PassReport { try await start().engine.pass() }

    /// What a verifier works on.
    public func parts() async throws -> (store: StateStore, mirror: MirrorTree, disk: DiskPool) {
        let store = try await start().store
        guard let tree else { preconditionFailure("start() opens the mirror") }
        return (store, tree, disk)
    }

    /// Forgets engine and store without any farewell; the next call starts anew on what is on the disk.
    public func crash() throws {
        try running?.store.close()
        running = nil
    }

    /// Ends engine and store as the daemon does after `error`; the next call starts anew.
    ///
    /// - Returns: the error that the daemon ends with.
    public func end(after error: any Error) -> any Error {
        defer { running = nil }
        return running?.store.close(after: error, now: time.now) ?? error
    }

    /// Starts anew and runs a pass that crashes at a fault point, counted from 0; what follows starts anew again.
    ///
    /// - Returns: whether the pass has come to that point.
    public func crashes(at point: Int) async throws -> Bool {
        try crash()
        let countdown = Atomic<Int>(point)
        faults = { _ in
            if countdown.wrappingSubtract(1, ordering: .relaxed).oldValue <= 0 { throw SimulatedCrash() }
        }
        defer { faults = { _ in } }
        let crashed: Bool
        do {
            try await pass()
            crashed = false
        } catch is SimulatedCrash {
            crashed = true
        }
        try crash()
        return crashed
    }

    /// Compares the mirror with the state and has all that differs put right by the next pass, as `verify --repair`.
    ///
    /// - Returns: the number of findings.
    public func repair() async throws -> Int {
        let (store, mirror, disk) = try await parts()
        let time = time
        let repair = Repair(store: store, mirror: mirror, disk: disk, now: { time.now })
        let verifier = Verifier(
            store: store, mirror: mirror, disk: disk, selection: settings.selection, lasting: nil)
        return try await verifier.run { findings in _ = try await repair.take(findings) }.findings
    }

    /// How mirror and account differ; empty if they are equal.
    public func differences() throws -> [String] {
        try Tree(directory: mirror).differences(
            from: Tree(
                account: account, exports: settings.selection.exports, symlinks: settings.selection.symlinks))
    }

    /// How the trash differs from what the state says of it: files that are not there or hold something else, and files
    /// that nobody knows of.
    public func trashDifferences() async throws -> [String] {
        let own = mirror + "/.dbxsync/"
        var known: Set<String> = []
        var found: [String] = []
        for row in try await start().store.trash() {
            // Nothing else ends with the second name: what a part uses stands there.
            let places = [row.item.place, row.item.place + ".used"]
            known.formUnion(places)
            if row.item.isFolder { continue }
            var status = stat()
            guard let place = places.first(where: { lstat(own + $0, &status) == 0 }) else {
                found.append("\(row.item.path): not at \(row.item.place)")
                continue
            }
            guard let content = FileManager.default.contents(atPath: own + place) else { continue }
            let hasher = ContentHasher()
            content.withUnsafeBytes { hasher.update($0) }
            if let version = row.item.version, hasher.finish() != version.hash {
                found.append("\(row.item.path): another content at \(row.item.place)")
            }
        }
        for top in ["trash", "spared"] where FileManager.default.fileExists(atPath: own + top) {
            for (path, line) in try Tree(directory: own + top).lines
            where line != "dir" && !known.contains("\(top)/\(path)") {
                found.append("\(top)/\(path): unknown")
            }
        }
        return found
    }

    /// What is wrong with the state; empty if nothing is.
    public func brokenInvariants() async throws -> [String] { try await start().store.brokenInvariants() }
}

/// The end of a process in the middle of its work.
public struct SimulatedCrash: Error {
    /// Makes one.
    public init() {}
}

/// A clock that is moved by hand.
public final class ManualTime: Sendable {
    private let seconds = Atomic<Int64>(1_700_000_000)

    /// Seconds since the epoch.
    public var now: Timestamp { Timestamp(seconds: seconds.load(ordering: .relaxed)) }

    /// Lets `seconds` pass.
    public func advance(by seconds: Int64) { self.seconds.wrappingAdd(seconds, ordering: .relaxed) }
}

/// A clock by which nothing that is waited for ever comes.
public struct StandingClock: Clock {
    /// Makes one.
    public init() {}

    /// Now, of every clock that runs.
    public var now: ContinuousClock.Instant { .now }
    /// The same.
    public var minimumResolution: Duration { ContinuousClock().minimumResolution }

    /// Waits until the task is cancelled.
    public func sleep(until deadline: ContinuousClock.Instant, tolerance: Duration?) async throws {
        try await Task.sleep(for: .seconds(1_000_000_000))
    }
}
