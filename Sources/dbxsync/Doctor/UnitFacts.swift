import Configuration
import Glibc

/// What systemd knows of a unit, as "systemctl show" prints it.
struct UnitFacts: Equatable, Sendable {
    let unit: String
    private let values: [String: String]

    /// Reads the lines `NAME=VALUE`.
    init(unit: String, text: String) {
        self.unit = unit
        var values: [String: String] = [:]
        for line in text.split(separator: "\n") {
            guard let mark = line.firstIndex(of: "=") else { continue }
            values[String(line[..<mark])] = String(line[line.index(after: mark)...])
        }
        self.values = values
    }

    /// Asks systemd; blocks.
    ///
    /// - Returns: nil where it does not run.
    static func read(_ unit: String) -> UnitFacts? {
        guard isBooted,
            let shown = CapturedCommand.run(
                ["systemctl", "show", "--no-pager", unit, "-p", names.joined(separator: ",")], within: .seconds(10)),
            shown.isDone
        else { return nil }
        return UnitFacts(unit: unit, text: shown.output)
    }

    /// sd_booted(3).
    static var isBooted: Bool {
        var status = stat()
        return lstat("/run/systemd/system", &status) == 0 && status.st_mode & S_IFMT == S_IFDIR
    }

    private static let names = [
        "LoadState", "UnitFileState", "ActiveState", "SubState", "Result", "ExecMainStatus", "NRestarts", "StatusText",
        "NeedDaemonReload", "ExecStart", "User", "Group", "SupplementaryGroups", "Environment", "ProtectSystem",
        "ProtectHome",
        "PrivateTmp", "PrivateUsers", "ReadWritePaths", "ReadOnlyPaths", "InaccessiblePaths", "BindPaths",
        "StateDirectory",
        "RuntimeDirectory", "CacheDirectory", "LogsDirectory",
    ]

    subscript(name: String) -> String { values[name] ?? "" }

    /// Whether the unit runs with a configuration file.
    func runs(_ file: String) -> Bool {
        file == DropIn.file(ofInstance: DropIn.instance(file)) || self["ExecStart"].contains(file)
    }

    /// The words of a list, without the quotes that some have and the backslashes in these.
    func words(_ name: String) -> [String] {
        var words: [String] = []
        var (word, isQuoted, isEscaped) = ("", false, false)
        for character in self[name] {
            switch character {
            case _ where isEscaped:
                word.append(character)
                isEscaped = false
            case "\\" where isQuoted: isEscaped = true
            case "\"": isQuoted.toggle()
            case " " where !isQuoted:
                if !word.isEmpty { words.append(word) }
                word = ""
            default: word.append(character)
            }
        }
        return word.isEmpty ? words : words + [word]
    }

    /// The unit's name as people type it.
    var name: String { unit.hasSuffix(".service") ? String(unit.dropLast(".service".count)) : unit }
    /// Whether there is such a unit.
    var isThere: Bool { self["LoadState"] == "loaded" }
    /// Whether it was started.
    var isActive: Bool { ["active", "reloading"].contains(self["ActiveState"]) }
    /// Whether it will be started with the machine.
    var isEnabled: Bool { self["UnitFileState"].hasPrefix("enabled") }
    /// Who runs it.
    var user: String { self["User"].isEmpty ? "root" : self["User"] }
}

/// What a unit's settings let its service do with files (systemd.exec(5), sandboxing); pure.
struct UnitSandbox {
    /// What can be done with a path.
    enum Access: Equatable {
        case writable
        case readOnly(by: String)
        case hidden(by: String)
    }

    private struct Rule {
        var folder: String
        var access: Access
    }

    private var bound: [String] = []
    private var hidden: [Rule] = []
    private var rules: [Rule] = []

    init(_ facts: UnitFacts) {
        bound = facts.words("BindPaths").map { entry in
            let parts = Self.path(entry).split(separator: ":")
            return String(parts.count > 1 ? parts[1] : parts.first ?? "")
        }
        hide(facts, "InaccessiblePaths", facts.words("InaccessiblePaths").map(Self.path))
        if ["yes", "tmpfs"].contains(facts["ProtectHome"]) { hide(facts, "ProtectHome", Self.homes) }
        if !["", "no"].contains(facts["PrivateTmp"]) { hide(facts, "PrivateTmp", ["/tmp", "/var/tmp"]) }
        if facts["ProtectHome"] == "read-only" { protect("ProtectHome=read-only", Self.homes) }
        let system = facts["ProtectSystem"]
        let protected = ["strict": ["/"], "full": Self.system + ["/etc"], "yes": Self.system][system] ?? []
        protect("ProtectSystem=\(system)", protected)
        protect("ReadOnlyPaths=", facts.words("ReadOnlyPaths").map(Self.path))
        let directories = [
            ("StateDirectory", "/var/lib/"), ("RuntimeDirectory", "/run/"), ("CacheDirectory", "/var/cache/"),
            ("LogsDirectory", "/var/log/"),
        ].flatMap { name, above in facts.words(name).map { above + $0 } }
        rules += (facts.words("ReadWritePaths").map(Self.path) + directories).map {
            Rule(folder: $0, access: .writable)
        }
    }

    private static let homes = ["/home", "/root", "/run/user"]
    private static let system = ["/usr", "/boot", "/efi"]

    private mutating func hide(_ facts: UnitFacts, _ name: String, _ folders: [String]) {
        hidden += folders.map { Rule(folder: $0, access: .hidden(by: "\(name)=\(facts[name])")) }
    }

    private mutating func protect(_ setting: String, _ folders: [String]) {
        rules += folders.map { Rule(folder: $0, access: .readOnly(by: setting)) }
    }

    /// Without the marks for "if it is there" and "below the root directory of the service".
    private static func path(_ text: String) -> String { String(text.drop { $0 == "-" || $0 == "+" }) }

    /// What the service can do with a path, which has no links; of the rules the one for the nearest folder counts.
    func access(to path: String) -> Access {
        if bound.contains(where: { PathText.lies(path, in: $0) }) { return .writable }
        if let rule = hidden.first(where: { PathText.lies(path, in: $0.folder) }) { return rule.access }
        let nearest = rules.filter { PathText.lies(path, in: $0.folder) }
            .max { $0.folder.utf8.count < $1.folder.utf8.count }
        return nearest?.access ?? .writable
    }
}
