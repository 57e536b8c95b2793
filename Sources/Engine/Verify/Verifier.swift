public import MirrorFS
public import Store
public import SyncModel

/// Compares the whole mirror with what the state says of it, files byte for byte.
///
/// Reads only; `Repair` puts right what it finds. Beside a running daemon a difference counts only if it is still there
/// when both are looked at once more.
public struct Verifier: Sendable {
    /// One thing that is not as it should be.
    public struct Finding: Hashable, Sendable {
        /// The kinds of finding.
        public enum Kind: Hashable, Sendable {
            /// What the state has under this key is not what stands there.
            case damaged(RemoteKey, Damage)
            /// Something that is not dbxsync's stands in the folder with this key.
            case stranger(in: RemoteKey)
        }

        /// Where.
        public var path: MirrorPath
        /// What is wrong.
        public var kind: Kind
    }

    /// What was looked at.
    public struct Counts: Hashable, Sendable {
        /// Files and links compared.
        public var files = 0
        /// Their bytes, as the state has them.
        public var bytes: Int64 = 0
        /// Folders compared.
        public var folders = 0
        /// Findings.
        public var findings = 0
    }

    private let store: StateStore
    private let mirror: MirrorTree
    private let disk: DiskPool
    private let selection: Selection
    /// How long a difference beside a running daemon has to last; `nil` if nobody else changes the mirror.
    private let lasting: Duration?
    private let proving: Proving?

    /// Is given files whose bytes were found right.
    public typealias Proving = @Sendable ([LocalEntry]) async throws -> Void

    /// Files hashed at a time.
    private static let parallel = 4
    /// Rows read at a time.
    private static let window = 512

    /// Creates a verifier.
    ///
    /// - Parameters:
    ///   - store: the state.
    ///   - mirror: the mirror.
    ///   - disk: where files are read.
    ///   - selection: what is compared; the rest is left alone.
    ///   - lasting: how long a difference has to last to count; `nil` if nobody else changes the mirror.
    ///   - proving: is given the files of each part of the mirror whose bytes were found right.
    public init(
        store: StateStore, mirror: MirrorTree, disk: DiskPool, selection: Selection = .everything, lasting: Duration?,
        proving: Proving? = nil
    ) {
        self.store = store
        self.mirror = mirror
        self.disk = disk
        self.selection = selection
        self.lasting = lasting
        self.proving = proving
    }

    /// Looks at everything.
    ///
    /// - Parameters:
    ///   - progress: is told the counts now and then.
    ///   - take: is told the findings of each part of the mirror, in the order of their keys.
    public func run(
        progress: (Counts) -> Void = { _ in }, _ take: ([Finding]) async throws -> Void
    ) async throws -> Counts {
        var counts = Counts()
        var position: RemoteKey?
        try await report(strangers(in: .root, at: .root), counts: &counts, take: take)
        while true {
            try Task.checkCancellation()
            let all = try await store.entries(after: position, limit: Self.window)
            guard let last = all.last else { return counts }
            position = last.key
            let window = all.filter {
                selection.match(of: $0.key, isFolder: $0.node.isFolder, size: $0.version?.size) != .outside
            }
            let found = try await findings(in: window)
            try await prove(window, besides: found)
            try await report(found, counts: &counts, take: take)
            for entry in window { counts.count(entry) }
            progress(counts)
        }
    }

    private func prove(_ window: [LocalEntry], besides findings: [Finding]) async throws {
        guard let proving else { return }
        let damaged = Set(findings.map(\.path))
        try await proving(window.filter { !$0.node.isFolder && !damaged.contains($0.path) })
    }

    private func report(
        _ findings: [Finding], counts: inout Counts, take: ([Finding]) async throws -> Void
    ) async throws {
        var lasting = findings
        if let pause = self.lasting, !findings.isEmpty {
            try await Task.sleep(for: pause)
            lasting = try await stillThere(findings)
        }
        if lasting.isEmpty { return }
        counts.findings += lasting.count
        try await take(lasting)
    }

    /// What was found of one of several entries.
    private struct Inspected: Sendable {
        var number: Int
        var finding: Finding?
    }

    private func findings(in window: [LocalEntry]) async throws -> [Finding] {
        let damaged = try await withThrowingTaskGroup(of: Inspected.self) { group in
            var found: [Inspected] = []
            for (number, entry) in window.enumerated() {
                if number >= Self.parallel, let next = try await group.next() { found.append(next) }
                group.addTask { [disk, mirror] in
                    let damage = try await disk.run { try mirror.inspect(entry) }
                    return Inspected(
                        number: number,
                        finding: damage.map { Finding(path: entry.path, kind: .damaged(entry.key, $0)) })
                }
            }
            for try await next in group { found.append(next) }
            return found.sorted { $0.number < $1.number }.compactMap(\.finding)
        }
        var all = damaged
        let unread = Set(damaged.map(\.path))
        for entry in window where entry.node.isFolder && !unread.contains(entry.path) {
            all += try await strangers(in: entry.key, at: entry.path)
        }
        return all
    }

    /// What stands in a folder and is not ours, as far as the selection does not leave its name alone.
    private func strangers(in key: RemoteKey, at path: MirrorPath) async throws -> [Finding] {
        let known = try await store.names(in: key)
        let found = try await disk.run { [mirror] in try mirror.strangers(in: path, besides: known) }
        return found.sorted { $0.text < $1.text }.filter { path in
            let itsKey = RemoteKey("\(key.text)/\((path.name?.text ?? "").lowercased())")
            return ![true, false].contains { selection.match(of: itsKey, isFolder: $0) == .outside }
        }.map { Finding(path: $0, kind: .stranger(in: key)) }
    }

    /// Looks at findings once more, with what the state says now; at each folder once.
    private func stillThere(_ findings: [Finding]) async throws -> [Finding] {
        var strangers: [RemoteKey: Set<Finding>] = [:]
        var still: [Finding] = []
        for finding in findings {
            switch finding.kind {
            case .stranger(let key):
                guard let folder = finding.path.parent else { continue }
                if strangers[key] == nil { strangers[key] = Set(try await self.strangers(in: key, at: folder)) }
                if strangers[key]?.contains(finding) == true { still.append(finding) }
            case .damaged(let key, _):
                guard let entry = try await store.entry(of: key), entry.path == finding.path else { continue }
                if try await disk.run({ [mirror] in try mirror.inspect(entry) }) != nil { still.append(finding) }
            }
        }
        return still
    }
}

extension Verifier.Counts {
    fileprivate mutating func count(_ entry: LocalEntry) {
        if entry.node.isFolder { return folders += 1 }
        files += 1
        bytes = bytes.saturatingSum(entry.version?.size ?? 0)
    }
}

/// Puts right what a `Verifier` has found, through the same planner and applier as everything else.
public struct Repair: Sendable {
    private let store: StateStore
    private let mirror: MirrorTree
    private let disk: DiskPool
    private let now: @Sendable () -> Timestamp

    /// Creates a repair; nobody else may work on the mirror.
    public init(store: StateStore, mirror: MirrorTree, disk: DiskPool, now: @escaping @Sendable () -> Timestamp) {
        self.store = store
        self.mirror = mirror
        self.disk = disk
        self.now = now
    }

    /// Something that was in the way.
    public struct Place: Hashable, Sendable {
        /// Where it was.
        public var path: MirrorPath
        /// Where it is now, relative to the mirror.
        public var now: String
    }

    /// What became of findings.
    public struct Result: Hashable, Sendable {
        /// Things that were in the way, and where they are now, relative to the mirror.
        public var places: [Place] = []
        /// What could not be put right, with the reason.
        public var failures: [String] = []

        /// Creates an empty result.
        public init() {}
    }

    /// Forgets what is damaged, so that the next pass places it again; sets aside strangers and what cannot be read.
    ///
    /// One finding that cannot be put right holds up no other.
    public func take(_ findings: [Verifier.Finding]) async throws -> Result {
        var damaged: [RemoteKey] = []
        var result = Result()
        for finding in findings {
            do {
                let place: String?
                switch finding.kind {
                case .damaged(_, .mount):
                    place = nil
                    result.failures.append("\(finding.path): hidden by another file system, mounted in the mirror")
                case .damaged(let key, .unreadable): place = try await relieve(key, &damaged)
                case .damaged(let key, _):
                    place = nil
                    damaged.append(key)
                case .stranger:
                    place = try await disk.run { [mirror] in try mirror.setAsideStranger(finding.path) }
                }
                if let place {
                    try await store.recordSetAside(finding.path, at: place, in: mirror, disk, now: now())
                    result.places.append(Place(path: finding.path, now: place))
                }
            } catch let error as MirrorError where error.isAboutOnePath {
                result.failures.append("\(finding.path): \(error)")
            }
        }
        try await store.forget(damaged)
        return result
    }

    /// Looks once more: a folder above it may be readable again.
    private func relieve(_ key: RemoteKey, _ damaged: inout [RemoteKey]) async throws -> String? {
        guard let entry = try await store.entry(of: key) else { return nil }
        let look: @Sendable () throws -> Damage? = { [mirror] in try mirror.inspect(entry) }
        var damage = try await disk.run(look)
        var place: String?
        if damage == .unreadable {
            place = try await disk.run { [mirror] in try mirror.relieve(entry.path) }
            damage = try await disk.run(look)
        }
        if damage != nil { damaged.append(key) }
        return place
    }
}
