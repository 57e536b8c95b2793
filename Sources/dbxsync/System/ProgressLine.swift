import Synchronization
import TextFormatting

/// How far long work has come.
struct Progress: Equatable, Sendable {
    /// What is done, in a word or two: `placing`.
    var activity = ""
    var filesDone = 0
    var filesTotal = 0
    var bytesDone: Int64 = 0
    var bytesTotal: Int64 = 0
    /// Of the bytes that are done those that were done before.
    var bytesResumed: Int64 = 0
    /// True while the listing still runs, so that the totals are not the last word.
    var isGrowing = false

    /// How much is done, of 1; by files where there are no bytes.
    var fraction: Double {
        bytesTotal > 0
            ? ProgressText.fraction(bytesDone, of: bytesTotal)
            : ProgressText.fraction(Int64(filesDone), of: Int64(filesTotal))
    }
}

/// A progress line as text; pure.
enum ProgressText {
    /// A bar, where the whole is known, and as much of the rest as fits.
    static func line(_ progress: Progress, rate: Double?, width: Int) -> String {
        if progress.isGrowing { return details(progress, rate: rate, width: width) }
        let bar = bar(progress.fraction, width: barWidth) + " " + percent(progress.fraction) + "  "
        let room = width - bar.count
        if room < leastDetails { return details(progress, rate: rate, width: width) }
        var numbers = progress
        numbers.activity = ""
        return bar + details(numbers, rate: rate, width: room)
    }

    private static let barWidth = 16
    /// Columns in which numbers say more than a bar would.
    private static let leastDetails = 40

    /// `[#####-----]`, with its brackets `width` columns wide; empty where that is no bar.
    static func bar(_ fraction: Double, width: Int) -> String {
        let inner = width - 2
        if inner < 3 { return "" }
        let done = Int((fraction * Double(inner)).rounded(.down))
        return "[" + String(repeating: "#", count: done) + String(repeating: "-", count: inner - done) + "]"
    }

    /// ` 48 %`; 100 only when all is done.
    static func percent(_ fraction: Double) -> String {
        HumanText.padded("\(Int((fraction * 100).rounded(.down)))", to: 3, atStart: true) + " %"
    }

    /// A part of the whole, of 1; more than the whole is the whole, and nothing of nothing is all of it.
    static func fraction(_ done: Int64, of total: Int64) -> Double {
        total > 0 ? min(max(Double(done) / Double(total), 0), 1) : 1
    }

    /// As much as fits into the width, the most wanted first.
    ///
    /// Parts that do not fit go from the least wanted: rate, time left, bytes, the activity.
    static func details(_ progress: Progress, rate: Double?, width: Int) -> String {
        let more = progress.isGrowing ? "+" : ""
        let files =
            "\(HumanText.count(progress.filesDone)) of \(HumanText.count(progress.filesTotal))\(more) files"
        let bytes = "\(HumanText.bytes(progress.bytesDone)) of \(HumanText.bytes(progress.bytesTotal))\(more)"
        var parts = [(progress.activity.isEmpty ? "" : escapingControls(progress.activity) + " ") + files, bytes]
        if let left = timeLeft(progress, rate) { parts.append(HumanText.duration(left) + " left") }
        if let rate { parts.append(HumanText.rate(rate)) }
        while parts.count > 1 {
            let line = parts.joined(separator: " · ")
            if line.count < width { return line }
            parts.removeLast()
        }
        let line = parts[0].count < width ? parts[0] : files
        return line.count < width ? line : String(line.prefix(max(0, width - 1)))
    }

    /// Bytes to go at the present rate; nil where that would be a guess.
    static func timeLeft(_ progress: Progress, _ rate: Double?) -> Duration? {
        guard let rate, rate >= 1, !progress.isGrowing, progress.bytesTotal > progress.bytesDone else { return nil }
        let seconds = (Double(progress.bytesTotal) - Double(progress.bytesDone)) / rate
        guard seconds < 365 * 86_400 else { return nil }
        return .seconds(seconds.rounded(.up))
    }
}

/// Bytes per second over the last ten seconds; pure.
struct RateMeter: Sendable {
    private static let window = Duration.seconds(10)
    private var samples: [(at: Duration, bytes: Int64)] = []

    /// Notes how many bytes had arrived at a time that does not go backwards.
    mutating func note(bytes: Int64, at time: Duration) {
        if let last = samples.last, bytes < last.bytes { samples = [] }
        samples.append((time, bytes))
        // One sample older than the window stays, as the other end of the measure.
        while samples.count > 2, time - samples[1].at >= Self.window { samples.removeFirst() }
    }

    /// The rate; nil before a second has passed.
    var rate: Double? {
        guard let first = samples.first, let last = samples.last, last.at - first.at >= .seconds(1) else { return nil }
        return (Double(last.bytes) - Double(first.bytes)) / ((last.at - first.at) / .seconds(1))
    }
}

/// The progress line on a terminal: one line, redrawn at most five times a second; nothing where nobody looks.
final class ProgressLine: Sendable {
    private static let pause = Duration.milliseconds(200)

    private struct State {
        var meter = RateMeter()
        var lastDrawn: Duration?
    }

    private let terminal: Terminal
    private let start: ContinuousClock.Instant
    private let state = Mutex(State())

    /// Draws on a terminal.
    init(terminal: Terminal = .standardError, start: ContinuousClock.Instant = .now) {
        self.terminal = terminal
        self.start = start
    }

    /// True when updates are seen by somebody; when not, whoever measures progress may save the trouble.
    var isVisible: Bool { terminal.isInteractive }

    /// Takes note of the work; draws when the last drawing is old enough.
    func update(_ progress: Progress, now: ContinuousClock.Instant = .now) {
        draw(now) { state, time in
            state.meter.note(bytes: progress.bytesDone - progress.bytesResumed, at: time)
            return ProgressText.line(progress, rate: state.meter.rate, width: terminal.width)
        }
    }

    /// Says how far work has come that has no end to measure it by.
    func update(_ text: String, now: ContinuousClock.Instant = .now) {
        draw(now) { _, _ in String(text.prefix(max(0, terminal.width - 1))) }
    }

    private func draw(_ now: ContinuousClock.Instant, _ line: (inout State, Duration) -> String) {
        guard terminal.isInteractive else { return }
        let time = now - start
        let line = state.withLock { state -> String? in
            if let last = state.lastDrawn, time - last < Self.pause { return nil }
            state.lastDrawn = time
            return line(&state, time)
        }
        if let line { terminal.show(progress: line) }
    }

    /// Takes the line away: the work is done, or another kind of it begins.
    func finish() {
        guard terminal.isInteractive else { return }
        state.withLock { $0 = State() }
        terminal.show(progress: "")
    }
}
