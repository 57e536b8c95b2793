package import SyncModel

/// What is run for each settled batch of changes of the mirror: a table `[on_change.NAME]`.
package struct OnChangeSettings: Hashable, Sendable {
    /// Program and arguments, the program by its absolute path; never empty in a checked configuration.
    package var command: [String]
    /// How long nothing has to change until a batch is complete.
    package var settle: Duration
    /// What the command is run for; never empty in a checked configuration.
    package var events: Set<ChangeKind>

    /// Makes settings.
    package init(
        command: [String] = [], settle: Duration = .seconds(5), events: Set<ChangeKind> = Set(ChangeKind.allCases)
    ) {
        self.command = command
        self.settle = settle
        self.events = events
    }
}

/// Names of `[on_change.NAME]` tables.
enum OnChangeName {
    /// Units are named with them.
    private static let longest = 64

    /// What is wrong with a name; nil if nothing is.
    static func problem(_ name: String) -> String? {
        guard !name.isEmpty, name.utf8.allSatisfy(isAllowed) else {
            return "the name may hold only letters from a to z, digits, \"-\" and \"_\""
        }
        if name.hasPrefix("-") { return "the name must not begin with \"-\": on a command line it would be an option" }
        if name.utf8.count > longest { return "the name has more than \(longest) characters" }
        return nil
    }

    private static func isAllowed(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
            UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "-"), UInt8(ascii: "_"):
            true
        default: false
        }
    }
}

extension Config {
    /// The table that holds the tables of `onChange`.
    static let onChangeTable = "on_change"

    /// The keys of `[on_change.NAME]`, in the order of the sample file.
    static func onChangeKeys(_ name: String) -> [ConfigKey] {
        let table = "\(onChangeTable).\(name)"
        return [
            ConfigKey("\(table).command", \.[onChange: name].command, .command, .restart),
            ConfigKey(
                "\(table).settle", \.[onChange: name].settle, .duration(.milliseconds(100)...days(1)), .restart),
            ConfigKey("\(table).events", \.[onChange: name].events, .events, .restart),
        ]
    }

    /// The settings of a name; the defaults where there are none.
    private subscript(onChange name: String) -> OnChangeSettings {
        get { onChange[name] ?? OnChangeSettings() }
        set { onChange[name] = newValue }
    }
}
