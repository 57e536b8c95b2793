import SyncModel
import TextFormatting

/// How the mirror stands, as a heartbeat tells it; pure.
enum Health: Equatable, Sendable {
    /// It is in step, or was of late and nothing is in its way.
    case well
    /// It is not, for this reason, which names no file: it goes to somebody else's server.
    case failing(String)
    /// It never was, and is given time.
    case unknown

    /// The same judgement as that of `dbxsync status`, but for work that is under way: that is told when it has taken so
    /// long that the mirror is stale.
    ///
    /// - Parameters:
    ///   - report: how it stands.
    ///   - isYoung: whether the daemon began less long ago than the mirror may be out of step.
    static func of(_ report: StatusReport, isYoung: Bool) -> Health {
        let troubles = troubles(report)
        if !troubles.isEmpty { return .failing("not in step: " + troubles.joined(separator: ", ")) }
        if report.inStep { return .well }
        let reason = report.daemon?.now?.phase == "waiting" ? report.daemon?.now?.reason : nil
        if let reason { return .failing("waiting: " + escapingControls(reason)) }
        guard report.inStepAsOf != nil else {
            return isYoung ? .unknown : .failing("not in step yet: \(work(report))")
        }
        if report.stale { return .failing("not known to be in step for longer than allowed: \(work(report))") }
        // Neither at work nor in step: the disk was not looked at for too long.
        let isAtRest = report.backlog.isNothing && !report.listing && report.daemon?.now?.phase == "idle"
        return isAtRest ? .failing("the disk was not compared with what is recorded for longer than allowed") : .well
    }

    private static func troubles(_ report: StatusReport) -> [String] {
        let outbox = report.outbox.map { $0.failing + $0.parked } ?? 0
        return [
            (report.failing, "failing"), (report.parked, "cannot be mirrored"), (report.unread, "unreadable"),
            (report.held?.paths ?? 0, "held"), (report.held?.rejected ?? 0, "rejected"), (outbox, "not uploaded"),
        ].filter { $0.0 > 0 }.map { "\(HumanText.count($0.0)) \($0.1)" }
    }

    private static func work(_ report: StatusReport) -> String {
        let backlog = report.backlog
        if backlog.isNothing { return report.listing ? "the account is being listed" : "nothing is known to be left" }
        return "\(HumanText.count(backlog.files, "file")), \(HumanText.bytes(backlog.bytes)), to place, "
            + "\(HumanText.count(backlog.removals)) to remove"
    }
}
