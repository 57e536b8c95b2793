import CCurl
import DequeModule
import Glibc
import Synchronization

/// The bandwidth of all sinks together as a token bucket.
///
/// Pure: the time, in seconds since some start, is an argument.
struct TokenBucket: Hashable {
    /// Credit that may pile up while nothing is received, in seconds.
    static let burst = 0.25

    /// Bytes per second.
    let rate: Double
    private var credit: Double = 0
    private var filledAt: Double

    /// An empty bucket.
    init(rate: Int64, at now: Double) {
        self.rate = Double(max(rate, 1))
        filledAt = now
    }

    /// Adds what the time since the last call is worth.
    mutating func fill(at now: Double) {
        credit = min(credit + (now - filledAt) * rate, rate * TokenBucket.burst)
        filledAt = now
    }

    /// Takes bytes, if there is any credit: the last piece may overdraw it.
    mutating func take(_ count: Int) -> Bool {
        guard credit > 0 else { return false }
        credit -= Double(count)
        return true
    }

    /// Takes back what was taken and not used.
    mutating func giveBack(_ count: Int) { credit += Double(count) }

    /// Seconds until it is worth waking up: credit for 20 ms, but for one piece of libcurl's at least.
    var wait: Double { max(0, min(max(16_384, rate / 50), rate * TokenBucket.burst / 2) - credit) / rate }
}

/// The bandwidth that several transports share.
///
/// A limit may depend on the time: it is asked for again whenever bytes move and a minute of the wall clock has begun,
/// or the clock was set. Nothing wakes up for it.
public final class Bandwidth: Sendable {
    private struct State {
        /// Nil without a limit.
        var bucket: TokenBucket?
        /// Tells the bytes per second; nil for no limit.
        var rate: @Sendable () -> Int64?
        /// The minute of the wall clock for which it was asked; nil if it has to be asked.
        var askedAt: Int?
    }

    private let state: Mutex<State>
    /// The minutes of the wall clock.
    private let minute: @Sendable () -> Int

    /// Creates a limit; `nil` for none.
    ///
    /// - Parameter rate: bytes per second.
    public convenience init(rate: Int64?) { self.init { rate } }

    /// Creates a limit that depends on the time.
    ///
    /// - Parameter rate: tells the bytes per second that are allowed now, `nil` for any number. It is called on any
    ///   thread, with a lock held, and has to be quick.
    public convenience init(rate: @escaping @Sendable () -> Int64?) {
        self.init(minute: { time(nil) / 60 }, rate: rate)
    }

    init(minute: @escaping @Sendable () -> Int, rate: @escaping @Sendable () -> Int64?) {
        self.minute = minute
        state = Mutex(State(rate: rate))
    }

    func set(_ rate: Int64?) { state.withLock { $0 = State(rate: { rate }) } }

    /// Has the limit asked for again, because it may have changed within the minute.
    public func refresh() { state.withLock { $0.askedAt = nil } }

    /// Calls `body` with the bucket of the limit that is in force.
    private func withBucket<Value>(_ body: (inout TokenBucket?) -> Value) -> Value {
        let minute = minute()
        return state.withLock { state in
            if state.askedAt != minute {
                state.askedAt = minute
                let rate = state.rate()
                // A limit that stays keeps its credit.
                if rate.map({ Double(max($0, 1)) }) != state.bucket?.rate {
                    state.bucket = rate.map { TokenBucket(rate: $0, at: Bandwidth.now()) }
                }
            }
            return body(&state.bucket)
        }
    }

    /// Takes bytes, if there is any credit or no limit.
    func take(_ count: Int) -> Bool { withBucket { $0?.take(count) ?? true } }

    /// Takes back what was taken and not used.
    func giveBack(_ count: Int) { withBucket { $0?.giveBack(count) } }

    /// Seconds until it is worth waking up; 0 without a limit.
    func wait() -> Double {
        withBucket { bucket in
            bucket?.fill(at: Bandwidth.now())
            return bucket?.wait ?? 0
        }
    }

    private static func now() -> Double {
        var time = timespec()
        clock_gettime(CLOCK_MONOTONIC, &time)
        return Double(time.tv_sec) + Double(time.tv_nsec) / 1e9
    }
}

/// Pauses transfers into sinks when they are faster than the bandwidth allows; used by the curl thread only.
///
/// libcurl's own limit (CURLOPT_MAX_RECV_SPEED_LARGE) holds back single transfers, and those only after their first
/// second or so: many small files pass it unhindered.
final class Throttle {
    private let bandwidth: Bandwidth
    /// Paused transfers, the first to go on first.
    private var paused: Deque<CurlTransfer> = []

    init(_ bandwidth: Bandwidth) { self.bandwidth = bandwidth }

    /// Whether a piece of a body may be received now; if not, the transfer is paused by its caller.
    func admits(_ count: Int, _ transfer: CurlTransfer) -> Bool {
        if bandwidth.take(count) { return true }
        if !transfer.waitsForCredit { paused.append(transfer) }
        transfer.waitsForCredit = true
        return false
    }

    /// Takes back what was admitted and not used.
    func giveBack(_ count: Int) { if count > 0 { bandwidth.giveBack(count) } }

    /// The transfers that may go on; each may come back to the end of the queue.
    ///
    /// `resume` receives what libcurl holds of the transfer, and with it uses up credit.
    func resume(_ resume: (CurlTransfer) -> Void) {
        for _ in 0..<paused.count {
            if bandwidth.wait() > 0 { return }
            let next = paused.removeFirst()
            next.waitsForCredit = false
            resume(next)
        }
    }

    /// Milliseconds until somebody may go on, within bounds; `longest` if nobody waits.
    func patience(longest: Int32) -> Int32 {
        if paused.isEmpty { return longest }
        return Int32(max(1, min(Double(longest), (bandwidth.wait() * 1000).rounded(.up))))
    }
}
