import ArgumentParser
import Configuration
import Dropbox
import Engine
import Store
import SyncModel
import TextFormatting

/// `dbxsync held`: lists what the guard holds, and lets it go or keeps it.
struct HeldCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "held",
        abstract: "Lists the removals and replacements that the guard holds; approves or rejects them.",
        discussion: """
            Approved is exactly the list that is shown; what comes later is a new hold. Rejected files stay where they are \
            and are nobody's business any more: they count as strangers. Works with and without a running daemon. Exits \
            with 1 while something is held.
            """)

    @OptionGroup var common: CommonOptions

    @Flag(name: .customLong("approve"), help: "Let what is held go, with the next pass.")
    var approves = false

    @Flag(name: .customLong("reject"), help: "Keep it.")
    var rejects = false

    @Argument(help: ArgumentHelp("The numbers of holds; needed if there are several.", valueName: "id"))
    var ids: [Int64] = []

    @Flag(help: "List every path; with --approve or --reject, decide about all holds.")
    var all = false

    @Flag(help: "Print the list as JSON.")
    var json = false

    func validate() throws {
        if approves && rejects { throw ValidationError("--approve and --reject exclude each other") }
    }

    func run() async throws {
        try await exiting(common.config) {
            let config = try common.loadAsOwner()
            guard let verdict = approves ? Verdict.approve : rejects ? .reject : nil else {
                return try await list(config)
            }
            return try await decide(config, verdict)
        }
    }

    // MARK: Listing

    private struct Listed: Encodable {
        var id: Int64
        var since: Moment
        var reason: String
        /// `held`, `approved` or `rejected`.
        var state: String
        var files: Int
        var replacements: Int
        var bytes: Int64
        var folders: [HeldText.Group]
        /// Only with --all.
        @Nullable var paths: [Path]?
    }

    private struct Path: Encodable {
        var path: String
        var bytes: Int64
        var replaced: Bool
    }

    private struct Document: Encodable {
        var holds: [Listed]
    }

    private func list(_ config: Config) async throws -> ExitCode {
        let store = try config.readableState()
        let holds = try await holds(of: store)
        var document = Document(holds: [])
        for hold in holds {
            var (groups, paths) = (HeldGroups(), [Path]())
            try await forEachPath(of: hold, store) { held in
                groups.add(held)
                if all, !held.isFolder {
                    paths.append(Path(path: held.path, bytes: held.size, replaced: held.isReplacement))
                }
            }
            if json {
                document.holds.append(
                    Listed(
                        id: hold.id, since: Moment(hold.began), reason: hold.reason, state: "\(hold.status)",
                        files: hold.files, replacements: hold.replacements, bytes: hold.bytes, folders: groups.groups,
                        paths: all ? paths : nil))
            } else {
                for line in HeldText.lines(hold, all ? [] : groups.groups, now: .now) { printOut(line) }
                for path in paths { printOut(escapingControls("  \(path.path)\(path.replaced ? " (replaced)" : "")")) }
            }
        }
        if json {
            printOut(try JSONText.of(document))
        } else {
            for line in holds.isEmpty ? ["nothing is held"] : HeldText.advice(holds) {
                printOut(CommandText.naming(common.config, in: line))
            }
        }
        return holds.contains { $0.status == .held } ? .incomplete : .done
    }

    private func holds(of store: StateStore) async throws -> [Hold] {
        let holds = try await store.holds().filter { $0.files > 0 }
        if let id = ids.first(where: { id in !holds.contains { $0.id == id } }) { throw Self.unknown(id, holds) }
        return ids.isEmpty ? holds : holds.filter { ids.contains($0.id) }
    }

    private static func unknown(_ id: Int64, _ holds: [Hold]) -> Failure {
        let known = holds.map { String($0.id) }.joined(separator: ", ")
        return Failure(.usage, "there is no hold \(id); \(known.isEmpty ? "nothing is held" : "there are: \(known)")")
    }

    private func forEachPath(of hold: Hold, _ store: StateStore, _ take: (HeldPath) -> Void) async throws {
        var position: RemoteKey?
        while true {
            let (paths, last) = try await store.heldPaths(of: hold.id, after: position, limit: 10_000)
            guard let last else { return }
            paths.forEach(take)
            position = last
        }
    }

    // MARK: Deciding

    private func decide(_ config: Config, _ verdict: Verdict) async throws -> ExitCode {
        let store = try config.readableState()
        let open = try await holds(of: store).filter { $0.status == .held }
        if open.isEmpty {
            printOut(ids.isEmpty ? "nothing is held" : "that is decided already")
            return .done
        }
        guard open.count == 1 || !ids.isEmpty || all else {
            let known = open.map { String($0.id) }.joined(separator: ", ")
            throw Failure(.usage, "there are several holds; name those that are meant: \(known), or say --all")
        }
        for hold in open { try store.decisions.leave(DecisionBox.Decision(hold: hold.id, verdict: verdict)) }
        let isTaken = try await take(open, config)
        for hold in open {
            let what =
                switch verdict {
                case .approve: "approved: \(HeldText.counts(hold)), with the next pass"
                case .reject: "rejected: \(HumanText.count(hold.files, "file")) stay as they are"
                }
            printOut("hold \(hold.id) \(what)")
        }
        if !isTaken { printOut("the running daemon has not taken it yet; it does so before its next pass") }
        if verdict == .reject, config.mirror.strangers == .aside {
            printOut("mirror.strangers is \"aside\": the next comparison of the disk moves them into .dbxsync/aside")
        }
        return .done
    }

    /// How long a running daemon has to take a decision before it is said that it has not.
    private static let patience = 20

    /// Has the decision taken: by the daemon, or here if none runs.
    ///
    /// - Returns: whether it was.
    private func take(_ holds: [Hold], _ config: Config) async throws -> Bool {
        let box = DecisionBox(beside: config.stateFile)
        for _ in 0..<Self.patience {
            if let lock = try? InstanceLock.acquire(stateDirectory: config.state.directory) {
                defer { withExtendedLifetime(lock) {} }
                guard holds.contains(where: { box.isWaiting($0.id) }) else { return true }
                let store = try StateStore.open(at: config.stateFile)
                try await store.takeDecisions(now: .now)
                try store.close()
                return true
            }
            if !holds.contains(where: { box.isWaiting($0.id) }) { return true }
            try await Task.sleep(for: .seconds(1))
        }
        return false
    }
}
