import Foundation
import Logging
import SyncModel
import Testing

@testable import Configuration

/// The sample file of this repository.
private func sample() throws -> String {
    let root = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
        .deletingLastPathComponent()
    return try String(contentsOf: root.appending(path: "config/dbxsync.conf"), encoding: .utf8)
}

@Suite(.timeLimit(.minutes(5)))
struct ConfigTextTests {
    private func parsed(_ text: String) throws -> Config {
        try ConfigFile.parse(Array(text.utf8), file: "F").get()
    }

    private var everything: Config {
        var config = Config()
        config.account = .init(
            appKey: "k", appSecret: "s3cret", credentials: "/c/\u{202E}x.json", endpoint: "http://[::1]:8080/base",
            caFile: "/ca.pem", proxy: "http://user:s3cret@proxy:1", teamSpace: true)
        config.mirror.directory = "/srv/a \"quoted\"\\name\n\u{7F}"
        config.schedule.relist = nil
        config.transfer.bandwidth = 1_500_000
        config.transfer.timetable = [
            BandwidthRule(days: [.monday, .tuesday, .wednesday, .sunday], from: 480, to: 1_080, rate: 2_000_000),
            BandwidthRule(days: [.friday], from: 1_320, to: 0),
            BandwidthRule(rate: 1_000),
        ]
        config.brake = GuardSettings(removals: nil, sharePercent: 12.5, overwrites: 0, releaseAfter: .seconds(86_400))
        config.trash = TrashSettings(keep: .seconds(3600), limit: .bytes(5 << 30))
        config.history = HistorySettings(keep: .seconds(7_200), rows: 1000)
        config.onChange = [
            "index": OnChangeSettings(command: ["/bin/a \"b\"", ""], settle: .seconds(1), events: [.held, .moved]),
            "9_-z": OnChangeSettings(command: ["/bin/true"]),
        ]
        return config
    }

    @Test("the effective values read back as the same configuration")
    func roundTrip() throws {
        var config = everything
        config.account.appSecret = nil
        config.account.proxy = nil
        #expect(try parsed(config.toml) == config)
    }

    @Test("the JSON form is an object of tables with the same names, null for what is not set")
    func json() throws {
        var config = everything
        config.account.caFile = nil
        let object = try JSONSerialization.jsonObject(with: Data(config.json.utf8)) as? [String: [String: Any]]
        #expect(object?["mirror"]?["directory"] as? String == config.mirror.directory)
        #expect(object?["schedule"]?["interval"] as? String == "5min")
        #expect(object?["transfer"]?["parallel"] as? Int == 16)
        #expect(object?["account"]?["ca_file"] is NSNull)
        let rules = object?["transfer"]?["timetable"] as? [[String: String]]
        #expect(
            rules?.first == ["days": "mon-wed,sun", "from": "08:00", "to": "18:00", "bandwidth": "2MB/s"]
                && rules?.count == 3)
        let onChange = object?["on_change"] as? [String: [String: Any]]
        #expect(onChange?["index"]?["events"] as? [String] == ["moved", "held"])
        #expect(onChange?["9_-z"]?.count == 3)
        #expect(object?.filter { $0.key != "on_change" }.values.map(\.count).reduce(0, +) == Config.keys.count)
        #expect(Config().json.contains("\"on_change\": {}\n"))
    }

    @Test("secrets are not shown, in either form")
    func secrets() {
        for text in [everything.toml, everything.json] {
            #expect(!text.contains("s3cret"))
            #expect(text.contains("http://user:hidden@proxy:1"))
        }
    }

    @Test("the sample file is complete, and what it says is the default is the default")
    func sampleDefaults() throws {
        let lines = try sample().split(separator: "\n").map { line in
            line.hasPrefix("#") && line != "#" && !line.hasPrefix("# ") ? line.dropFirst() : line
        }
        let config = try parsed(lines.joined(separator: "\n"))
        let withoutDefault: Set = [
            "account.app_key", "account.app_secret", "account.endpoint", "account.ca_file", "account.proxy",
            "account.namespace", "mirror.directory", "mirror.group", "mirror.max_size", "outbox.directory",
            "outbox.remote_folder",
            "transfer.timetable",
            "metrics.textfile", "heartbeat.url",
        ]
        for key in Config.keys {
            #expect(key.isSame(config, Config()) != withoutDefault.contains(key.path), "\(key.path)")
        }
        let onChange = try #require(config.onChange["index"])
        #expect(onChange == OnChangeSettings(command: onChange.command))
    }

    @Test("the sample file as it is installed asks for the two keys that have no default")
    func sampleAsInstalled() throws {
        #expect(throws: ConfigProblems.self) { try parsed(try sample()) }
        guard case .failure(let found) = ConfigFile.parse(Array(try sample().utf8), file: "F") else { return }
        #expect(found.problems.compactMap(\.key) == Config.requiredKeys)
    }

    @Test("the sample file says of every key whether a reload is enough")
    func sampleReload() throws {
        var table = ""
        var comment = ""
        var said: [String: String] = [:]
        for line in try sample().split(separator: "\n") {
            if line.hasPrefix("[") || line.hasPrefix("#[") {
                table = String(line.drop { $0 == "#" || $0 == "[" }.prefix { $0 != "]" })
            } else if line == "#" || line.hasPrefix("# ") {
                comment = String(line)
            } else if line.hasPrefix("#") {
                said["\(table).\(line.dropFirst().prefix { $0 != " " })"] = comment
            }
        }
        let keys = (Config.keys + Config.onChangeKeys("index")).flatMap { key in
            let names = key.path == Config.timetableKey ? TimetableKey.all.map { ".\($0.name)" } : [""]
            return names.map { (path: key.path + $0, reload: key.reload) }
        }
        #expect(Set(said.keys) == Set(keys.map(\.path)))
        for key in keys {
            let mark = key.reload == .restart ? "[restart]" : "[reload]"
            #expect(said[key.path]?.hasSuffix(mark) == true, "\(key.path)")
        }
    }

    @Test("a reload takes what counts at once and names what waits for a restart")
    func reload() {
        var old = Config()
        old.account.appKey = "k"
        old.mirror.directory = "/srv/m"
        var new = old
        new.transfer.parallel = 4
        new.log.level = .debug
        new.mirror.directory = "/srv/n"
        new.account.teamSpace = true
        let change = old.change(to: new)
        #expect(change.live == ["log.level"])
        #expect(change.nextPass == ["transfer.parallel"])
        #expect(change.afterRestart == ["account.team_space", "mirror.directory"])
        var expected = old
        expected.transfer.parallel = 4
        expected.log.level = .debug
        #expect(change.config == expected)
        #expect(old.change(to: old).isEmpty)
    }

    @Test("a reload takes brake, trash and history from the next pass on, and on_change in silence")
    func reloadSafety() {
        let old = Config()
        var new = old
        new.brake.removals = nil
        new.trash.keep = nil
        new.history.rows = 5_000
        new.onChange["index"] = OnChangeSettings(command: ["/bin/true"])
        let change = old.change(to: new)
        #expect(change.nextPass == ["guard.removals", "trash.keep", "history.rows"])
        #expect(change.live.isEmpty && change.afterRestart.isEmpty)
        #expect(change.config == new)
        #expect(new.change(to: old).config == old)
    }
}
