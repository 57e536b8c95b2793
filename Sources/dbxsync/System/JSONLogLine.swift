import Logging
import SyncModel
import TextFormatting

/// One log event as a JSON object on one line; pure.
enum JSONLogLine {
    /// Keys whose values are numbers; those of times begin with `secondsPrefix`.
    private static let numbers: Set<String> = [
        "bytes", "bytes_per_second", "pass", "placed", "links", "removed", "failed", "parked", "accepted", "withheld",
        "status",
    ]
    private static let secondsPrefix = "seconds_"
    private static let own: Set<String> = ["time", "level", "message"]

    /// `time`, `level` and `message`, then whatever else is known, by its name.
    static func text(
        _ level: Logger.Level, _ message: String, _ metadata: Logger.Metadata, error: (any Error)? = nil,
        at time: Timestamp
    ) -> String {
        var fields = [
            ("time", quoted(TimeText.rfc3339(time))), ("level", quoted(level.rawValue)), ("message", quoted(message)),
        ]
        for (key, value) in metadata.sorted(by: { $0.key < $1.key }) {
            let name = name(key)
            fields.append((own.contains(name) ? name + "_" : name, self.value(value.text, of: name)))
        }
        if let error, metadata["error"] == nil { fields.append(("error", quoted("\(error)"))) }
        return "{" + fields.map { "\"\($0)\":\($1)" }.joined(separator: ",") + "}"
    }

    /// Lower-case letters, digits and `_`.
    private static func name(_ key: String) -> String {
        String(
            key.lowercased().unicodeScalars.map { scalar -> Character in
                switch scalar {
                case "a"..."z", "0"..."9": Character(scalar)
                default: "_"
                }
            })
    }

    private static func value(_ text: String, of name: String) -> String {
        if numbers.contains(name), let number = Int64(text) { return "\(number)" }
        if name.hasPrefix(secondsPrefix), let number = Double(text), number.isFinite { return "\(number)" }
        return quoted(text)
    }
}
