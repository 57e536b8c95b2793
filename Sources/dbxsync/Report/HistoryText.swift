import Store
import SyncModel
import TextFormatting

/// Rows of the history; pure.
enum HistoryText {
    /// The longest name of an event, and a space.
    private static let eventWidth = 1 + (ChangeKind.allCases.map(\.rawValue.utf8.count).max() ?? 0)

    /// A line for people, without its end.
    static func line(_ row: HistoryRow) -> String {
        let change = row.change
        let event = change.kind.rawValue
        var text = "\(TimeText.local(row.time))  \(event)"
        guard change.kind != .passDone else { return text }
        text += HumanText.padded("", to: eventWidth - event.count)
        text += change.oldPath.map { "\($0) -> \(change.path)" } ?? change.path
        let details = details(change)
        return escapingControls(details.isEmpty ? text : "\(text) (\(details.joined(separator: ", ")))")
    }

    /// What is told of a path that has no row of its own, with that of its folder.
    static func filling(_ row: HistoryRow) -> String { "its folder was filled as a whole: \(line(row))" }

    /// A line for people who have just seen it happen.
    static func recent(_ row: HistoryRow, now: Timestamp) -> String {
        let change = row.change
        let event = change.kind.rawValue.split(separator: "_").joined(separator: " ")
        let path = change.oldPath.map { "\($0) -> \(change.path)" } ?? change.path
        let size = change.size.map { " (\(HumanText.bytes($0)))" } ?? ""
        return escapingControls(
            "\(TimeText.soon(row.time, now: now))  \(HumanText.padded(event, to: eventWidth))\(path)\(size)")
    }

    /// What else a row says, in words.
    static func details(_ change: MirrorChange) -> [String] {
        [
            change.files.map { HumanText.count($0, "file") },
            change.size.map(HumanText.bytes),
            change.kind == .filePlaced && change.oldRev != nil ? "new revision" : nil,
            change.reason,
        ].compactMap(\.self)
    }

    /// A JSON document in a line, without its end: what `history --json` prints and `run-on-change` hands over.
    static func json(_ row: HistoryRow) -> String {
        let change = row.change
        let fields = [
            ("n", "\(row.number)"), ("time", quoted(TimeText.rfc3339(row.time))), ("pass", "\(row.pass)"),
            ("event", quoted(change.kind.rawValue)), ("path", quoted(change.path)),
            ("old_path", change.oldPath.map(quoted)), ("size", change.size.map { "\($0)" }),
            ("files", change.files.map { "\($0)" }), ("old_rev", change.oldRev.map { quoted($0.text) }),
            ("rev", change.rev.map { quoted($0.text) }), ("hash", change.hash.map { quoted($0.hex) }),
            ("reason", change.reason.map(quoted)),
        ]
        return "{" + fields.map { "\"\($0)\":\($1 ?? "null")" }.joined(separator: ",") + "}"
    }
}
