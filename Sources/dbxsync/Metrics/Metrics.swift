import Dropbox
import Engine
import SyncModel
import Synchronization

/// What the running daemon counts: the one place, written from any thread.
final class Metrics: Sendable {
    private struct State {
        var counters: DaemonCounters
        var requests: [Request: Int64] = [:]
        /// Until when Dropbox wants no requests.
        var heldUntil: ContinuousClock.Instant?
        var heartbeatProblem: HeartbeatProblem?
    }

    private struct Request: Hashable {
        let endpoint, status: String
    }

    private let state: Mutex<State>
    private let changed = Atomic<UInt64>(0)
    private let happened = Atomic<UInt64>(0)

    /// Begins to count.
    init(began: Timestamp) { state = Mutex(State(counters: DaemonCounters(began: began))) }

    /// A number that grows whenever something is counted.
    var changes: UInt64 { changed.load(ordering: .relaxed) }

    /// A number that grows whenever something happens to the mirror, or to a path.
    var effects: UInt64 { happened.load(ordering: .relaxed) }

    /// What was counted so far.
    var counters: DaemonCounters {
        state.withLock { state in
            var counters = state.counters
            counters.requests = state.requests.map {
                DaemonCounters.Requests(endpoint: $0.key.endpoint, status: $0.key.status, count: $0.value)
            }.sorted { ($0.endpoint, $0.status) < ($1.endpoint, $1.status) }
            return counters
        }
    }

    /// Dropbox wants no requests for so long from now on; pauses that overlap count once.
    func paused(for duration: Duration, now: ContinuousClock.Instant = .now) {
        change { state in
            let end = now + min(duration, Self.longestPause)
            let begin = max(now, state.heldUntil ?? now)
            guard end > begin else { return }
            state.counters.pauseSeconds += (end - begin) / .seconds(1)
            state.heldUntil = end
        }
    }

    /// Why heartbeats are not sent; nil if none has failed since the last that was.
    var heartbeatProblem: HeartbeatProblem? { state.withLock { $0.heartbeatProblem } }

    /// A heartbeat was sent.
    func sentHeartbeat() {
        change { state in
            state.counters.heartbeats["sent", default: 0] += 1
            state.heartbeatProblem = nil
        }
    }

    /// A heartbeat could not be sent.
    func failedHeartbeat(_ reason: String, now: Timestamp = .now) {
        change { state in
            state.counters.heartbeats["failed", default: 0] += 1
            state.heartbeatProblem = HeartbeatProblem(since: state.heartbeatProblem?.since ?? now, reason: reason)
        }
    }

    /// Heartbeats go elsewhere from now on, or nowhere.
    func forgetHeartbeatProblem() { state.withLock { $0.heartbeatProblem = nil } }

    /// What a server says is not believed beyond this.
    private static let longestPause = Duration.seconds(3_600)

    private func change(_ body: (inout State) -> Void) {
        state.withLock { body(&$0) }
        changed.wrappingAdd(1, ordering: .relaxed)
    }
}

extension Metrics: EngineMeter {
    func happened(_ event: String) {
        happened.wrappingAdd(1, ordering: .relaxed)
        change { state in
            state.counters.effects[event, default: 0] += 1
            switch event {
            case "mirror_away": state.counters.isMirrorAway = true
            case "mirror_back": state.counters.isMirrorAway = false
            default: break
            }
        }
    }

    func passed(_ end: PassEnd, in duration: Duration) {
        change { state in
            state.counters.passes[end.rawValue, default: 0] += 1
            state.counters.passDurations.add(duration / .seconds(1))
            state.counters.isSignedOut = end == .signedOut
        }
    }

    func downloaded(_ kind: DownloadKind, in duration: Duration) {
        change { $0.counters.downloads[kind.rawValue]?.add(duration / .seconds(1)) }
    }
}

extension Metrics: CallMeter {
    func attemptBegan() { change { $0.counters.requestsUnderWay += 1 } }

    func attemptEnded(_ endpoint: String, _ result: AttemptResult) {
        change { state in
            state.counters.requestsUnderWay -= 1
            Self.count(endpoint, result, &state)
        }
    }

    /// No change that is worth a write of its own: an idle daemon waits all the time.
    func waitEnded(_ endpoint: String, _ result: AttemptResult) {
        state.withLock { Self.count(endpoint, result, &$0) }
    }

    private static func count(_ endpoint: String, _ result: AttemptResult, _ state: inout State) {
        state.requests[Request(endpoint: endpoint, status: status(result)), default: 0] += 1
    }

    func retried(_ endpoint: String) { change { $0.counters.retries[endpoint, default: 0] += 1 } }

    private static func status(_ result: AttemptResult) -> String {
        switch result {
        case .answered(429): "429"
        case .answered(let status): "\(status / 100)xx"
        case .unanswered: "none"
        case .abandoned: "abandoned"
        }
    }
}
