import Engine
import Logging
import MirrorFS
import SyncModel
import Testing
import Outbox

@testable import Configuration

private let needed = "[account]\napp_key = \"k\"\n[mirror]\ndirectory = \"/srv/m\"\n"

/// What the problems of a text are, as lines without the file's name.
private func problems(_ text: String) -> [String] {
    switch ConfigFile.parse(Array(text.utf8), file: "F") {
    case .success: []
    case .failure(let problems): problems.problems.map { String($0.description.dropFirst(2)) }
    }
}

/// The problems of a text that has everything needed, and `line` as its last, in the table `table`.
private func problems(_ table: String, _ line: String) -> [String] {
    switch table {
    case "account": problems("[mirror]\ndirectory = \"/srv/m\"\n[account]\napp_key = \"k\"\n\(line)\n")
    case "mirror": problems("\(needed)\(line)\n")
    default: problems("[account]\napp_key = \"k\"\n[mirror]\ndirectory = \"/m\"\n[\(table)]\n\(line)\n")
    }
}

@Suite(.timeLimit(.minutes(5)))
struct ConfigFileTests {
    @Test("a file with only the two needed keys gives the defaults")
    func defaults() throws {
        let config = try ConfigFile.parse(Array(needed.utf8), file: "F").get()
        var expected = Config()
        expected.account.appKey = "k"
        expected.mirror.directory = "/srv/m"
        #expect(config == expected)
        #expect(config.schedule.interval == .seconds(300))
        #expect(config.mirror.minFreeSpace == 1_073_741_824)
    }

    @Test("every key is read into its place")
    func everyKey() throws {
        let text = """
            [account]
            app_key = "abc"
            app_secret = "def"
            credentials = "/c/x.json/"
            endpoint = "HTTP://127.0.0.1:8080/"
            ca_file = "/ca.pem"
            proxy = "socks5h://u:p@proxy:1080"
            team_space = true
            [mirror]
            directory = "/srv//dropbox/"
            remote_root = "/Team/Übersicht"
            exclude = ["*.tmp", "!/Keep.tmp"]
            include = ["/a/**/b/"]
            accept = ["*.paper"]
            local_changes = "keep"
            file_mode = "644"
            directory_mode = "2755"
            watch = false
            strangers = "aside"
            min_free_space = "1.5GB"
            [state]
            directory = "/var/lib/other"
            [schedule]
            interval = "1h30min"
            longpoll = false
            relist = "0"
            sweep = "2h"
            scrub = "90d"
            [transfer]
            parallel = 256
            bandwidth = "20MB/s"
            bulk = false
            [log]
            level = "debug"
            format = "json"
            """
        let config = try ConfigFile.parse(Array(text.utf8), file: "F").get()
        #expect(config.account.appKey == "abc")
        #expect(config.account.appSecret == "def")
        #expect(config.mirror.exclude.map(\.text) == ["*.tmp", "!/Keep.tmp"])
        #expect(config.mirror.accept.map(\.text) == ["*.paper"])
        #expect(config.mirror.include.map(\.text) == ["/a/**/b/"])
        #expect(config.account.credentials == "/c/x.json")
        #expect(config.account.endpoint == "http://127.0.0.1:8080")
        #expect(config.account.caFile == "/ca.pem")
        #expect(config.account.proxy == "socks5h://u:p@proxy:1080")
        #expect(config.account.teamSpace)
        #expect(config.mirror.directory == "/srv/dropbox")
        #expect(config.mirror.remoteRoot == "/Team/Übersicht")
        #expect(config.mirror.localChanges == .keep)
        #expect(config.mirror.fileMode == 0o644)
        #expect(config.mirror.directoryMode == 0o2755)
        #expect(config.mirror.minFreeSpace == 1_500_000_000)
        #expect(config.state.directory == "/var/lib/other")
        #expect(config.schedule.interval == .seconds(5_400))
        #expect(!config.schedule.longpoll)
        #expect(config.schedule.relist == nil)
        #expect(config.schedule.sweep == .seconds(7_200))
        #expect(config.schedule.scrub == .seconds(90 * 86_400))
        #expect(!config.mirror.watch)
        #expect(config.mirror.strangers == .aside)
        #expect(config.transfer.parallel == 256)
        #expect(config.transfer.bandwidth == 20_000_000)
        #expect(!config.transfer.bulk)
        #expect(config.log.level == .debug)
        #expect(config.log.format == .json)
    }

    @Test("an outbox, and what it may not be")
    func outbox() throws {
        func read(_ table: String) -> Result<Config, ConfigProblems> {
            let text = "account.app_key = \"k\"\nmirror.directory = \"/srv/m\"\n[outbox]\n\(table)\n"
            return ConfigFile.parse(Array(text.utf8), file: "F")
        }
        func problem(_ table: String) -> String {
            if case .failure(let found) = read(table) { found.description } else { "" }
        }
        let both = "directory = \"/srv/o\"\nremote_folder = \"/In\""
        let plain = try read(both).get().outbox
        #expect(plain.after == .keep && plain.settle == .seconds(2) && plain.remoteFolder == "/In")
        for (text, after) in [
            ("delete", AfterUpload.delete), ("move:sent/x", .move("sent/x")), ("move:/a/b/", .move("/a/b")),
        ] {
            #expect(try read("\(both)\nafter = \"\(text)\"").get().outbox.after == after)
        }
        #expect(try read("").get().outbox == Config.OutboxTable())
        #expect(try read("settle = \"2s\"").get().outbox.settings == nil)
        #expect(problem("directory = \"/srv/o\"") == "F:3:1: outbox.remote_folder: is missing, and there is no default")
        #expect(problem("after = \"delete\"").contains("outbox.directory: is missing"))
        #expect(problem("\(both)\nafter = \"move:\"").hasPrefix("F:6:9: outbox.after: \"move:\" names no folder"))
        #expect(problem("\(both)\nafter = \"move:../x\"").contains("holds \".\" or \"..\""))
        #expect(
            problem("\(both)\nafter = \"burn\"").contains("must be \"keep\", \"delete\" or \"move:DIR\", not \"burn\""))
        #expect(problem("\(both)\nafter = \"move:/srv/m/x\"").contains("outbox.after: \"/srv/m/x\" lies in the mirror"))
        #expect(problem("\(both)\nafter = \"move:/srv\"").contains("outbox.after: \"/srv\" holds the outbox"))
        #expect(problem("\(both)\nsettle = \"1ms\"").contains("outbox.settle: \"1ms\" is out of range"))
        #expect(problem("\(both)\nexclude = [\"\"]").contains("outbox.exclude: the pattern \"\" is empty"))
        for place in ["/srv/m", "/srv/m/o", "/srv", "/var/lib", "/var/lib/dbxsync/o", "/"] {
            let found = problem("directory = \"\(place)\"\nremote_folder = \"\"")
            #expect(found.hasPrefix("F:4:13: outbox.directory: "), "\(place): \(found)")
        }
    }

    @Test("an outbox in the mirror is where its Dropbox folder stands in it, and keeps its files")
    func outboxInMirror() throws {
        func problem(_ directory: String, _ folder: String, _ more: String = "") -> String {
            let text = """
                account.app_key = "k"
                mirror = {directory = "/srv/m", remote_root = "/Team"}
                [outbox]
                inside_mirror = true
                directory = "\(directory)"
                remote_folder = "\(folder)"
                \(more)
                """
            if case .failure(let found) = ConfigFile.parse(Array(text.utf8), file: "F") { return found.description }
            return ""
        }
        #expect(problem("/srv/m/a/b", "/Team/a/b") == "")
        #expect(problem("/srv/m/a/b", "/Team/b").hasPrefix("F:6:17: outbox.remote_folder: in the mirror"))
        #expect(problem("/srv/m", "/Team").hasPrefix("F:4:17: outbox.inside_mirror: \"/srv/m\" does not lie"))
        #expect(problem("/srv/x", "/Team/x").hasPrefix("F:4:17: outbox.inside_mirror: \"/srv/x\" does not lie"))
        #expect(problem("/srv/m/.dbxsync/x", "/Team/.dbxsync/x").hasPrefix("F:5:13: outbox.directory: "))
        #expect(problem("/srv/m/a", "/Team/a", "after = \"delete\"").hasPrefix("F:7:9: outbox.after: in the mirror"))
    }

    @Test("dotted keys and inline tables are the same configuration")
    func otherSpellings() throws {
        let text = "account.app_key = \"k\"\nmirror = {directory = \"/srv/m\"}\n"
        let config = try ConfigFile.parse(Array(text.utf8), file: "F").get()
        #expect(config.mirror.directory == "/srv/m")
    }

    @Test(
        "a wrong value is refused with its line and column",
        arguments: [
            ("account", "app_key2 = 1", "5:1: account.app_key2: unknown key, did you mean account.app_key?"),
            ("account", "colour = 1", "5:1: account.colour: unknown key"),
            ("account", "parallel = 4", "5:1: account.parallel: unknown key; parallel belongs under [transfer]"),
            ("account", "app_secret = 12", "5:14: account.app_secret: must be a string, found the number 12"),
            (
                "account", "app_secret = \"a b\"",
                "5:14: account.app_secret: must consist of the characters that the Dropbox App Console shows, without spaces"
            ),
            ("account", "credentials = \"c.json\"", "5:15: account.credentials: \"c.json\" is not an absolute path"),
            (
                "account", "credentials = \"/a/../b\"",
                "5:15: account.credentials: \"/a/../b\" holds \".\" or \"..\"; write the path they lead to"
            ),
            (
                "account", "ca_file = \"/a\\u0000b\"",
                "5:11: account.ca_file: \"/a\\u0000b\" holds a NUL byte"
            ),
            (
                "account", "endpoint = \"ftp://h\"",
                "5:12: account.endpoint: the URL must begin with one of https://, http://"
            ),
            (
                "account", "endpoint = \"https://\"",
                "5:12: account.endpoint: the URL has no valid host, or no valid port after it"
            ),
            (
                "account", "endpoint = \"https://h:0\"",
                "5:12: account.endpoint: the URL has no valid host, or no valid port after it"
            ),
            (
                "account", "endpoint = \"https://u:p@h\"",
                "5:12: account.endpoint: the URL must not hold a user or password"
            ),
            (
                "account", "endpoint = \"https://h/?a=1\"",
                "5:12: account.endpoint: the URL must end with its path: no query, no fragment"
            ),
            (
                "account", "proxy = \"http://p/x\"",
                "5:9: account.proxy: the URL must not hold a path"
            ),
            ("account", "team_space = \"yes\"", "5:14: account.team_space: must be true or false, found a string"),
            (
                "account", "namespace = 9001",
                "5:13: account.namespace: must be the id of a shared folder, such as \"84528192421\", "
                    + "found the number 9001"
            ),
            (
                "account", "namespace = \"ns:1\"",
                "5:13: account.namespace: must be the id of a shared folder or another namespace: digits, such as "
                    + "\"84528192421\""
            ),
            (
                "account", "namespace = \"\"",
                "5:13: account.namespace: must be the id of a shared folder or another namespace: digits, such as "
                    + "\"84528192421\""
            ),
            (
                "account", "team_space = true\nnamespace = \"9001\"",
                "6:13: account.namespace: cannot be mirrored together with account.team_space: set one of them"
            ),
            (
                "mirror", "remote_root = \"Team\"",
                "5:15: mirror.remote_root: \"Team\" does not begin with \"/\""
            ),
            ("mirror", "remote_root = \"/Team/\"", "5:15: mirror.remote_root: \"/Team/\" ends in \"/\""),
            (
                "mirror", "remote_root = \"/\"",
                "5:15: mirror.remote_root: write \"\" for the whole account, not \"/\""
            ),
            (
                "mirror", "remote_root = \"/a//b\"",
                "5:15: mirror.remote_root: \"/a//b\" cannot be the path of a Dropbox folder"
            ),
            (
                "mirror", "exclude = [\"*.tmp\", \"[a\"]",
                "5:21: mirror.exclude: the pattern \"[a\" has a [ without its ]; write \\[ for the character itself"
            ),
            (
                "mirror", "include = [\"a\", \"/\", \"../b\"]",
                "5:17: mirror.include: the pattern \"/\" names nothing; the pattern \"../b\" holds \".\" or \"..\"; "
                    + "write the path from the mirrored folder on"
            ),
            (
                "mirror", "exclude = [\n\"*.tmp\",\n\"a\\u0000b\"\n]",
                "7:1: mirror.exclude: the pattern \"a\\u0000b\" holds a NUL byte"
            ),
            (
                "mirror", "include = [1]",
                "5:11: mirror.include: must be a list of strings such as [\"*.tmp\"], found a list"
            ),
            ("mirror", "exclude = [\"\"]", "5:12: mirror.exclude: the pattern \"\" is empty"),
            (
                "mirror", "local_changes = \"merge\"",
                "5:17: mirror.local_changes: \"merge\" is none of \"aside\", \"overwrite\", \"keep\""
            ),
            (
                "mirror", "file_mode = 640",
                "5:13: mirror.file_mode: must be a mode in quotes such as \"0640\", found the number 640"
            ),
            (
                "mirror", "file_mode = \"0648\"",
                "5:13: mirror.file_mode: \"0648\" is not a mode of three or four octal digits such as \"0640\""
            ),
            (
                "mirror", "file_mode = \"4755\"",
                "5:13: mirror.file_mode: \"4755\" is not possible: "
                    + "the owner must be able to read, and set-id bits are refused"
            ),
            (
                "mirror", "directory_mode = \"0640\"",
                "5:18: mirror.directory_mode: \"0640\" is not possible: "
                    + "the owner needs all rights, and set-user-id is refused"
            ),
            (
                "mirror", "min_free_space = \"1 gig\"",
                "5:18: mirror.min_free_space: \"1 gig\" is not a size such as \"500MB\" or \"1GiB\""
            ),
            (
                "schedule", "interval = 300",
                "6:12: schedule.interval: must be a duration such as \"5min\", found the number 300"
            ),
            (
                "schedule", "interval = \"0\"",
                "6:12: schedule.interval: \"0\" is out of range: \"1s\" to \"30d\""
            ),
            ("schedule", "interval = \"5m\"", "6:12: schedule.interval: \"5m\": write minutes as \"min\""),
            (
                "schedule", "relist = \"500ms\"",
                "6:10: schedule.relist: \"500ms\" is out of range: \"1s\" to \"365d\""
            ),
            ("transfer", "parallel = 0", "6:12: transfer.parallel: 0 is out of range: 1 to 256"),
            (
                "transfer", "parallel = 9223372036854775807",
                "6:12: transfer.parallel: 9223372036854775807 is out of range: 1 to 256"
            ),
            ("transfer", "parallel = -1", "6:12: transfer.parallel: -1 is out of range: 1 to 256"),
            ("transfer", "parallel = 1.5", "6:12: transfer.parallel: must be a number, found the number 1.5"),
            (
                "transfer", "bandwidth = \"20MB\"",
                "6:13: transfer.bandwidth: \"20MB\" is not a rate such as \"20MB/s\" or \"512KiB/s\""
            ),
            (
                "transfer", "bandwidth = \"5B/s\"",
                "6:13: transfer.bandwidth: \"5B/s\" is out of range: at least \"1kB/s\""
            ),
            (
                "metrics", "textfile = \"/prom/a.txt\"",
                "6:12: metrics.textfile: \"/prom/a.txt\" does not end in \".prom\", and node_exporter reads nothing else"
            ),
            (
                "heartbeat", "url = \"https://a.example/x#y\"",
                "6:7: heartbeat.url: the URL must end with its path: no query, no fragment"
            ),
            (
                "heartbeat", "url = \"https://a.example/x?a=b#c\"",
                "6:7: heartbeat.url: a URL has no spaces, no fragment and no letters beyond ASCII"
            ),
            (
                "heartbeat", "url = \"ftp://a.example\"",
                "6:7: heartbeat.url: the URL must begin with one of https://, http://"
            ),
            (
                "heartbeat", "interval = \"14s\"",
                "6:12: heartbeat.interval: \"14s\" is out of range: \"15s\" to \"1d\""
            ),
            ("export", "gdoc = \".PDF\"", "6:8: export.gdoc: \".PDF\" is not a format; write \"pdf\""),
            (
                "export", "other = \"../x\"",
                "6:9: export.other: \"../x\" is not a format; write one such as \"docx\", or \"default\", \"link\" or \"off\""
            ),
            (
                "export", "paper = \"p-d.f\"",
                "6:9: export.paper: \"p-d.f\" is not a format; write one such as \"docx\", or \"default\", \"link\" or \"off\""
            ),
            (
                "metrics", "textfile = \"a.prom\"",
                "6:12: metrics.textfile: \"a.prom\" is not an absolute path"
            ),
            (
                "log", "level = \"loud\"",
                "6:9: log.level: \"loud\" is none of \"debug\", \"info\", \"notice\", \"warning\", \"error\""
            ),
            (
                "log", "level = 1979-05-27",
                "6:9: log.level: must be one of \"debug\", \"info\", \"notice\", "
                    + "\"warning\", \"error\", found a date or time"
            ),
        ])
    func refused(table: String, line: String, problem: String) {
        #expect(problems(table, line) == [problem])
    }

    @Test("tables that do not exist or are no tables are named, once each")
    func wrongTables() {
        #expect(problems(needed + "[miror]\nfile_mode = 1\n") == ["5:2: miror: unknown table, did you mean [mirror]?"])
        #expect(
            problems(needed + "[zzzzzz]\na = 1\n") == [
                "5:2: zzzzzz: unknown table; there are account, export, guard, heartbeat, history, log, metrics, mirror, "
                    + "on_change, outbox, schedule, state, transfer, trash"
            ])
        #expect(problems("log = 3\n" + needed) == ["1:1: log: is a table: write [log], found the number 3"])
        #expect(
            problems("[[log]]\nlevel = \"info\"\n" + needed) == ["1:3: log: is a table: write [log], found a list"])
        #expect(
            problems("app_key = \"x\"\n" + needed) == [
                "1:1: app_key: unknown key; app_key belongs under [account]"
            ])
    }

    @Test("what is missing is named, at its table where there is one")
    func missing() {
        #expect(
            problems("[mirror]\nfile_mode = \"0600\"\n") == [
                " account.app_key: is missing, and there is no default",
                "1:1: mirror.directory: is missing, and there is no default",
            ])
        #expect(problems("").count == 2)
    }

    @Test("all problems are reported at once, in the order of the lines")
    func allAtOnce() {
        let text = """
            [transfer]
            parallel = "many"
            bandwith = "1MB/s"
            [account]
            app_key = ""
            [mirror]
            directory = "relative"
            exclude = "x"
            """
        let expected = [
            "2:12: transfer.parallel: must be a number, found a string",
            "3:1: transfer.bandwith: unknown key, did you mean transfer.bandwidth?",
            "5:11: account.app_key: must consist of the characters that the Dropbox App Console shows, without spaces",
            "7:13: mirror.directory: \"relative\" is not an absolute path",
            "8:11: mirror.exclude: must be a list of strings such as [\"*.tmp\"], found a string",
        ]
        #expect(problems(text) == expected)
    }

    @Test(
        "values that are possible alone and impossible together are refused",
        arguments: [
            ("/srv/m", "/srv/m/.state", "7:13: state.directory: \"/srv/m/.state\" lies in the mirror \"/srv/m\""),
            ("/srv/m", "/srv/m", "7:13: state.directory: \"/srv/m\" lies in the mirror \"/srv/m\""),
            ("/s/x/m", "/s/x", "5:13: mirror.directory: \"/s/x/m\" lies in the state directory \"/s/x\""),
            ("/srv/c", "/s", "3:15: account.credentials: \"/srv/c/x\" lies in the mirror \"/srv/c\""),
            ("/", "/s", "5:13: mirror.directory: the root of the file system cannot be a mirror"),
        ])
    func together(mirror: String, state: String, problem: String) {
        let text = """
            [account]
            app_key = "k"
            credentials = "/srv/c/x"
            [mirror]
            directory = "\(mirror)"
            [state]
            directory = "\(state)"
            """
        #expect(problems(text) == [problem])
    }

    @Test("neighbours whose names begin alike are not inside each other")
    func neighbours() {
        #expect(problems(needed + "[state]\ndirectory = \"/srv/m2\"\n").isEmpty)
        #expect(problems(needed + "[state]\ndirectory = \"/srv\"\n").count == 1)
    }

    @Test(
        "what is not TOML is refused with the place where reading stopped",
        arguments: [
            ("[account\n", "1:9: not valid TOML"),
            ("a = \n", "1:5: not valid TOML"),
            ("[log]\nlevel = \"info\"\nlevel = \"info\"\n", "3:"),
            ("a = 99999999999999999999\n", "1:"),
            ("a = \"\u{1}\"\n", "1:"),
        ])
    func syntax(text: String, beginning: String) {
        let found = problems(text)
        #expect(found.count == 1)
        #expect(found.first?.hasPrefix(beginning) == true, "\(found)")
    }

    @Test("bytes that are not UTF-8 are refused")
    func encoding() {
        let result = ConfigFile.parse([0x61, 0x3D, 0x22, 0xFF, 0x22], file: "F")
        #expect(throws: ConfigProblems.self) { try result.get() }
    }

    @Test("a line that nests without end is refused before it is parsed")
    func nesting() {
        let text = "a" + String(repeating: ".a", count: 30_000) + " = 1\n"
        #expect(problems("\n" + text) == ["2:1: the line has more than 4096 bytes"])
        let header = "a" + String(repeating: ".a", count: 2_000)
        #expect(problems("[\(header)]\n\(header) = 1\n").count == 3)
    }

    @Test("a file that cannot be read says why")
    func unreadable() throws {
        guard case .failure(let missing) = ConfigFile.load("/nonexistent/dbxsync.conf") else {
            Issue.record("a missing file was read")
            return
        }
        #expect(
            missing.description == "/nonexistent/dbxsync.conf: cannot be opened: No such file or directory")
        guard case .failure(let folder) = ConfigFile.load("/tmp") else {
            Issue.record("a directory was read")
            return
        }
        #expect(folder.description == "/tmp: cannot be read: Is a directory")
    }

    @Test("no problem repeats a secret")
    func secrets() {
        let found = problems(
            "account", "app_secret = \"geheim wort\"\nproxy = \"http://user:geheim@\"\nendpoint = \"x:geheim\"")
        #expect(found.count == 3)
        #expect(!found.joined().contains("geheim"))
    }
}
