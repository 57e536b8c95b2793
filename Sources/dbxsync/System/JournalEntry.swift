import Logging

/// One log event as the fields of one journal entry; pure.
struct JournalEntry: Equatable, Sendable {
    /// Names with values, in the order they are sent.
    ///
    /// Values are sent as they are, control characters included.
    let fields: [(name: String, value: String)]

    /// Turns metadata `path` into `DBXSYNC_PATH`, and so on; `event` also finds the `MESSAGE_ID`.
    init(level: Logger.Level, message: String, metadata: Logger.Metadata, error: (any Error)? = nil) {
        var fields = [
            (name: "MESSAGE", value: LogText.line(message, metadata, error: error)),
            (name: "PRIORITY", value: String(Self.priority(level))),
            (name: "SYSLOG_IDENTIFIER", value: "dbxsync"),
        ]
        if let event = metadata["event"]?.text, let id = Self.messageIDs[event] {
            fields.append((name: "MESSAGE_ID", value: id))
        }
        for (key, value) in metadata.sorted(by: { $0.key < $1.key }) {
            fields.append((name: Self.name(key), value: value.text))
        }
        if let error, metadata["error"] == nil { fields.append((name: "DBXSYNC_ERROR", value: "\(error)")) }
        self.fields = fields
    }

    /// The fields as sd_journal_sendv(3) takes them: `NAME=value`, no escapes, no terminator.
    var encoded: [[UInt8]] { fields.map { Array("\($0.name)=\($0.value)".utf8) } }

    /// What the catalog and scripts find entries by; never changed once released.
    static let messageIDs = [
        "pass_done": "be0d996bd97f4ce996bbd536421a0cfa",
        "parked": "3ca37bc68b9a4e70b0535dc131350556",
        "failed": "29be4bb758c847528757add567794c04",
        "reset": "17660dc3262243888b9013ab7b733ade",
        "damaged": "cd379fdfe3774b5b9e22dfc0ab49d5b6",
        "held": "0d59eed1e17246a686f00b222ad2b9af",
        "mirror_away": "6aa9ad1fff554a75a9da07d82ea40961",
    ]

    static func == (a: JournalEntry, b: JournalEntry) -> Bool { a.encoded == b.encoded }

    /// The level as syslog(3) counts.
    static func priority(_ level: Logger.Level) -> Int {
        switch level {
        case .trace, .debug: 7
        case .info: 6
        case .notice: 5
        case .warning: 4
        case .error: 3
        case .critical: 2
        }
    }

    /// A name that the journal takes: upper-case letters, digits and `_`, at most 64 of them.
    static func name(_ key: String) -> String {
        let letters = key.uppercased().unicodeScalars.prefix(56).map { scalar -> Character in
            switch scalar {
            case "A"..."Z", "0"..."9": Character(scalar)
            default: "_"
            }
        }
        return "DBXSYNC_" + String(letters)
    }
}
