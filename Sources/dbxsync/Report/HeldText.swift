import Store
import SyncModel
import TextFormatting

/// What is held, in words; pure.
enum HeldText {
    /// A group of paths in the list.
    struct Group: Encodable, Sendable {
        /// The folder that they are in.
        var path: String
        var files: Int
        var bytes: Int64
    }

    /// "1,200 removals held", "3 replacements held, 2 rejected".
    static func counts(_ held: StatusReport.Held) -> String {
        let parts = [
            (held.removals, "removal", "held"), (held.replacements, "replacement", "held"),
            (held.rejected, "replacement", "rejected"),
        ].filter { $0.0 > 0 }.map { "\(HumanText.count($0.0, $0.1)) \($0.2)" }
        return parts.joined(separator: ", ")
    }

    /// "1,200 removals and 3 replacements".
    static func counts(_ hold: Hold) -> String {
        [(hold.removals, "removal"), (hold.replacements, "replacement")].filter { $0.0 > 0 }
            .map { HumanText.count($0.0, $0.1) }.joined(separator: " and ")
    }

    /// How much is held where, and why: "1,200 removals held below /Photos since 12:00: more removals within 1 h than …".
    static func sentence(_ held: StatusReport.Held, since: String? = nil) -> String {
        let since = since.map { " since \($0)" } ?? ""
        if held.holds.count < 2 {
            return escapingControls("\(counts(held)) below \(held.folder)\(since): \(held.reason)")
        }
        let each = held.holds.prefix(mostHolds).map { "hold \($0.id) below \($0.folder) (\($0.reason))" }
        let more = held.holds.count > mostHolds ? " and \(HumanText.count(held.holds.count - mostHolds)) more" : ""
        return escapingControls(
            "\(counts(held)) in \(held.holds.count) holds\(since): \(each.joined(separator: ", "))\(more)")
    }

    /// Holds that a sentence names.
    private static let mostHolds = 3

    /// The line of the status.
    static func line(_ held: StatusReport.Held?) -> String? {
        held.map { "\(counts($0)), \(HumanText.bytes($0.bytes)) (see: dbxsync held)" }
    }

    /// One hold, with its groups.
    static func lines(_ hold: Hold, _ groups: [Group], now: Timestamp) -> [String] {
        let state =
            switch hold.status {
            case .held: "held since \(TimeText.localAndDistance(hold.began, from: now))"
            case .approved: "approved, done with the next pass"
            case .rejected: "rejected: what stands there stays until Dropbox has another revision"
            }
        let heading =
            "hold \(hold.id): \(counts(hold)) below \(escapingControls(hold.folder)), "
            + "\(HumanText.bytes(hold.bytes)), \(state): \(hold.reason)"
        return [heading]
            + groups.map { group in
                let count = HumanText.padded(HumanText.count(group.files, "file"), to: 14, atStart: true)
                let size = HumanText.padded(HumanText.bytes(group.bytes), to: 10, atStart: true)
                return escapingControls("  \(count) \(size)  \(group.path)")
            }
    }

    /// How to decide.
    static func advice(_ holds: [Hold]) -> [String] {
        let open = holds.filter { $0.status == .held }
        if open.isEmpty { return [] }
        let id = " " + open.map { String($0.id) }.joined(separator: " ")
        return [
            "let them go:  dbxsync held --approve\(id)", "keep them:    dbxsync held --reject\(id)",
            "every path:   dbxsync held --all",
            "What is meant to stay is best brought back in Dropbox: what it has again is no longer held. What is rejected",
            "stays here, but as files that are not from Dropbox: nothing compares or removes them any more.",
        ]
    }
}

/// Sums up paths by folder: as deep as few groups allow.
struct HeldGroups {
    /// Groups that are shown of one hold.
    private static let most = 20
    private static let deepest = 6
    /// For each depth the sums, until there are too many.
    private var sums: [[String: HeldText.Group]] = Array(repeating: [:], count: deepest)
    private var isTooDeep = deepest

    /// Adds a path.
    mutating func add(_ held: HeldPath) {
        if held.isFolder { return }
        let folders = held.path.split(separator: "/").dropLast()
        for depth in 0..<isTooDeep {
            let folder = "/" + folders.prefix(depth).joined(separator: "/")
            var group = sums[depth][folder] ?? HeldText.Group(path: folder, files: 0, bytes: 0)
            group.files += 1
            group.bytes = group.bytes.saturatingSum(held.size)
            sums[depth][folder] = group
            if sums[depth].count > Self.most {
                isTooDeep = depth
                return
            }
        }
    }

    /// The groups, the largest first.
    var groups: [HeldText.Group] {
        sums[max(0, isTooDeep - 1)].values.sorted { ($1.files, $0.path) < ($0.files, $1.path) }
    }
}
