import Store

/// When changes have settled: a pass has ended with them, and nothing has changed for a while; pure.
struct Settling: Sendable {
    /// How long nothing has to change.
    let settle: Duration
    private var last: Int64?
    private var quietSince: ContinuousClock.Instant?

    init(settle: Duration) { self.settle = settle }

    /// Whether there are changes that have not settled.
    private(set) var isWaiting = false

    /// Looks at the numbers of the history.
    ///
    /// - Returns: the last row of what has settled after the row `after`; nil if there is nothing.
    mutating func look(_ marks: HistoryMarks, after: Int64, now: ContinuousClock.Instant) -> Int64? {
        if marks.last != last || quietSince == nil { (last, quietSince) = (marks.last, now) }
        guard let settled = marks.settled, settled > after else {
            isWaiting = marks.last > after
            return nil
        }
        isWaiting = true
        guard let quietSince, now - quietSince >= settle else { return nil }
        return settled
    }
}

extension HistoryMarks {
    /// Where a command begins that has never run: after what is there, but not in the middle of a pass.
    var beginning: Int64 { settled ?? first.map { $0 - 1 } ?? last }

    /// The numbers of rows after `after` that are no longer kept; nil if there are none.
    func dropped(after: Int64) -> ClosedRange<Int64>? {
        let end = first.map { $0 - 1 } ?? last
        return after > 0 && after < end ? after + 1...end : nil
    }
}
