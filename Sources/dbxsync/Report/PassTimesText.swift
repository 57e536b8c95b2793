import Engine
import TextFormatting

/// Where the time of a pass went, as one line; pure.
enum PassTimesText {
    /// A pass that is over sooner makes nobody wonder.
    private static let worthTelling = Duration.seconds(5)

    /// The line, with the stages that took a second and a twentieth of the pass or more, the longest first.
    ///
    /// - Returns: `nil` if the pass was short, or nothing took long.
    static func line(_ report: PassReport) -> String? {
        let times = report.times
        guard times.total >= worthTelling else { return nil }
        let long = PassStage.allCases.filter { times[$0] >= max(.seconds(1), times.total / 20) }
        if long.isEmpty { return nil }
        let parts = long.sorted { times[$0] > times[$1] }.map { stage in
            let rate = stage == .network ? " (\(HumanText.rate(Double(report.bytesPerSecond))))" : ""
            return "\(stage.rawValue) \(HumanText.duration(times[stage]))\(rate)"
        }
        return "the pass took \(HumanText.duration(times.total)): \(parts.joined(separator: ", "))"
    }
}
