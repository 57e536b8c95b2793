/// How many segments of one large file are fetched at a time: more as long as more help.
///
/// Pure: whoever measures tells the rate. It doubles while the rate grows by a tenth at least, goes back to the last
/// number that helped, and tries again after a while, since a line may have become faster.
public struct SegmentConcurrency: Sendable {
    /// Segments at a time, now.
    public private(set) var count: Int
    /// Segments at a time, at most.
    public let limit: Int
    /// The number before the last growth, and the rate it had.
    private var before: (count: Int, rate: Double)?
    private var isSettled = false
    /// Whether the number has just changed: new connections are slow at first.
    private var isRampingUp = true
    private var measurements = 0

    /// The growth of the rate that makes more segments worth their connections.
    private static let worthwhile = 1.1
    /// Measurements until a settled number is put to the test again.
    private static let patience = 60

    /// Begins with two segments, or one if there may be no more.
    public init(limit: Int) {
        self.limit = max(limit, 1)
        count = min(2, self.limit)
    }

    /// Takes the rate that `count` segments had together since the last measurement.
    public mutating func measured(_ rate: Double) {
        measurements += 1
        if isRampingUp {
            isRampingUp = false
            return
        }
        if isSettled {
            if measurements >= Self.patience { isSettled = false }
            return
        }
        if let before, rate < before.rate * Self.worthwhile {
            count = before.count
            settle()
        } else if count == limit {
            settle()
        } else {
            before = (count, rate)
            count = min(count * 2, limit)
            isRampingUp = true
        }
    }

    private mutating func settle() {
        before = nil
        isSettled = true
        measurements = 0
    }
}
