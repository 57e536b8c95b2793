import FileSystem
import Glibc
public import SyncModel

/// What was decided about holds while a daemon has the state: a file for each, beside the state file, until the daemon
/// takes it.
///
/// A file survives a restart, and needs no second writer of the state.
public struct DecisionBox: Sendable {
    private let folder: String

    /// A decision that was not taken yet.
    public struct Decision: Hashable, Sendable {
        /// The hold.
        public var hold: Int64
        /// What was decided.
        public var verdict: Verdict

        /// Creates a decision.
        public init(hold: Int64, verdict: Verdict) {
            self.hold = hold
            self.verdict = verdict
        }
    }

    /// The box of a state file.
    public init(beside stateFile: String) {
        folder = (stateFile.pathAboveLastSlash ?? "") + "/decisions"
    }

    /// Leaves a decision; the last one about a hold counts.
    ///
    /// - Throws: `StoreError` if it cannot be written.
    public func leave(_ decision: Decision) throws {
        do {
            if mkdir(folder, 0o750) != 0, errno != EEXIST { throw SystemError(errno) }
            let file = "\(folder)/\(decision.hold)"
            try replaceFile(
                at: file, with: Array(decision.verdict.rawValue.utf8), mode: 0o640, draft: .named(file + ".new"),
                durability: .contentAndName)
        } catch {
            throw StoreError(
                code: .inputOutput, message: "the decision cannot be left in \(folder): \(error)",
                hint: "run it as the user that owns the state directory")
        }
    }

    /// What waits to be taken.
    public func waiting() -> [Decision] {
        var found: [Decision] = []
        try? DirectoryEntries(of: folder).forEach { entry in
            if let hold = Int64(entry.text), let verdict = read(hold) {
                found.append(Decision(hold: hold, verdict: verdict))
            }
            return true
        }
        return found.sorted { $0.hold < $1.hold }
    }

    /// Whether a decision about a hold waits to be taken.
    public func isWaiting(_ hold: Int64) -> Bool { access("\(folder)/\(hold)", F_OK) == 0 }

    /// Removes a decision that was taken.
    public func remove(_ hold: Int64) { unlink("\(folder)/\(hold)") }

    private func read(_ hold: Int64) -> Verdict? {
        let descriptor = open("\(folder)/\(hold)", O_RDONLY | O_CLOEXEC | O_NOFOLLOW)
        guard descriptor >= 0 else { return nil }
        defer { close(descriptor) }
        var bytes = [UInt8](repeating: 0, count: 32)
        let count = Glibc.read(descriptor, &bytes, bytes.count)
        return count > 0 ? Verdict(rawValue: String(decoding: bytes[..<count], as: UTF8.self)) : nil
    }
}

extension StateStore {
    /// Where decisions are left for whoever has this state open for writing.
    public var decisions: DecisionBox { DecisionBox(beside: path) }

    /// Takes the decisions that wait.
    ///
    /// - Returns: the holds that were decided, with what.
    /// - Throws: `StoreError` if the state file cannot be read or written; what was not taken waits.
    @discardableResult
    public func takeDecisions(pass: Int = 0, now: Timestamp) async throws -> [(hold: Hold, verdict: Verdict)] {
        var taken: [(hold: Hold, verdict: Verdict)] = []
        for decision in decisions.waiting() {
            let reason = "dbxsync held"
            if let hold = try await decide(decision.hold, decision.verdict, because: reason, pass: pass, now: now) {
                taken.append((hold, decision.verdict))
            }
            decisions.remove(decision.hold)
        }
        return taken
    }
}
