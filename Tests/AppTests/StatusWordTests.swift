import Configuration
import Foundation
import Glibc
import MirrorFS
import SyncModel
import TestSupport
import Testing

@testable import Engine
@testable import dbxsync

/// What a daemon says of itself, and when it is believed.
@Suite(.timeLimit(.minutes(5)))
struct StatusWordTests {
    private func word(pid: Int32 = 7, heartbeat: Int64, every: Int64 = 30) -> StatusWord {
        StatusWord(pid: pid, heartbeat: heartbeat, every: every, now: LiveStatus(EngineStatus(), downloads: [], now: 0))
    }

    private func daemon(_ word: StatusWord?, since: Int64? = 1000, place: String? = "/run/x", at time: Int64)
        -> StatusReport.Daemon
    {
        StatusReport.Daemon(LockHolder(pid: 7, word: place, since: since), word, at: time)
    }

    @Test("a word is believed as long as its heartbeat allows; one of the future, or with absurd numbers, is not")
    func fresh() {
        #expect(word(heartbeat: 5000).isFresh(at: 5000))
        #expect(word(heartbeat: 5000).isFresh(at: 5090))
        #expect(!word(heartbeat: 5000).isFresh(at: 5091))
        #expect(!word(heartbeat: 5000).isFresh(at: 4999))
        #expect(!word(heartbeat: .min).isFresh(at: 5000))
        #expect(!word(heartbeat: 5000, every: 0).isFresh(at: 5000))
        #expect(!word(heartbeat: 5000, every: .max).isFresh(at: 5000))
    }

    @Test("a daemon, or a state, of another mirror says nothing of the one that is configured")
    func other() {
        var word = word(heartbeat: 5000)
        word.directory = "/srv/one"
        #expect(daemon(word, at: 5010).refusal(of: "/srv/one") == nil)
        #expect(daemon(word, at: 5010).refusal(of: "/srv/two")?.contains("works on /srv/one") == true)
        #expect(daemon(self.word(heartbeat: 5000), at: 5010).refusal(of: "/srv/two") == nil)
        #expect(StatusReport.refusal(ofFolder: "/Work", nil) == nil)
        #expect(StatusReport.refusal(ofFolder: "/Work", "/work") == nil)
        let refusal = StatusReport.refusal(ofFolder: "", "/work")
        #expect(refusal?.hasPrefix("mirror.remote_root is the whole Dropbox") == true)
    }

    @Test("a lock is told from that of another file with the same number, on another device and by another process")
    func kernelLock() throws {
        let line: Substring = "12: FLOCK  ADVISORY  WRITE 1432 fe:10:1234 0 EOF"
        let lock = try #require(KernelLock(line))
        let device = UInt64(0xFE10)
        #expect(lock.isOf(LockHolder(pid: 9), device, inode: 1234))
        #expect(lock.isOf(LockHolder(pid: 1432), device + 1, inode: 1234))
        #expect(lock.isOf(LockHolder(pid: 9), nil, inode: 1234))
        #expect(!lock.isOf(LockHolder(pid: 9), device + 1, inode: 1234))
        #expect(!lock.isOf(LockHolder(pid: 1432), device, inode: 1235))
        let others: [Substring] = [
            "", "1: POSIX ADVISORY WRITE 1432 fe:10:1234 0 EOF", "1: FLOCK ADVISORY WRITE x a:b 0",
        ]
        #expect(others.allSatisfy { KernelLock($0) == nil })
    }

    @Test("who is silent is told from who has only begun, from another's word, and from who has no word to say")
    func silent() {
        #expect(daemon(word(heartbeat: 5000), at: 5010).now != nil)
        #expect(!daemon(word(heartbeat: 5000), at: 5010).silent)
        #expect(daemon(word(heartbeat: 5000), at: 6000).silent)
        #expect(daemon(word(heartbeat: 5000), at: 6000).now == nil)
        #expect(!daemon(nil, at: 1010).silent)
        #expect(daemon(nil, at: 2000).silent)
        #expect(daemon(word(pid: 8, heartbeat: 5000), at: 5000).now == nil)
        #expect(daemon(word(heartbeat: 900), at: 910).now == nil)  // from before it began: of an earlier process
        #expect(!daemon(nil, place: nil, at: 2000).silent)  // "dbxsync sync"
        #expect(!daemon(nil, since: nil, at: 2000).silent)
    }

    @Test("a daemon that was stopped by a signal is not believed, however fresh its word is")
    func stopped() {
        let daemon = StatusReport.Daemon(
            LockHolder(pid: 7, word: "/run/x", since: 1000), word(heartbeat: 5000), at: 5010, isStopped: true)
        #expect(daemon.stopped && daemon.silent && daemon.now == nil)
        func isStopped(_ stat: String) -> Bool { ProcessState.isStopped(stat, ofProgram: "dbxsync") }
        #expect(isStopped("7 (dbxsync) T 1 7 7 0") && isStopped("7 (dbxsync) t 1"))
        for other in [
            "7 (dbxsync) S 1", "7 (dbxsync) D 1", "7 (other) T 1", "7 (x) T (dbxsync) S 1", "", "7 (dbxsync)",
            ")(", "7 (dbxsync) ",
        ] { #expect(!isStopped(other), "\(other)") }
        #expect(!ProcessState.isStopped(getpid()) && !ProcessState.isStopped(-1))
    }

    @Test("why a daemon has ended by itself is kept for who asks later, until another one begins")
    func end() throws {
        let folder = try TemporaryFolder()
        var config = Config()
        config.state.directory = folder.path
        #expect(LastEnd.read(config) == nil)
        LastEnd.note(Failure(.held, "another dbxsync"), config, now: 5)
        #expect(LastEnd.read(config) == nil)
        LastEnd.note(Failure(.signedOut, "revoked\nsign in with: dbxsync auth"), config, now: 5)
        #expect(
            LastEnd.read(config)
                == LastEnd(at: 5, exitCode: 77, reason: "revoked; sign in with: dbxsync auth"))
        LastEnd.note(
            Failure(.badConfiguration, String(repeating: "x", count: 1_000_000)), config, now: 6)
        #expect(LastEnd.read(config)?.exitCode == 78)
        LastEnd.forget(config)
        #expect(LastEnd.read(config) == nil)
        LastEnd.note(Failure(.signedOut, "nowhere"), Config(), now: 5)  // cannot be written: nothing happens
    }

    @Test("a file for node_exporter that a running daemon does not write is told")
    func textfile() {
        func problem(_ written: Timestamp?, running: Int64) -> String? {
            TextfileLook.problem("/x.prom", written: written, running: running, now: 10_000)
        }
        #expect(problem(9_990, running: 5_000) == nil && problem(10_500, running: 5_000) == nil)
        #expect(
            problem(nil, running: 60) == nil && problem(1_000, running: 60) == nil && problem(nil, running: -5) == nil)
        #expect(problem(nil, running: 5_000)?.hasPrefix("/x.prom is not there") == true)
        #expect(problem(9_000, running: 5_000)?.hasPrefix("/x.prom was last written") == true)
    }

    @Test("a word is read as it was written; what is none is nothing")
    func file() throws {
        let path = "/tmp/dbxsync-word-\(UUID().uuidString)"
        defer { unlink(path) }
        #expect(StatusWord.read(path) == nil)
        #expect(word(heartbeat: 3).write(path))
        #expect(StatusWord.read(path) == word(heartbeat: 3))
        for text in ["", "{}", "[", "{\"pid\":\"x\"}", String(repeating: "x", count: 100_000)] {
            try text.write(toFile: path, atomically: false, encoding: .utf8)
            #expect(StatusWord.read(path) == nil)
        }
        #expect(!word(heartbeat: 3).write("/nowhere/at/all"))
    }

    @Test("a moment is a number in the word, and the time in UTC in a report")
    func moments() throws {
        var status = EngineStatus()
        status.diskAsOf = 1_700_000_000
        let live = LiveStatus(status, downloads: [], now: 1_700_000_100)
        #expect(try JSONText.of(live).contains("\"disk_as_of\" : 1700000000,"))
        let data = try JSONEncoder().encode(live)
        #expect(String(decoding: data, as: UTF8.self).contains("\"diskAsOf\":1700000000"))
        #expect(try JSONDecoder().decode(LiveStatus.self, from: data) == live)
        #expect(try JSONText.of([Moment(1_700_000_000)]).contains("\"2023-11-14T22:13:20Z\""))
    }

    @Test("a moment's distance is told, however far") func distances() {
        let now: Timestamp = 1_700_000_000
        #expect(TimeText.distance(now, from: now) == "now")
        #expect(TimeText.distance(now - 18, from: now) == "18 s ago")
        #expect(TimeText.distance(now + 300, from: now) == "in 5 min 00 s")
        #expect(TimeText.distance(.distantPast, from: now).hasSuffix(" ago"))
        #expect(TimeText.distance(now, from: .distantPast).hasPrefix("in "))
    }

    @Test("a disk that does not answer is told in STATUS= and in the word, before all else")
    func unresponsiveDisk() {
        var status = EngineStatus()
        status.phase = .idle
        status.inStepAsOf = 1_700_000_000
        status.diskAsOf = 1_700_000_000
        #expect(StatusLine.text(status, now: 1_700_000_100).hasPrefix("in step"))
        var failing = status
        (failing.failing, failing.parked) = (1, 2)
        #expect(
            StatusLine.text(failing, now: 1_700_000_100).hasPrefix(
                "not in step: 1 failing, 2 parked (see: dbxsync status); all else was at "))
        status.unresponsiveDisk = UnresponsiveDisk(directory: "/srv/dropbox", since: 1_700_000_050)
        #expect(
            StatusLine.text(status, now: 1_700_000_100).hasPrefix("waiting: the disk of /srv/dropbox has not answered"))
        let live = LiveStatus(status, downloads: [], now: 1_700_000_100)
        #expect(live.phase == "waiting" && live.reason?.contains("/srv/dropbox") == true && !live.isWatched)
    }
}
