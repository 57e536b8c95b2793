import Logging
import TextFormatting

/// One log event as one line for people; pure.
enum LogText {
    /// Keys whose values machines want and people do not.
    private static let fieldsOnly: Set<String> = [
        "event", "rev", "pass", "bytes_per_second", "placed", "links", "removed", "failed", "parked", "accepted",
        "withheld",
    ]
    /// The same for keys that begin with this.
    private static let fieldsOnlyPrefix = "seconds_"

    /// The message, then the path unless the message names it, then whatever else is known in parentheses.
    ///
    /// `bytes` is written as a size; `event`, `rev`, `pass` and the counts and times of a pass stay fields. Nothing a terminal obeys is left.
    static func line(_ message: String, _ metadata: Logger.Metadata, error: (any Error)? = nil) -> String {
        var text = message
        if let path = metadata["path"]?.text, !message.contains(path) { text += ": \(path)" }
        var details: [String] = []
        for (key, value) in metadata.sorted(by: { $0.key < $1.key }) where isShown(key) {
            details.append(key == "bytes" ? size(value.text) : "\(key) \(value.text)")
        }
        if let error, metadata["error"] == nil { details.append("error \(error)") }
        if !details.isEmpty { text += " (\(details.joined(separator: ", ")))" }
        return escapingControls(text)
    }

    private static func isShown(_ key: String) -> Bool {
        !fieldsOnly.contains(key) && !key.hasPrefix(fieldsOnlyPrefix) && key != "path"
    }

    private static func size(_ text: String) -> String { Int64(text).map(HumanText.bytes) ?? text }
}

extension Logger.MetadataValue {
    /// The value as text.
    var text: String {
        switch self {
        case .string(let text): text
        case .stringConvertible(let value): value.description
        case .array(let values): values.map(\.text).joined(separator: " ")
        case .dictionary(let values):
            values.sorted { $0.key < $1.key }.map { "\($0.key)=\($0.value.text)" }.joined(separator: " ")
        }
    }
}
