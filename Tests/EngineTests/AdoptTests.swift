import Dispatch
import Engine
import Foundation
import Glibc
import Sandbox
import SyncModel
import Synchronization
import TestSupport
import Testing

/// Mirrors that hold the account's files before the first pass, or whose state was lost.
@Suite(.timeLimit(.minutes(10)))
struct AdoptTests {
    /// An account of 400 files in 8 folders, all of them in the mirror already.
    private static func fixture() throws -> EngineFixture {
        let fixture = try EngineFixture(pageSize: 100)
        for number in 0..<400 {
            let path = "folder \(number % 8)/\(number)"
            _ = try fixture.account.put("/" + path, "text \(number)")
            try fixture.folder.write("text \(number)", to: "mirror/" + path)
        }
        return fixture
    }

    @Test("a mirror whose state was lost is adopted, without a download and without a touch") func lostState()
        async throws
    {
        let fixture = try Self.fixture()
        #expect(try await fixture.pass().adopted == 400)
        let before = try Self.changeTimes(fixture)
        try fixture.crash()
        for name in ["state.db", "state.db-wal", "state.db-shm"] { unlink(fixture.folder(name)) }
        let report = try await fixture.pass()
        #expect(report.adopted == 400 && report.placed == 400 && report.setAside == 0)
        #expect(fixture.remote.downloads == 0)
        #expect(try fixture.differences() == [])
        #expect(try await fixture.brokenInvariants() == [])
        #expect(try Self.changeTimes(fixture) == before)
    }

    @Test(
        "downloads go on beside what is adopted, one by one or as zips", arguments: [nil, ZipGrouping(leastFiles: 20)])
    func mixed(_ bulk: ZipGrouping?) async throws {
        let fixture = try Self.fixture()
        fixture.settings.bulk = bulk
        for number in 0..<400 where number % 8 == 3 || number % 5 == 0 {
            unlink(fixture.mirror + "/folder \(number % 8)/\(number)")
        }
        let missing = (0..<400).count { $0 % 8 == 3 || $0 % 5 == 0 }
        let report = try await fixture.pass()
        #expect(report.adopted == 400 - missing && report.placed == 400)
        #expect(try fixture.differences() == [])
        #expect(try await fixture.brokenInvariants() == [])
    }

    /// In a process of its own, since whoever is root may read everything.
    @Test("a file that is wrong, unreadable or changed at the last moment concerns no other one") func setApart() async
    {
        await #expect(processExitsWith: .success) {
            if geteuid() == 0 { try #require(seteuid(65_534) == 0) }
            let fixture = try AdoptTests.fixture()
            try fixture.folder.write("TEXT 17", to: "mirror/folder 1/17")
            chmod(fixture.mirror + "/folder 2/18", 0)
            let changed = fixture.mirror + "/folder 7/399"
            let isFirst = Atomic<Bool>(true)
            fixture.faults = { point in
                guard point == .effect, isFirst.exchange(false, ordering: .relaxed) else { return }
                // The last one: it is read after this, or published after this.
                try Data("edited".utf8).write(to: URL(fileURLWithPath: changed))
            }
            let report = try await fixture.pass()
            let left = try fixture.differences() + (try await fixture.brokenInvariants())
            guard left == [], report.adopted == 397, report.setAside == 3, fixture.remote.downloads == 3 else {
                print("left: \(left), \(report), \(fixture.remote.downloads) downloads")
                exit(EXIT_FAILURE)
            }
        }
    }

    @Test("a pass that is cancelled while it adopts ends, and the next one goes on") func cancelled() async throws {
        let fixture = try Self.fixture()
        let (begun, begin) = AsyncStream<Void>.makeStream()
        let goOn = DispatchSemaphore(value: 0)
        let effects = Atomic<Int>(0)
        fixture.faults = { point in
            // The first effects make the folders.
            guard point == .effect, effects.wrappingAdd(1, ordering: .relaxed).newValue == 20 else { return }
            begin.yield()
            goOn.wait()
        }
        let engine = try await fixture.start().engine
        let pass = Task { try await engine.pass() }
        for await _ in begun { break }
        pass.cancel()
        goOn.signal()
        await #expect(throws: CancellationError.self) { try await pass.value }
        let report = try await fixture.pass()
        #expect((1..<400).contains(report.adopted))
        #expect(fixture.remote.downloads == 0)
        #expect(try fixture.differences() == [])
        #expect(try await fixture.brokenInvariants() == [])
    }

    @Test("a crash at any fault point of an adoption converges after the restart") func crash() async throws {
        var point = 0
        while true {
            let fixture = try EngineFixture(pageSize: 7, inMemory: true)
            fixture.settings.batch = 8
            for number in 0..<12 {
                _ = try fixture.account.put("/a/\(number)", "text \(number)")
                if number > 0 { try fixture.folder.write("text \(number)", to: "mirror/a/\(number)") }
            }
            let crashed = try await fixture.crashes(at: point)
            try await fixture.pass()
            #expect(try fixture.differences() == [], "crash at fault point \(point)")
            #expect(try await fixture.brokenInvariants() == [], "crash at fault point \(point)")
            #expect(fixture.remote.downloads <= 2, "crash at fault point \(point)")
            if !crashed { break }
            point += 1
        }
        #expect(point >= 20)
    }

    private static func changeTimes(_ fixture: EngineFixture) throws -> [String: [Int]] {
        var times: [String: [Int]] = [:]
        for number in 0..<400 {
            let path = "folder \(number % 8)/\(number)"
            var status = stat()
            try #require(stat(fixture.mirror + "/" + path, &status) == 0)
            times[path] = [status.st_ctim.tv_sec, status.st_ctim.tv_nsec]
        }
        return times
    }
}
