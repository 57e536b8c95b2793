import Dropbox
import Foundation
import Glibc
import MirrorFS
import SyncModel
import TestSupport
import Testing

@testable import Engine
@testable import dbxsync

/// What daemons that were killed have left, and who removes it.
@Suite(.timeLimit(.minutes(5)))
struct DeadWordsTests {
    @Test("a word is dead where its state is nobody's; what another machine or container may hold has to be old, too")
    func judgement() {
        func isDead(_ age: Int64, _ lock: InstanceLock.Look) -> Bool { DeadWords.isDead(age: age, lock, on: "nas") }
        let (here, elsewhere) = (LockHolder(pid: 7, host: "nas"), LockHolder(pid: 7, host: "box"))
        #expect(isDead(0, .free(here)) && isDead(300, .free(elsewhere)) && isDead(300, .missing))
        #expect(!isDead(299, .free(elsewhere)) && !isDead(299, .missing) && !isDead(-5, .missing))
        for lock in [InstanceLock.Look.held(here), .held(elsewhere), .unknown] { #expect(!isDead(1_000_000, lock)) }
    }

    @Test("the words of those who are gone are removed, those of the living and all other files are not")
    func removal() throws {
        let folder = try TemporaryFolder()
        let run = try folder.folder("run")
        func write(_ name: String, _ state: String?) throws {
            let live = LiveStatus(EngineStatus(), downloads: [], now: 0)
            #expect(StatusWord(pid: 1, state: state, heartbeat: 5, every: 30, now: live).write("\(run)/\(name)"))
        }
        let alive = try InstanceLock.acquire(stateDirectory: try folder.folder("alive"))
        _ = try InstanceLock.acquire(stateDirectory: try folder.folder("dead"))
        for name in ["status-1.json", "metrics-1.json", "pause-status-1.json"] { try write(name, folder("dead")) }
        for name in ["status-2.json", "metrics-2.json"] { try write(name, folder("alive")) }
        try write("status-3.json", nil)
        try write("status-4.json", folder("removed"))
        try folder.write("{", to: "run/status-5.json")
        symlink("\(run)/status-3.json", "\(run)/status-6.json")

        func names() throws -> [String] { try FileManager.default.contentsOfDirectory(atPath: run).sorted() }
        let all = try names()
        DeadWords.remove(beside: StatusPlace(path: "\(run)/status-2.json", every: 300))
        #expect(try names() == all, "not on a disk")
        let place = StatusPlace(path: "\(run)/status-2.json", every: StatusPlace.beatInMemory)
        DeadWords.remove(beside: place)
        let left = all.filter { !["status-1.json", "metrics-1.json"].contains($0) }
        #expect(try names() == left)
        DeadWords.remove(beside: place, now: .now + 301)
        #expect(try names() == left.filter { $0 != "status-4.json" })
        withExtendedLifetime(alive) {}
    }
}
