/// Files whose bytes were last seen to be right at about the same time.
public struct ScrubLoad: Hashable, Sendable {
    /// When that was, at the earliest.
    public var provenAt: Timestamp
    /// What reading them costs; see `ScrubPace.cost`.
    public var cost: Int64

    /// Creates a load.
    public init(provenAt: Timestamp, cost: Int64) {
        self.provenAt = provenAt
        self.cost = cost
    }
}

/// How fast the files of a mirror are read again, oldest proof first, so that none grows older than a round.
///
/// What is left to read and the time left for it give the pace, so that a stopped daemon, a clock that jumps and files
/// that come and go need no treatment of their own.
public struct ScrubPace: Hashable, Sendable {
    /// Cost that is worked off in a second.
    public let rate: Double
    private let catchUp: Int64

    /// The part of a round in which what is overdue is read, and in which one file is read at the latest: a restart
    /// begins it anew.
    private static let catchUpPart: Int64 = 30
    /// What a file costs besides its bytes: about what a disk reads while it looks for it.
    private static let costOfFile: Int64 = 1 << 16

    /// The least pace that suffices, with a little time to spare.
    ///
    /// - Parameters:
    ///   - loads: all that is in the mirror.
    ///   - now: the time.
    ///   - round: how old a proof may become, in seconds.
    ///   - last: the pace so far: it is kept up while anything is late, or the last of it would never be read.
    public init(for loads: [ScrubLoad], now: Timestamp, round: Int64, after last: ScrubPace? = nil) {
        catchUp = Self.catchUp(round)
        let catchUp = Double(catchUp)
        var (sum, rate, isLate) = (0.0, 0.0, false)
        for load in loads.sorted(by: { $0.provenAt < $1.provenAt }) {
            sum += Double(load.cost)
            let timeLeft = Double(load.provenAt.seconds) + Double(round) - 2 * catchUp - Double(now.seconds)
            if timeLeft < catchUp { isLate = true }
            rate = max(rate, sum / max(catchUp, timeLeft))
        }
        self.rate = isLate ? max(rate, last?.rate ?? 0) : rate
    }

    /// What reading files costs.
    public static func cost(files: Int64 = 1, bytes: Int64) -> Int64 {
        let (looking, overflow) = files.multipliedReportingOverflow(by: costOfFile)
        return overflow ? .max : bytes.saturatingSum(looking)
    }

    /// The time in which what is overdue is read, in seconds.
    public static func catchUp(_ round: Int64) -> Int64 { max(1, round / catchUpPart) }

    /// How old a proof is before it is renewed, in seconds: nothing is read much more often than it has to be.
    public static func leastAge(_ round: Int64) -> Int64 { round / 4 }

    /// The time from the beginning of one read to that of the next.
    ///
    /// - Parameters:
    ///   - cost: what the read costs.
    ///   - whole: what the whole file costs.
    public func pause(after cost: Int64, of whole: Int64) -> Duration {
        let rate = max(rate, Double(whole) / Double(catchUp))
        guard rate > 0 else { return .zero }
        return .seconds(min(Double(cost) / rate, 1e9))
    }
}
