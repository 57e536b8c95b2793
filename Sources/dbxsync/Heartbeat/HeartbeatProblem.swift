import SyncModel

/// That heartbeats cannot be sent, as the running daemon tells it others.
struct HeartbeatProblem: Codable, Equatable, Sendable {
    /// When the first of them could not.
    var since: Timestamp
    /// Why the last one could not; the URL, which is a secret, is not in it.
    var reason: String
}
