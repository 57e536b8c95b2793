import Configuration
import Glibc
import TextFormatting

/// Whether systemd would run the daemon, and let it do its work; pure but for the look at users and groups.
struct ServiceChecks: Sendable {
    let facts: UnitFacts
    /// The file that the service would be run with.
    let file: String
    /// Nil if it cannot be read.
    let config: Config?
    /// Whether a daemon runs, whoever has started it.
    let isRunning: Bool
    /// The environment of who asks.
    let environment: [String: String]

    /// The names of the checks, for when there is no systemd.
    static let names = ["service", "sandbox", "service environment"]

    /// All of them, without what needs an answer of the disks of its directories if one gives none.
    func findingsInTime() async -> [Finding] {
        let silence = Finding.skipped(Self.names[1], "the disk of one of its directories does not answer")
        return await DiskInquiry(of: file).answer { findings } ?? findings(sandbox: silence)
    }

    /// All of them.
    var findings: [Finding] { findings(sandbox: sandbox) }

    private func findings(sandbox: @autoclosure () -> Finding?) -> [Finding] {
        guard facts.isThere else {
            return [
                .skipped("service", "there is no \(facts.unit) here; whatever starts \"dbxsync run\" is not looked at")
            ]
        }
        return [service, sandbox(), proxies].compactMap(\.self)
    }

    // MARK: The unit

    private var unit: String { facts.name }

    private var service: Finding {
        let name = "service"
        let state = "\(facts.unit) is \(facts["ActiveState"])"
        let why = facts["StatusText"].isEmpty ? "" : ": " + facts["StatusText"]
        switch facts["ActiveState"] {
        case "failed":
            return .problem(
                name, "\(state) (exit code \(facts["ExecMainStatus"]), result \(facts["Result"]))\(why)",
                do: "journalctl -u \(unit) -n 50\nsystemctl start \(unit), when the cause is gone")
        case "activating" where facts["SubState"] == "auto-restart":
            return .problem(
                name, "\(facts.unit) ends again and again (exit code \(facts["ExecMainStatus"]))\(why)",
                do: "journalctl -u \(unit) -n 50")
        case "inactive" where !isRunning:
            return .warning(name, "\(facts.unit) is not started", do: "systemctl enable --now \(unit)")
        default: break
        }
        if !facts.isEnabled && facts.isActive {
            return .warning(
                name, "\(state), but not enabled: it will not start with the machine", do: "systemctl enable \(unit)")
        }
        if facts["NeedDaemonReload"] == "yes" {
            return .warning(
                name, "\(state), and its files have changed since systemd has read them", do: "systemctl daemon-reload")
        }
        let restarts = Int(facts["NRestarts"]) ?? 0
        if restarts > 0 {
            return .warning(
                name, "\(state); it was started again \(HumanText.count(restarts, "time")) after it had failed",
                do: "journalctl -u \(unit) -p warning")
        }
        return .ok(name, facts.isEnabled ? "\(state) and enabled" : state)
    }

    // MARK: What it may do

    private var sandbox: Finding? {
        let name = "sandbox"
        guard let config else { return nil }
        let dropIn = DropIn(config, file: file)
        let denied = Self.refusals(facts, dropIn, group: config.mirror.group)
        guard denied.isEmpty else {
            return .problem(
                name, denied.joined(separator: "\n"),
                do: """
                    mkdir -p /etc/systemd/system/\(dropIn.unit).d
                    dbxsync check-config --drop-in --config \(file) > \(dropIn.path)
                    systemctl daemon-reload && systemctl restart \(unit)
                    """)
        }
        return .ok(name, "\(facts.unit) may write where it has to")
    }

    /// What the unit's settings keep its service from, and what the drop-in would grant.
    static func refusals(_ facts: UnitFacts, _ dropIn: DropIn, group: String?) -> [String] {
        let sandbox = UnitSandbox(facts)
        var refusals = dropIn.written.compactMap { path -> String? in
            let real = MirrorPlace.realPath(path) ?? path
            return switch sandbox.access(to: real) {
            case .writable: nil
            case .readOnly(let setting): "the service may not write to \(real) (\(setting))"
            case .hidden(let setting): "the service cannot see \(real) (\(setting))"
            }
        }
        if let group, !isMember(facts, of: group) {
            refusals.append("the service cannot give files to the group \(group) (mirror.group)")
        }
        return refusals
    }

    private static func isMember(_ facts: UnitFacts, of group: String) -> Bool {
        guard let wanted = Groups.number(of: group), let user = Privileges.User.named(facts.user) else { return false }
        if user.id == 0 { return true }
        if Groups.number(of: facts["Group"]) == wanted { return true }
        // Any other group is nobody's there (systemd.exec(5)).
        if !["", "no"].contains(facts["PrivateUsers"]) { return false }
        let given = facts.words("SupplementaryGroups").compactMap(Groups.number)
        var (count, groups) = (Int32(1_024), [gid_t](repeating: 0, count: 1_024))
        let known = getgrouplist(user.name, user.group, &groups, &count)
        return given.contains(wanted) || known > 0 && groups.prefix(Int(known)).contains(wanted)
    }

    // MARK: Its environment

    /// A proxy that whoever asks has in the environment, and the service has not.
    private var proxies: Finding? {
        let name = "service environment"
        guard config?.account.proxy == nil else { return nil }
        let given = Set(facts.words("Environment").compactMap { $0.split(separator: "=").first?.lowercased() })
        let missing = environment.filter { key, value in
            ["https_proxy", "all_proxy"].contains(key.lowercased()) && !value.isEmpty
                && !given.contains(key.lowercased())
        }.keys.sorted()
        if missing.isEmpty { return nil }
        return .warning(
            name, "\(missing.joined(separator: " and ")) of your environment is not set for the service",
            do: "set account.proxy, if Dropbox is reached by a proxy only")
    }
}

/// Whether the status page is served where somebody has enabled it; pure.
enum StatusPageCheck {
    static let name = "status page"
    static let unit = "dbxsync-web.socket"

    /// - Returns: nil where it is not enabled.
    static func finding(_ facts: UnitFacts) -> Finding? {
        guard facts.isThere, facts.isEnabled else { return nil }
        if facts.isActive { return .ok(name, "\(unit) is \(facts["ActiveState"]) and enabled") }
        let again = "systemctl restart \(unit)"
        guard facts["ActiveState"] == "failed" else {
            return .warning(name, "\(unit) is \(facts["ActiveState"]): nothing listens there", do: again)
        }
        return .problem(
            name, "\(unit) is failed (result \(facts["Result"])): nothing listens there",
            do: "journalctl -u \(unit) -n 50\n\(again)")
    }
}

/// Whether the journal takes what a first mirror has to say; a note.
enum JournalCheck {
    static let name = "journal"

    /// What journald does by itself (journald.conf(5)).
    private static let (usualBurst, usualInterval) = ("10000", "30s")

    /// Reads the settings as "systemd-analyze cat-config" prints them.
    static func finding(_ text: String, files: Int?) -> Finding {
        var (burst, interval) = (usualBurst, usualInterval)
        for line in text.split(separator: "\n") {
            let parts = line.split(separator: "=", maxSplits: 1).map { $0.filter { $0 != " " } }
            guard parts.count == 2 else { continue }
            switch parts[0] {
            case "RateLimitBurst": burst = parts[1]
            case "RateLimitIntervalSec", "RateLimitInterval": interval = parts[1]
            default: break
            }
        }
        guard let most = Int(burst), most > 0, !["0", "0s"].contains(interval) else {
            return .ok(name, "takes any number of lines")
        }
        let note = "takes \(HumanText.count(most)) lines in \(interval) of a service"
        guard let files, files > most else { return .ok(name, note) }
        return .ok(
            name,
            "\(note); a first mirror of \(HumanText.count(files)) files may log more, of which \"dbxsync history\" still has all"
        )
    }

    /// Asks for the settings; blocks.
    static func settings() -> String? {
        CapturedCommand.run(
            ["systemd-analyze", "--no-pager", "cat-config", "systemd/journald.conf"], within: .seconds(10)
        )
        .flatMap { $0.isDone ? $0.output : nil }
    }
}
