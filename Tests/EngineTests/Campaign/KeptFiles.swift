import Engine
import Foundation
import Store
import SyncModel
import TestSupport

/// The files of a mirror, of its trash and of what was set aside, each once.
struct KeptFiles {
    /// What stands in the mirror: path in lower case, inode and content.
    private(set) var mirror: [String: File] = [:]
    /// What is kept outside of it, by inode.
    private(set) var kept: [UInt64: Data] = [:]
    /// What stands in the mirror, by inode: somebody's names may differ in case only.
    private var standing: [UInt64: Data] = [:]

    struct File {
        var inode: UInt64
        var content: Data
    }

    init(mirror directory: String) {
        for path in (try? FileManager.default.subpathsOfDirectory(atPath: directory)) ?? [] {
            var status = stat()
            guard lstat("\(directory)/\(path)", &status) == 0, status.st_mode & S_IFMT == S_IFREG,
                let content = FileManager.default.contents(atPath: "\(directory)/\(path)")
            else { continue }
            if !path.hasPrefix(".dbxsync/") {
                standing[UInt64(status.st_ino)] = content
                mirror[path.lowercased()] = File(inode: UInt64(status.st_ino), content: content)
            } else if ["trash/", "spared/", "aside/"].contains(where: path.dropFirst(9).hasPrefix) {
                kept[UInt64(status.st_ino)] = content
            }
        }
    }

    /// How many files hold which content.
    private var copies: [Data: Int] {
        let files = kept.merging(standing) { $1 }
        return files.values.reduce(into: [:]) { $0[$1, default: 0] += 1 }
    }

    /// Contents of which there are fewer copies later.
    ///
    /// - Parameter sparing: whether one copy is enough: a file that somebody has touched gives way to another one that
    ///   holds the same.
    func lost(in later: KeptFiles, sparing: Bool) -> [String] {
        let left = later.copies
        return copies.filter { (sparing ? 1 : $0.value) > left[$0.key, default: 0] }.map { content, count in
            "lost: of \(count) files with \"\(String(decoding: content, as: UTF8.self))\" there are \(left[content, default: 0])"
        }
    }

    /// Files that left the mirror, or hold something else: their paths; not those whose content is new elsewhere, or is
    /// still to come there.
    func losses(in later: KeptFiles, account: Tree) -> (removed: Set<String>, replaced: Set<String>) {
        var (removed, replaced): (Set<String>, Set<String>) = ([], [])
        for (path, file) in mirror where later.standing[file.inode] == nil {
            guard later.kept[file.inode] != nil else { continue }  // the same content, newly placed
            if let now = later.mirror[path] {
                if now.content != file.content { replaced.insert(path) }
            } else {
                removed.insert(path)
            }
        }
        return (removed.subtracting(moved(removed, in: later, account: account)), replaced)
    }

    /// Paths of files in whose place an account has files that hold something else.
    func replacements(in account: Tree) -> Set<String> {
        Set(
            account.lines.compactMap { path, line in
                let words = line.split(separator: " ")
                guard words.count == 4, let file = mirror[path.lowercased()] else { return nil }
                return Self.hash(file.content) == String(words[2]) ? nil : path.lowercased()
            })
    }

    /// Paths among `removed` for each of which a file with the same content is new.
    private func moved(_ removed: Set<String>, in later: KeptFiles, account: Tree) -> Set<String> {
        // What is wanted and did not stand before is new, or still to come.
        var left: [String: Int] = [:]
        for (path, line) in account.lines {
            let words = line.split(separator: " ")
            guard words.count == 4 else { continue }
            if mirror[path.lowercased()].map({ Self.hash($0.content) }) != String(words[2]) {
                left[String(words[2]), default: 0] += 1
            }
        }
        return removed.filter { path in
            guard let content = mirror[path]?.content, left[Self.hash(content), default: 0] > 0 else { return false }
            left[Self.hash(content), default: 0] -= 1
            return true
        }
    }

    private static func hash(_ content: Data) -> String {
        let hasher = ContentHasher()
        content.withUnsafeBytes { hasher.update($0) }
        return hasher.finish().hex
    }
}

/// The guard of a history, and somebody who decides about what it holds.
struct Decider {
    private let settings: GuardSettings
    private var approved: Set<String> = []
    private var removals: [Timestamp] = []
    private var replacements: [Timestamp] = []
    /// Files that were removed, or replaced and then moved.
    private var either: [Timestamp] = []
    /// Whether anything was rejected: such files stay.
    private(set) var hasRejected = false

    /// - Returns: nil for a history without a guard.
    init?(_ fixture: EngineFixture, _ random: inout SeededRandom) {
        guard random.chance(60) else { return nil }
        settings = GuardSettings(
            removals: random.number(0...4), sharePercent: nil, overwrites: random.pick([nil, nil, 0, 2]),
            window: .seconds(random.pick([60, 3_600, 100_000])))
        fixture.settings.brake = settings
    }

    /// Decides about one of the holds.
    ///
    /// - Returns: what, in words; nil if there is none.
    mutating func decide(_ store: StateStore, _ random: inout SeededRandom) async throws -> String? {
        let open = try await store.holds().filter { $0.status == .held }
        if open.isEmpty { return nil }
        let hold = random.pick(open)
        let verdict: Verdict = hold.replacements == 0 && random.chance(30) ? .reject : .approve
        try await leave(verdict, hold, store)
        return "hold \(hold.id), \(hold.files) files: \(verdict)"
    }

    /// Approves all that is held.
    ///
    /// - Returns: whether anything was.
    mutating func approveAll(_ store: StateStore) async throws -> Bool {
        let open = try await store.holds().filter { $0.status == .held }
        for hold in open { try await leave(.approve, hold, store) }
        return !open.isEmpty
    }

    private mutating func leave(_ verdict: Verdict, _ hold: Hold, _ store: StateStore) async throws {
        let shown = try await store.heldPaths(of: hold.id, after: nil, limit: 10_000).paths
        if verdict == .approve {
            approved.formUnion(shown.map { $0.path.dropFirst().lowercased() })
        } else {
            hasRejected = true
        }
        try store.decisions.leave(DecisionBox.Decision(hold: hold.id, verdict: verdict))
    }

    /// What went beyond what was allowed; nil if nothing did.
    ///
    /// - Parameter replacing: files that may have been replaced and then moved, if they are not there any more.
    mutating func excess(
        _ before: KeptFiles, _ after: KeptFiles, _ account: Tree, _ replacing: Set<String>, now: Timestamp
    ) -> String? {
        let (removed, replaced) = before.losses(in: after, account: account)
        let gone = removed.subtracting(approved)
        removals += gone.subtracting(replacing).map { _ in now }
        either += gone.intersection(replacing).map { _ in now }
        replacements += replaced.subtracting(approved).map { _ in now }
        let start = now - settings.window.components.seconds
        let counts = [removals, replacements, either].map { $0.count { $0 > start } }
        let allowed = [settings.removals, settings.overwrites, sum(settings.removals, settings.overwrites)]
        let found = [counts[0], counts[1], counts.reduce(0, +)]
        for (index, what) in ["removed", "replaced", "removed or replaced"].enumerated() {
            if let most = allowed[index], found[index] > most {
                let now = removed.union(replaced).subtracting(approved).sorted()
                return "\(what) without approval: \(found[index]) of \(most) allowed, now \(now)"
            }
        }
        return nil
    }

    private func sum(_ first: Int?, _ second: Int?) -> Int? {
        guard let first, let second else { return nil }
        return first + second
    }
}
