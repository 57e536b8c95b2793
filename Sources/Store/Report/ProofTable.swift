import GRDB
public import SyncModel

/// Writes down proofs beside whoever works on the state, as `verify` does.
///
/// Nothing else is changed, and no checksum counts them. What cannot be written is no loss: the file is read once more.
public struct ProofTable: Sendable {
    private let queue: DatabaseQueue?

    /// Opens the state file at `path`, if it is there and can be written.
    public init(at path: String) {
        guard (try? FileHeader.check(path)) == true else {
            queue = nil
            return
        }
        var configuration = Configuration()
        configuration.busyMode = .timeout(2)
        configuration.label = "proofs"
        configuration.prepareDatabase { try $0.execute(sql: "PRAGMA synchronous = NORMAL") }
        let opened = try? DatabaseQueue(path: path, configuration: configuration)
        let version = try? opened?.read { try Int.fetchOne($0, sql: "PRAGMA user_version") }
        queue = version == Schema.version ? opened : nil
    }

    /// Notes that the bytes of files were seen to be right.
    ///
    /// - Parameter time: when they were.
    public func note(_ entries: [LocalEntry], at time: Timestamp) async {
        guard let queue, !entries.isEmpty else { return }
        try? await queue.write { db in for entry in entries { try Proof.note(entry, at: time, db) } }
    }
}
