import Engine
import TextFormatting

/// When the journal is told how far a long pass has come, and in which words; pure.
///
/// Only the first entries of a pass have lines of their own.
struct ProgressJournal {
    /// Seconds between two lines, and before the first.
    static let interval: Int64 = 300
    /// When the last line was due, or the work began; nil while nothing is done.
    private var last: Int64?

    /// Looks at what is done.
    ///
    /// - Parameters:
    ///   - live: the same as `status`, with what was measured.
    ///   - time: seconds of a clock that no one sets.
    /// - Returns: a line; nil if none is due. What waits has none, and goes on where it was.
    mutating func line(_ status: EngineStatus, _ live: LiveStatus, at time: Int64) -> String? {
        if live.isWaiting || live.pausedUntil != nil { return nil }
        guard ["sweeping", "listing", "applying", "removing"].contains(live.phase) else {
            last = nil
            return nil
        }
        guard let begin = last else {
            last = time
            return nil
        }
        guard time - begin >= Self.interval else { return nil }
        last = time
        return Self.text(status, live)
    }

    private static func text(_ status: EngineStatus, _ live: LiveStatus) -> String {
        let rate = live.bytesPerSecond.map(Double.init)
        let left = ProgressText.timeLeft(Progress(live), rate).map { HumanText.duration($0) + " left" }
        let isPlacing = live.phase == "listing" || live.phase == "applying"
        let measured = isPlacing ? [rate.map(HumanText.rate), left].compactMap(\.self) : []
        return ([StatusLine.activity(status)] + measured).joined(separator: ", ")
    }
}
