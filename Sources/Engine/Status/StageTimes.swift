import Synchronization

/// What a pass spends its time on.
///
/// Stages overlap: files arrive while others are planned and put in place.
public enum PassStage: String, Hashable, Sendable, CaseIterable {
    /// Comparing the mirror with what was put there.
    case sweeping
    /// Waiting for pages of the account.
    case listing
    /// Recording these pages in the state.
    case recording
    /// Reading from the state what is pending, and planning it.
    case planning
    /// Downloading, from the request to the last byte; a disk that does not keep up prolongs it.
    case network
    /// Reading and hashing what is here already: files to adopt or to copy, and parts of downloads.
    case hashing
    /// Writing what arrives, and hashing it on the way.
    case writing
    /// Putting in place and removing, with what makes it durable.
    case publishing
}

/// How long a pass took, and what with.
public struct PassTimes: Hashable, Sendable {
    /// From its beginning until now, or its end.
    public var total = Duration.zero
    private var stages: [PassStage: Duration] = [:]

    /// Creates one of a pass that took no time.
    public init() {}

    /// The time in which something of `stage` was under way; what runs at the same time counts once.
    public subscript(stage: PassStage) -> Duration {
        get { stages[stage] ?? .zero }
        set { stages[stage] = newValue }
    }

    /// Seconds, with three decimals, by the name of each stage, and `total`.
    public var seconds: [String: Double] {
        var seconds = ["total": Self.seconds(total)]
        for stage in PassStage.allCases { seconds[stage.rawValue] = Self.seconds(self[stage]) }
        return seconds
    }

    private static func seconds(_ duration: Duration) -> Double {
        (duration / .milliseconds(1)).rounded() / 1_000
    }
}

/// Adds up intervals that may overlap; pure.
struct StageClock {
    private struct Meter {
        var running = 0
        var since = Duration.zero
        var sum = Duration.zero
    }

    private var meters: [PassStage: Meter] = [:]

    /// Something of `stage` begins.
    mutating func begin(_ stage: PassStage, at time: Duration) {
        var meter = meters[stage] ?? Meter()
        if meter.running == 0 { meter.since = time }
        meter.running += 1
        meters[stage] = meter
    }

    /// Something of `stage` that has begun ends.
    mutating func end(_ stage: PassStage, at time: Duration) {
        guard var meter = meters[stage], meter.running > 0 else { return }
        meter.running -= 1
        if meter.running == 0 { meter.sum += time - meter.since }
        meters[stage] = meter
    }

    /// What has passed until `time`, with what still runs.
    func times(at time: Duration) -> PassTimes {
        var times = PassTimes()
        times.total = time
        for (stage, meter) in meters { times[stage] = meter.sum + (meter.running > 0 ? time - meter.since : .zero) }
        return times
    }
}

/// Measures the stages of one pass.
///
/// A measurement is two looks at the clock and two locks: for a request, a batch or a chunk that is nothing.
final class StageTimes: Sendable {
    private let clock = Mutex(StageClock())
    private let now: @Sendable () -> Duration

    /// Begins to measure.
    ///
    /// - Parameter now: the time since the beginning.
    init(now: @escaping @Sendable () -> Duration) { self.now = now }

    /// Begins to measure, now.
    convenience init() {
        let start = ContinuousClock.now
        self.init { ContinuousClock.now - start }
    }

    /// What has passed so far.
    var current: PassTimes { clock.withLock { $0.times(at: now()) } }

    func begin(_ stage: PassStage) { clock.withLock { $0.begin(stage, at: now()) } }

    func end(_ stage: PassStage) { clock.withLock { $0.end(stage, at: now()) } }

    /// Measures `work`.
    func measure<Result>(_ stage: PassStage, _ work: () throws -> Result) rethrows -> Result {
        begin(stage)
        defer { end(stage) }
        return try work()
    }

    /// Measures `work`.
    func measure<Result>(_ stage: PassStage, _ work: () async throws -> Result) async rethrows -> Result {
        begin(stage)
        defer { end(stage) }
        return try await work()
    }
}
