import Foundation
import Sandbox
import TestSupport
import Testing

/// Runs a program of the machine to its end.
@discardableResult
private func tool(_ name: String, _ arguments: String...) throws -> Int32 {
    let process = Process()
    process.executableURL = URL(filePath: "/usr/bin/env")
    process.arguments = [name] + arguments
    process.standardError = FileHandle.nullDevice
    process.standardOutput = FileHandle.nullDevice
    try process.run()
    process.waitUntilExit()
    return process.terminationStatus
}

/// A mirror that goes away under the daemon is waited for; what the daemon says meanwhile is true.
@Suite(.timeLimit(.minutes(15)))
struct AwayTests {
    /// A daemon in step, what it tells the service manager, and where its word is.
    private func daemon(_ fixture: DaemonFixture) async throws -> (Program, NotifySocket) {
        let socket = try NotifySocket()
        let runtime = try fixture.place.folder.folder("run")
        let daemon = try fixture.place.start(
            "run", environment: ["NOTIFY_SOCKET": socket.path, "RUNTIME_DIRECTORY": runtime])
        try await equality(fixture, daemon)
        try await status(fixture, daemon, is: 0)
        return (daemon, socket)
    }

    /// Waits until everything is there; not every file system in user space keeps times.
    private func equality(_ fixture: DaemonFixture, _ daemon: Program) async throws {
        try await eventually("the same names", or: daemon.log) {
            daemon.isRunning
                && (try? Set(fixture.mirror().lines.keys)) == Set(Tree(account: fixture.account).lines.keys)
        }
    }

    private func status(_ fixture: DaemonFixture, _ daemon: Program, is code: Int32) async throws {
        var status = ""
        try await eventually("status \(code)", within: .seconds(90), or: "\(status)\n\(daemon.log)") {
            let ending = try await fixture.place.run("status")
            status = "\(ending)"
            if ending.code != code && !daemon.isRunning {
                throw NeverCame(what: "status \(code)", evidence: daemon.log)
            }
            if ending.code == code { return true }
            try await Task.sleep(for: .milliseconds(200))  // not a hundred programs a second
            return false
        }
    }

    private func count(_ text: String, _ daemon: Program) -> Int { daemon.log.components(separatedBy: text).count - 1 }

    /// It says that it waits, once; nothing is in step then; and it goes on when `bringBack` has brought the mirror back.
    private func expectPatience(
        _ fixture: DaemonFixture, _ daemon: Program, _ socket: NotifySocket, times: Int = 1,
        bringBack: () throws -> Void
    ) async throws {
        try fixture.account.put("/news \(times).txt", "news")
        daemon.send(SIGHUP)
        try await eventually("the word that it is away", or: daemon.log) {
            count("is not available, waiting for it", daemon) == times
        }
        try await eventually("STATUS=", or: "\(socket.assignments)") {
            socket.assignments.last { $0.hasPrefix("STATUS=") }?.contains("is not available") == true
        }
        let status = try await fixture.place.run("status")
        #expect(status.code == 1 && status.output.contains("is not available"), "\(status)")
        #expect(daemon.isRunning)
        try bringBack()
        try await equality(fixture, daemon)
        try await self.status(fixture, daemon, is: 0)
        #expect(count("is not available, waiting for it", daemon) == times)
        #expect(count("is available again", daemon) == times)
        #expect(fixture.aside == [])
    }

    @Test("a mirror directory that vanishes, or in whose place another stands, is waited for")
    func vanished() async throws {
        try await DaemonFixture.run { fixture in
            fixture.account.fill(Seed(files: 60))
            let (daemon, socket) = try await daemon(fixture)
            let elsewhere = fixture.place.folder("elsewhere")
            try FileManager.default.moveItem(atPath: fixture.place.mirror, toPath: elsewhere)
            try await expectPatience(fixture, daemon, socket) {
                try FileManager.default.moveItem(atPath: elsewhere, toPath: fixture.place.mirror)
            }
            try FileManager.default.moveItem(atPath: fixture.place.mirror, toPath: elsewhere)
            _ = try fixture.place.folder.folder("mirror/.dbxsync")
            try fixture.place.folder.write("another one\n", to: "mirror/.dbxsync/mirror-id")
            try await expectPatience(fixture, daemon, socket, times: 2) {
                #expect(
                    try FileManager.default.contentsOfDirectory(atPath: fixture.place.folder("mirror/.dbxsync"))
                        == ["mirror-id"])
                try FileManager.default.removeItem(atPath: fixture.place.mirror)
                try FileManager.default.moveItem(atPath: elsewhere, toPath: fixture.place.mirror)
            }
            daemon.send(SIGTERM)
            #expect(try await daemon.ending().code == 0)
        }
    }

    @Test("nobody has to ask: a mirror that vanishes from an idle daemon is missed")
    func idle() async throws {
        try await DaemonFixture.run { fixture in
            fixture.account.fill(Seed(files: 5))
            let (daemon, _) = try await daemon(fixture)
            let elsewhere = fixture.place.folder("elsewhere")
            try FileManager.default.moveItem(atPath: fixture.place.mirror, toPath: elsewhere)
            try await status(fixture, daemon, is: 1)
            try FileManager.default.moveItem(atPath: elsewhere, toPath: fixture.place.mirror)
            try await status(fixture, daemon, is: 0)
        }
    }

    @Test("a disk that is mounted over the mirror is waited out", .needs(.mounting))
    func mountedOver() async throws {
        try await DaemonFixture.run { fixture in
            fixture.account.fill(Seed(files: 20))
            let (daemon, socket) = try await daemon(fixture)
            try #require(mount("none", fixture.place.mirror, "tmpfs", 0, "size=64k") == 0)
            defer { umount2(fixture.place.mirror, Int32(MNT_DETACH)) }
            try await expectPatience(fixture, daemon, socket) {
                let there = try FileManager.default.contentsOfDirectory(atPath: fixture.place.mirror)
                #expect(there == [])
                // Nothing of the daemon's keeps the disk busy.
                #expect(umount2(fixture.place.mirror, 0) == 0)
            }
        }
    }

    @Test(
        "a file system whose server stops is not in step; one whose server is gone is waited for",
        .needs(.fuse, .bindfs))
    func userSpace() async throws {
        try await DaemonFixture.run { fixture in
            fixture.account.fill(Seed(files: 20))
            let backing = try fixture.place.folder.folder("backing")
            var server = try Program("/usr/bin/bindfs", ["-f", backing, fixture.place.mirror])
            defer {
                server.send(SIGCONT)
                server.send(SIGKILL)
                umount2(fixture.place.mirror, Int32(MNT_DETACH))
            }
            try await eventually("a mount") { try tool("mountpoint", "-q", fixture.place.mirror) == 0 }
            let (daemon, socket) = try await daemon(fixture)
            server.send(SIGSTOP)
            try await status(fixture, daemon, is: 1)
            let status = try await fixture.place.run("status")
            #expect(
                status.output.contains("the disk of \(fixture.place.mirror) has not answered since"), "\(status)")
            #expect(socket.assignments.last { $0.hasPrefix("STATUS=") }?.contains("has not answered") == true)
            #expect(count("has not answered since", daemon) == 1, "\(daemon.log)")
            server.send(SIGCONT)
            try await self.status(fixture, daemon, is: 0)
            #expect(count("answers again", daemon) == 1, "\(daemon.log)")

            try await server.crash()
            try await expectPatience(fixture, daemon, socket) {
                try #require(umount2(fixture.place.mirror, 0) == 0)
                server = try Program("/usr/bin/bindfs", ["-f", backing, fixture.place.mirror])
            }
        }
    }

    @Test(
        "without a daemon a disk that does not answer is told, and holds up neither status, metrics, the page nor doctor",
        .needs(.fuse, .bindfs))
    func silentDisk() async throws {
        try await DaemonFixture.run { fixture in
            fixture.account.fill(Seed(files: 20))
            let mirror = fixture.place.mirror
            let server = try Program("/usr/bin/bindfs", ["-f", try fixture.place.folder.folder("backing"), mirror])
            defer {
                server.send(SIGCONT)
                server.send(SIGKILL)
                umount2(mirror, Int32(MNT_DETACH))
            }
            try await eventually("a mount") { try tool("mountpoint", "-q", mirror) == 0 }
            try #require(try await fixture.place.run("sync").code == 0)
            server.send(SIGSTOP)
            let silence = "the disk of \(mirror) does not answer"

            let status = try await fixture.place.run("status")
            #expect(status.code == 1 && status.output.contains(silence), "\(status)")
            let metrics = try await fixture.place.run("metrics")
            #expect(metrics.code == 0 && metrics.output.contains("dbxsync_in_step{mirror=\"dbxsync\"} 0"), "\(metrics)")
            #expect(!metrics.output.contains("dbxsync_free_bytes{"), "\(metrics)")
            let page = try await Program(
                "dbxsync", ["web", "--config", fixture.place.configuration],
                input: "GET / HTTP/1.1\r\nHost: localhost\r\n\r\n"
            ).ending()
            #expect(page.output.contains(silence), "\(page)")

            let doctor = try await fixture.place.run("doctor")
            #expect(doctor.code == 1 && doctor.output.contains("problem  mirror directory: \(silence)"), "\(doctor)")
            #expect(doctor.output.contains("skipped  trash: the disk of the mirror does not answer"), "\(doctor)")
            for check in ["state directory", "lock", "state file", "held removals", "paths"] {
                #expect(doctor.output.contains("ok       \(check): "), "\(check): \(doctor)")
            }
            #expect(!doctor.output.contains("no answer within"), "\(doctor)")
        }
    }

    @Test(
        "a state directory whose disk turns read-only is told, although the state itself looks well",
        .needs(.loopDevice, .command("mkfs.ext4")))
    func readOnlyState() async throws {
        try await DaemonFixture.run { fixture in
            fixture.account.fill(Seed(files: 20))
            let image = fixture.place.folder("image")
            try #require(try tool("truncate", "-s", "32M", image) == 0)
            try #require(try tool("mkfs.ext4", "-q", image) == 0)
            let state = fixture.place.folder("state")
            try #require(try tool("mount", "-o", "loop,errors=remount-ro", image, state) == 0)
            defer { umount2(state, Int32(MNT_DETACH)) }
            try fixture.place.signIn(accessToken: Tokens.standing)
            let (daemon, _) = try await daemon(fixture)
            try breakDisk(at: state)
            try fixture.account.put("/news.txt", "news")
            daemon.send(SIGHUP)
            try await status(fixture, daemon, is: 1)
            let status = try await fixture.place.run("status", "--json")
            #expect(status.output.contains("\"phase\" : \"waiting\""), "\(status)")
            #expect(daemon.isRunning)
        }
    }

    @Test(
        "a stop is a stop although the mirror's disk does not answer and the kernel lets nobody go",
        .needs(.loopDevice, .command("mkfs.ext4"), .command("fsfreeze")))
    func frozen() async throws {
        try await DaemonFixture.run { fixture in
            fixture.account.fill(Seed(files: 5))
            let (image, mirror) = (fixture.place.folder("image"), fixture.place.mirror)
            try #require(try tool("truncate", "-s", "32M", image) == 0)
            try #require(try tool("mkfs.ext4", "-q", image) == 0)
            try #require(try tool("mount", "-o", "loop", image, mirror) == 0)
            try FileManager.default.removeItem(atPath: mirror + "/lost+found")
            defer { umount2(mirror, Int32(MNT_DETACH)) }
            let (daemon, _) = try await daemon(fixture)
            let before = fixture.downloads.count
            try #require(try tool("fsfreeze", "-f", mirror) == 0)
            do {
                defer { _ = try? tool("fsfreeze", "-u", mirror) }
                try fixture.account.put("/news.txt", "news")
                try await eventually("a download", or: daemon.log) { fixture.downloads.count > before }
                try await Task.sleep(for: .seconds(1))
                daemon.send(SIGTERM)
                try await eventually("the last resort", within: .seconds(30), or: daemon.log) {
                    daemon.log.contains("something is still waiting for the disk")
                }
            }
            #expect(try await daemon.ending().code == 0)
        }
    }

    /// Makes an ext4 file system believe that it has met an error, whereupon it turns read-only.
    private func breakDisk(at path: String) throws {
        let line = try #require(
            String(contentsOfFile: "/proc/self/mounts", encoding: .utf8).split(separator: "\n").last {
                $0.split(separator: " ").dropFirst().first.map { $0 == path } ?? false
            })
        let device = try #require(line.split(separator: " ").first).split(separator: "/").last ?? ""
        try #require(device.hasPrefix("loop"))
        try Data("1".utf8).write(to: URL(filePath: "/sys/fs/ext4/\(device)/trigger_fs_error"))
    }

    @Test("a daemon that is stopped by a signal is not believed, and its end takes its word away")
    func heartbeat() async throws {
        try await DaemonFixture.run { fixture in
            fixture.account.fill(Seed(files: 5))
            let (daemon, _) = try await daemon(fixture)
            let runtime = fixture.place.folder("run")
            #expect(try !FileManager.default.contentsOfDirectory(atPath: runtime).isEmpty)
            daemon.send(SIGSTOP)
            var text = ""
            try await eventually("a word about it", or: text) {
                let status = try await fixture.place.run("status")
                text = status.output
                return status.code == 1 && text.contains("the daemon was stopped by a signal")
            }
            #expect(text.contains("kill -CONT \(daemon.pid)"), "\(text)")
            daemon.send(SIGCONT)
            try await self.status(fixture, daemon, is: 0)
            daemon.send(SIGTERM)
            #expect(try await daemon.ending().code == 0)
            #expect(try FileManager.default.contentsOfDirectory(atPath: runtime) == [])
        }
    }
}
