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
        status.unresponsiveDisk = UnresponsiveDisk(directory: "/srv/dropbox", since: 1_700_000_050)
        #expect(
            StatusLine.text(status, now: 1_700_000_100).hasPrefix("waiting: the disk of /srv/dropbox has not answered"))
        let live = LiveStatus(status, downloads: [], now: 1_700_000_100)
        #expect(live.phase == "waiting" && live.reason?.contains("/srv/dropbox") == true && !live.isWatched)
    }
}
