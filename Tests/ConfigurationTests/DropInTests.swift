import Testing
import Outbox

@testable import Configuration

@Suite(.timeLimit(.minutes(5)))
struct DropInTests {
    private func settings(_ file: String = "/etc/dbxsync.conf", _ change: (inout Config) -> Void) throws -> [String] {
        var config = Config()
        config.mirror.directory = "/srv/dropbox"
        change(&config)
        return try DropIn(config, file: file).text().split(separator: "\n").map(String.init)
            .filter { !$0.hasPrefix("#") }
    }

    @Test("the mirror is granted in place of the directories that the unit grants, and waited for")
    func mirror() throws {
        #expect(
            try settings { $0.mirror.directory = "/var/mirror" } == [
                "[Unit]", "RequiresMountsFor=/var/mirror", "[Service]", "ReadWritePaths=",
                "ReadWritePaths=-/var/mirror",
            ])
    }

    @Test("state and sign-in elsewhere are granted, once each; what lies in the unit's own directory is not")
    func state() throws {
        let lines = try settings {
            $0.state.directory = "/data/state"
            $0.account.credentials = "/data/state/sub/credentials.json"
        }
        #expect(lines.suffix(2) == ["ReadWritePaths=-/srv/dropbox", "ReadWritePaths=-/data/state"])
        let apart = try settings { $0.account.credentials = "/keys/credentials.json" }
        #expect(apart.suffix(2) == ["ReadWritePaths=-/srv/dropbox", "ReadWritePaths=-/keys"])
    }

    @Test("an outbox is granted if files are removed or moved there, and what hides it is lifted in any case")
    func outbox() throws {
        func lines(_ after: AfterUpload) throws -> [String] {
            try settings {
                $0.outbox.directory = "/home/a/out"
                $0.outbox.after = after
            }
        }
        #expect(try lines(.keep).contains("RequiresMountsFor=/srv/dropbox /home/a/out"))
        #expect(try lines(.keep).suffix(2) == ["ReadWritePaths=-/srv/dropbox", "ProtectHome=no"])
        #expect(try lines(.delete).suffix(2) == ["ReadWritePaths=-/home/a/out", "ProtectHome=no"])
        #expect(try lines(.move("sent")).suffix(2) == ["ReadWritePaths=-/home/a/out", "ProtectHome=no"])
        #expect(
            try lines(.move("/data/sent")).suffix(3) == [
                "ReadWritePaths=-/home/a/out", "ReadWritePaths=-/data/sent", "ProtectHome=no",
            ])
    }

    @Test(
        "what hides the mirror is lifted, and only that",
        arguments: [
            ("/home/a/m", ["ProtectHome=no"]), ("/root/m", ["ProtectHome=no"]), ("/run/user/7", ["ProtectHome=no"]),
            ("/var/tmp/m", ["PrivateTmp=no"]), ("/tmp", ["PrivateTmp=no"]), ("/homes/m", []), ("/srv/home", []),
        ])
    func shields(_ directory: String, _ lifted: [String]) throws {
        let lines = try settings { $0.mirror.directory = directory }
        #expect(lines.filter { $0.hasSuffix("=no") } == lifted)
    }

    @Test("the directory of the file for node_exporter is granted") func textfile() throws {
        let lines = try settings { $0.metrics.textfile = "/var/lib/prometheus/node-exporter/dbxsync.prom" }
        #expect(
            lines.suffix(2) == ["ReadWritePaths=-/srv/dropbox", "ReadWritePaths=-/var/lib/prometheus/node-exporter"])
        #expect(try settings { $0.metrics.textfile = "/srv/dropbox/x/a.prom" }.last == "ReadWritePaths=-/srv/dropbox")
    }

    @Test("the service gets the group of mirrored files") func group() throws {
        let given = try settings { $0.mirror.group = "users" }
        #expect(given.suffix(2) == ["SupplementaryGroups=users", "PrivateUsers=no"])
        #expect(try !settings { $0.mirror.group = nil }.contains { $0.hasPrefix("Supplementary") })
    }

    @Test("an instance has a unit and a state directory of its own")
    func instance() throws {
        var config = Config()
        config.mirror.directory = "/srv/dropbox"
        #expect(DropIn(config, file: "/etc/dbxsync.conf").unit == "dbxsync.service")
        #expect(DropIn(config, file: "/etc/dbxsync/work.conf").unit == "dbxsync@work.service")
        #expect(DropIn(config, file: "/etc/dbxsync/a/work.conf").unit == "dbxsync.service")
        let lines = try settings("/etc/dbxsync/work.conf") {
            $0.state.directory = "/var/lib/dbxsync/work"
            $0.account.credentials = "/var/lib/dbxsync/work/credentials.json"
        }
        #expect(lines.last == "ReadWritePaths=-/srv/dropbox")
        let shared = try settings("/etc/dbxsync/work.conf") { _ in }
        #expect(shared.last == "ReadWritePaths=-/var/lib/dbxsync", "not the instance's own directory")
    }

    @Test("a path stays one word, and means itself")
    func words() throws {
        let lines = try settings { $0.mirror.directory = "/srv/a \"b\" 100%\\é" }
        #expect(lines.contains("RequiresMountsFor=\"/srv/a \\\"b\\\" 100%%\\\\é\""))
        #expect(lines.last == "ReadWritePaths=\"-/srv/a \\\"b\\\" 100%%\\\\é\"")
        #expect(throws: ConfigValueError.self) { try settings { $0.mirror.directory = "/srv/a\nReadWritePaths=-/" } }
    }

    @Test("a configuration's own name cannot leave the comment")
    func header() throws {
        var config = Config()
        config.mirror.directory = "/srv/dropbox"
        let text = try DropIn(config, file: "/tmp/x\nUser=root").text()
        #expect(!text.split(separator: "\n").contains("User=root"))
    }
}
