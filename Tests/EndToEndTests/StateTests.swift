import Foundation
import Glibc
import Sandbox
import Synchronization
import TestSupport
import Testing

/// State files and mirrors that are not what they should be: what can be made anew is, what cannot be told is an error that
/// says what to do, and nothing is deleted.
@Suite(.timeLimit(.minutes(15)))
struct StateTests {
    /// Ways to spoil a state file.
    enum Damage: CaseIterable {
        case empty, truncated, foreign, overwritten

        func apply(to file: String) throws {
            let url = URL(filePath: file)
            var bytes = try Data(contentsOf: url)
            switch self {
            case .empty: bytes = Data()
            case .truncated: bytes = bytes.prefix(bytes.count / 2)
            case .foreign: bytes = Data(repeating: UInt8(ascii: "x"), count: 50_000)
            case .overwritten: bytes.replaceSubrange(4_096..<bytes.count, with: Data(count: bytes.count - 4_096))
            }
            try bytes.write(to: url)
        }
    }

    /// Asks for the status as JSON.
    private func status(_ fixture: DaemonFixture) async throws -> [String: Any] {
        let ending = try await fixture.place.run("status", "--json")
        let json = try JSONSerialization.jsonObject(with: Data(ending.output.utf8)) as? [String: Any]
        return try #require(json, "\(ending)")
    }

    /// A mirror in step whose state file is damaged then.
    private func withState(_ damage: Damage, _ body: (DaemonFixture) async throws -> Void) async throws {
        try await DaemonFixture.run { fixture in
            fixture.account.fill(Seed(files: 60))
            try await fixture.sync()
            try damage.apply(to: fixture.place.stateFile)
            fixture.server.log.clear()
            try await body(fixture)
        }
    }

    @Test(
        "a damaged state file is kept under another name, and made anew from the account and the files that are there",
        arguments: Damage.allCases, ["sync", "run"])
    func damaged(_ damage: Damage, command: String) async throws {
        try await withState(damage) { (fixture: DaemonFixture) in
            let bytes = try Data(contentsOf: URL(filePath: fixture.place.stateFile))
            try await onlyTold(fixture)
            #expect(try Data(contentsOf: URL(filePath: fixture.place.stateFile)) == bytes)
            // Nothing is removed from the mirror for what nobody knows any more.
            let gone: String = try #require(fixture.account.tree().first { $0.isFile }?.path)
            _ = try fixture.account.delete(gone)
            let told = try await command == "sync" ? rebuiltBySync(fixture) : rebuiltByDaemon(fixture)
            let left = try fixture.differences()
            #expect(left.count == 1 && left[0].hasPrefix(String(gone.dropFirst())))
            #expect(fixture.downloads.map(\.subject) == [])
            #expect(fixture.aside == [])
            let report = try await status(fixture)
            #expect(report["in_step"] as? Bool == true)
            #expect(report["stranger_paths"] as? [String] == [gone])
            let damaged = try #require(report["damaged_state"] as? [String: Any])
            let kept = try #require(damaged["kept"] as? String)
            #expect(damaged["rebuilt"] as? Bool == true)
            #expect(told.components(separatedBy: kept).count == 2, "\(told)")
            #expect(try Data(contentsOf: URL(filePath: kept)) == bytes)
            let text = try await fixture.place.run("status")
            #expect(text.code == 0 && text.output.contains("the damaged file is kept as \(kept)"), "\(text)")
        }
    }

    /// Commands that only look say what is wrong and what becomes of it.
    private func onlyTold(_ fixture: DaemonFixture) async throws {
        for command in [["status"], ["verify"], ["verify", "--repair"], ["sync", "--dry-run"]] {
            let ending = try await Program("dbxsync", command + ["--config", fixture.place.configuration]).ending()
            #expect(ending.code == 73, "\(command): \(ending)")
            #expect(ending.errors.contains(fixture.place.stateFile), "\(command): \(ending)")
            let advice = "\"dbxsync sync --config \(fixture.place.configuration)\" set it aside"
            #expect(ending.errors.contains(advice), "\(command): \(ending)")
        }
    }

    private func rebuiltBySync(_ fixture: DaemonFixture) async throws -> String {
        let ending = try await fixture.place.run("sync")
        #expect(ending.code == 0, "\(ending)")
        return ending.errors
    }

    private func rebuiltByDaemon(_ fixture: DaemonFixture) async throws -> String {
        let daemon = try fixture.place.start("run")
        try await inStep(fixture, daemon)
        daemon.send(SIGTERM)
        #expect(try await daemon.ending().code == 0)
        return daemon.log
    }

    private func inStep(_ fixture: DaemonFixture, _ program: Program) async throws {
        try await eventually("in step", or: program.log) {
            // A damaged state has no status.
            guard let report = try? await status(fixture), report["in_step"] as? Bool == true else { return false }
            let daemon = report["daemon"] as? [String: Any]
            return (daemon?["now"] as? [String: Any])?["phase"] as? String == "idle"
        }
    }

    @Test("a state is not in step before the account was listed whole; another account or no marker is refused")
    func refusedAfterDamage() async throws {
        try await withState(.empty) { fixture in
            try FileManager.default.moveItem(
                atPath: fixture.place.folder("mirror/.dbxsync/mirror-id"), toPath: fixture.place.folder("id"))
            for _ in 0..<2 {
                let ending = try await fixture.place.run("sync")
                #expect(ending.code == 73 && ending.errors.contains("mirror-id is missing"), "\(ending)")
                #expect(
                    ending.errors.contains("remove the damaged state \(fixture.place.stateFile).damaged-"), "\(ending)")
            }
            let status = try await status(fixture)
            #expect(status["in_step"] as? Bool == false)
            #expect((status["damaged_state"] as? [String: Any])?["rebuilt"] as? Bool == false)
            #expect(fixture.server.log.records.isEmpty)
            try FileManager.default.moveItem(
                atPath: fixture.place.folder("id"), toPath: fixture.place.folder("mirror/.dbxsync/mirror-id"))
            let accountID = Mutex("")
            fixture.account.configure { settings in
                accountID.withLock { $0 = settings.accountID }
                settings.accountID = "dbid:AAOtherOtherOtherOtherOtherOtherOth0"
            }
            let ending = try await fixture.place.run("sync")
            #expect(ending.code == 73 && ending.errors.contains("is the mirror of another account"), "\(ending)")
            fixture.account.configure { settings in settings.accountID = accountID.withLock { $0 } }
            try await fixture.sync()
            #expect(fixture.downloads.map(\.subject) == [])
        }
    }

    @Test("a disk that damages one state file after the other ends with 73, and says so") func damagedAgain()
        async throws
    {
        try await withState(.empty) { fixture in
            for _ in 0..<3 {
                try await fixture.sync()
                try Data().write(to: URL(filePath: fixture.place.stateFile))
            }
            for command in ["sync", "run"] {
                let ending = try await fixture.place.run(command)
                #expect(ending.code == 73 && ending.errors.contains("within a day already"), "\(ending)")
            }
            #expect(try Data(contentsOf: URL(filePath: fixture.place.stateFile)).isEmpty)
            #expect(try fixture.differences() == [])
        }
    }

    @Test("a damaged state file that cannot be set aside ends with 73, and says why", .needs(.mounting))
    func stuck() async throws {
        try await withState(.truncated) { fixture in
            // What something is mounted on cannot be renamed.
            let file = fixture.place.stateFile
            try #require(mount(file, file, nil, UInt(MS_BIND), nil) == 0)
            defer { umount2(file, Int32(MNT_DETACH)) }
            let ending = try await fixture.place.run("sync")
            #expect(umount2(file, 0) == 0)
            #expect(ending.code == 73 && ending.errors.contains("cannot be set aside"), "\(ending)")
            try await fixture.sync()
        }
    }

    /// What somebody does to the state of a running daemon.
    enum Theft: CaseIterable {
        case removed, replaced, logRemoved, lockRemoved, folderMoved
    }

    @Test(
        "a state that is taken away from under the daemon ends it with 73; a restart makes it anew",
        arguments: Theft.allCases)
    func taken(_ theft: Theft) async throws {
        try await DaemonFixture.run { fixture in
            fixture.account.fill(Seed(files: 60))
            try await fixture.sync()
            try FileManager.default.copyItem(atPath: fixture.place.stateFile, toPath: fixture.place.folder("other.db"))
            let daemon = try fixture.place.start("run")
            try await inStep(fixture, daemon)
            let (state, files) = (fixture.place.folder("state"), FileManager.default)
            switch theft {
            case .removed: try files.removeItem(atPath: fixture.place.stateFile)
            case .replaced: #expect(rename(fixture.place.folder("other.db"), fixture.place.stateFile) == 0)
            case .logRemoved: try files.removeItem(atPath: fixture.place.stateFile + "-wal")
            case .lockRemoved: try files.removeItem(atPath: state + "/lock")
            case .folderMoved: try files.moveItem(atPath: state, toPath: state + " elsewhere")
            }
            let before = try fixture.mirror()
            try fixture.account.put("/after.txt", "news for a daemon without a state")
            let ending = try await daemon.ending()
            #expect(ending.code == 73, "\(ending)")
            let said = ending.errors.split(separator: "\n").filter { $0.contains("while it was in use") }
            #expect(said.count == 1 && said[0].contains(state), "\(ending)")
            #expect(try fixture.mirror() == before)
            if theft == .folderMoved { try files.moveItem(atPath: state + " elsewhere", toPath: state) }
            fixture.server.log.clear()
            try await fixture.sync()
            #expect(fixture.downloads.count == 1)
            #expect(fixture.aside == [])
        }
    }

    @Test("an idle daemon notices it, too", arguments: [Theft.removed, .folderMoved]) func takenWhileIdle(
        _ theft: Theft
    )
        async throws
    {
        try await DaemonFixture.run { fixture in
            fixture.account.fill(Seed(files: 20))
            let daemon = try fixture.place.start("run")
            try await fixture.equality(from: daemon)
            try await inStep(fixture, daemon)
            let state = fixture.place.folder("state")
            if theft == .removed {
                try FileManager.default.removeItem(atPath: fixture.place.stateFile)
            } else {
                try FileManager.default.moveItem(atPath: state, toPath: state + " elsewhere")
            }
            let ending = try await daemon.ending()
            #expect(ending.code == 73 && ending.errors.contains("while it was in use"), "\(ending)")
        }
    }

    @Test(
        "what has gone up does not go up twice after the state was damaged, and nothing is removed",
        arguments: ["keep", "delete"])
    func outbox(after: String) async throws {
        try await DaemonFixture.run { fixture in
            let out = try fixture.place.folder.folder("out")
            let table = "directory = \"\(out)\"\nremote_folder = \"/in\"\nsettle = \"100ms\"\nafter = \"\(after)\""
            try fixture.place.configure(endpoint: fixture.server.url, ["outbox": table])
            func uploaded() -> [String: String] {
                let files = fixture.account.tree().filter { $0.isFile && $0.path.hasPrefix("/in/") }
                return Dictionary(uniqueKeysWithValues: files.map { ($0.path, $0.rev ?? "") })
            }
            func run(_ what: String, until condition: () async throws -> Bool) async throws {
                let daemon = try fixture.place.start("run")
                try await eventually(what, or: daemon.log, condition)
                daemon.send(SIGTERM)
                #expect(try await daemon.ending().code == 0, "\(daemon.log)")
            }
            func waits() async throws -> Bool {
                let outbox = (try? await status(fixture))?["outbox"] as? [String: Any]
                return outbox?["waiting"] as? Int != 0 || outbox?["failing"] as? Int != 0
            }
            for name in ["a.txt", "b.txt"] { try fixture.place.folder.write("content of \(name)", to: "out/" + name) }
            try await run("two files") {
                let isUp = uploaded().count == 2
                let isWaiting = try await waits()
                return isUp && !isWaiting
            }
            let before = uploaded()
            try Damage.truncated.apply(to: fixture.place.stateFile)
            try fixture.place.folder.write("new", to: "out/c.txt")
            try await run("three files") {
                let isUp = uploaded().count == 3
                let isWaiting = try await waits()
                return isUp && !isWaiting
            }
            #expect(uploaded().filter { $0.key != "/in/c.txt" } == before)
            #expect(try Tree(directory: out).lines.count == (after == "keep" ? 3 : 0))
        }
    }

    @Test("a mirror without its marker, or another directory in its place, ends with 73")
    func marker() async throws {
        try await DaemonFixture.run { fixture in
            fixture.account.fill(Seed(files: 60))
            try await fixture.sync()
            try FileManager.default.moveItem(atPath: fixture.place.mirror, toPath: fixture.place.folder("unmounted"))
            _ = try fixture.place.folder.folder("mirror")
            for command in ["sync", "run"] {
                let ending = try await fixture.place.run(command)
                #expect(ending.code == 73 && ending.errors.contains(fixture.place.mirror), "\(ending)")
            }
            #expect(try fixture.mirror().lines == [:])
            try FileManager.default.removeItem(atPath: fixture.place.mirror)
            try FileManager.default.moveItem(atPath: fixture.place.folder("unmounted"), toPath: fixture.place.mirror)
            try FileManager.default.removeItem(atPath: fixture.place.folder("mirror/.dbxsync/mirror-id"))
            let ending = try await fixture.place.run("sync")
            #expect(ending.code == 73 && ending.errors.contains("mirror-id"), "\(ending)")
            #expect(try fixture.differences() == [])
        }
    }
}
