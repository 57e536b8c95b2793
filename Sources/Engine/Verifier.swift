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
        /// Files compared.
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

    /// Files hashed at a time.
    private static let parallel = 4
    /// Rows read at a time.
    private static let window = 512

    /// Makes a verifier.
    ///
    /// - Parameters:
    ///   - store: the state.
    ///   - mirror: the mirror.
    ///   - disk: where files are read.
    ///   - selection: what is compared; the rest is left alone.
    ///   - lasting: how long a difference has to last to count; `nil` if nobody else changes the mirror.
    public init(
        store: StateStore, mirror: MirrorTree, disk: DiskPool, selection: Selection = .everything, lasting: Duration?
    ) {
        self.store = store
        self.mirror = mirror
        self.disk = disk
        self.selection = selection
        self.lasting = lasting
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
        try await report(strangers(in: .root, at: .root), &counts, take)
        while true {
            try Task.checkCancellation()
            let all = try await store.standings(after: position, limit: Self.window)
            guard let last = all.last else { return counts }
            position = last.key
            let window = all.filter { selection.verdict(of: $0.key, isFolder: $0.node.isFolder) != .outside }
            try await report(findings(in: window), &counts, take)
            for standing in window { counts.count(standing) }
            progress(counts)
        }
    }

    private func report(
        _ findings: [Finding], _ counts: inout Counts, _ take: ([Finding]) async throws -> Void
    ) async throws {
        var lasting = findings
        if let pause = self.lasting, !findings.isEmpty {
            try await Task.sleep(for: pause)
            lasting = []
            for finding in findings where try await isStill(finding) { lasting.append(finding) }
        }
        if lasting.isEmpty { return }
        counts.findings += lasting.count
        try await take(lasting)
    }

    private func findings(in window: [Standing]) async throws -> [Finding] {
        let damaged = try await withThrowingTaskGroup(of: (Int, Finding?).self) { group in
            var found: [(Int, Finding?)] = []
            for (number, standing) in window.enumerated() {
                if number >= Self.parallel, let next = try await group.next() { found.append(next) }
                group.addTask { [disk, mirror] in
                    let damage = try await disk.run { try mirror.inspect(standing) }
                    return (number, damage.map { Finding(path: standing.path, kind: .damaged(standing.key, $0)) })
                }
            }
            for try await next in group { found.append(next) }
            return found.sorted { $0.0 < $1.0 }.compactMap(\.1)
        }
        var all = damaged
        for standing in window where standing.node.isFolder {
            all += try await strangers(in: standing.key, at: standing.path)
        }
        return all
    }

    /// What stands in a folder and is not ours, as far as the selection does not leave its name alone.
    private func strangers(in key: RemoteKey, at path: MirrorPath) async throws -> [Finding] {
        let present = try await disk.run { [mirror] in try mirror.names(in: path) }
        let known = try await store.names(in: key)
        return present.subtracting(known).sorted { $0.text < $1.text }.compactMap { name in
            let itsKey = RemoteKey("\(key.text)/\(name.text.lowercased())")
            if [true, false].contains(where: { selection.verdict(of: itsKey, isFolder: $0) == .outside }) {
                return nil
            }
            return (try? path.appending(name)).map { Finding(path: $0, kind: .stranger(in: key)) }
        }
    }

    /// Looks at a finding once more, with what the state says now.
    private func isStill(_ finding: Finding) async throws -> Bool {
        switch finding.kind {
        case .stranger(let key):
            guard let folder = finding.path.parent else { return false }
            return try await strangers(in: key, at: folder).contains(finding)
        case .damaged(let key, _):
            guard let standing = try await store.standing(of: key), standing.path == finding.path else { return false }
            return try await disk.run { [mirror] in try mirror.inspect(standing) } != nil
        }
    }
}

extension Verifier.Counts {
    fileprivate mutating func count(_ standing: Standing) {
        guard case .file(_, let version, _) = standing.node else { return folders += 1 }
        files += 1
        bytes += version.size
    }
}

/// Puts right what a `Verifier` has found, through the same planner and applier as everything else.
public struct Repair: Sendable {
    private let store: StateStore
    private let mirror: MirrorTree
    private let disk: DiskPool

    /// Makes a repair; nobody else may work on the mirror.
    public init(store: StateStore, mirror: MirrorTree, disk: DiskPool) {
        self.store = store
        self.mirror = mirror
        self.disk = disk
    }

    /// Forgets what is damaged, so that the next pass places it again; sets strangers aside.
    ///
    /// - Returns: where strangers are now, relative to the mirror.
    public func take(_ findings: [Verifier.Finding]) async throws -> [String] {
        var damaged: [RemoteKey] = []
        var places: [String] = []
        for finding in findings {
            switch finding.kind {
            case .damaged(let key, _): damaged.append(key)
            case .stranger:
                let place = try await disk.run { [mirror] in try mirror.setAsideStranger(finding.path) }
                if let place { places.append(place) }
            }
        }
        try await store.forget(damaged)
        return places
    }
}
