import Foundation
import GRDB
import SyncModel
import TestSupport
import Testing

@testable import Store

/// A damaged state file is set aside and made anew; what is not damage is refused as it is.
@Suite(.timeLimit(.minutes(15)))
struct RebuildTests {
    /// A state with rows in most tables, closed.
    private func fixture() async throws -> StoreFixture {
        let fixture = try StoreFixture(inMemory: true)
        try await fixture.record((0..<300).map { "d\($0 % 7)/ d\($0 % 7)/f\($0)=\($0)" }.joined(separator: " "))
        try await fixture.applyAll()
        try await fixture.record("new=1")
        try fixture.store.close()
        return fixture
    }

    private func open(_ fixture: StoreFixture, now: Timestamp = StoreFixture.now) async throws -> Rebuild? {
        let (store, rebuild) = try await StateStore.openOrRebuild(at: fixture.path, now: now)
        #expect(try await store.brokenInvariants() == [])
        if rebuild != nil { #expect(try await store.progress().isListing) }
        try store.close()
        return rebuild
    }

    private func names(_ fixture: StoreFixture) throws -> [String] {
        try FileManager.default.contentsOfDirectory(atPath: fixture.folder.path).sorted()
    }

    enum Damage: CaseIterable {
        case empty, cut, text, zeros, page, noTables, applicationID, version, row, cell

        func apply(to path: String) throws {
            let url = URL(fileURLWithPath: path)
            var bytes = try Data(contentsOf: url)
            switch self {
            case .empty: bytes = Data()
            case .cut: bytes = bytes.prefix(bytes.count / 2)
            case .text: bytes = Data(repeating: UInt8(ascii: "x"), count: 50_000)
            case .zeros: bytes = Data(count: bytes.count)
            case .page: bytes.replaceSubrange(4096..<8192, with: Data(repeating: 7, count: 4096))
            case .applicationID: bytes[70] ^= 4
            case .version: bytes[60] ^= 4
            case .noTables: return try sql("DROP TABLE pending", path)
            case .row: return try sql("UPDATE have SET rev = 'other' WHERE key = '/d1/f1'", path)
            case .cell:
                try relax(path, "replace(sql, 'STRICT, ', '')")
                try sql("UPDATE pending SET key = x'00ff', attempts = 'many'", path)
                return try relax(path, "replace(sql, 'WITHOUT', 'STRICT, WITHOUT')")
            }
            try bytes.write(to: url)
        }

        private func relax(_ path: String, _ text: String) throws {
            try sql(
                "PRAGMA writable_schema = ON; UPDATE sqlite_schema SET sql = \(text) WHERE name = 'pending'", path)
        }

        private func sql(_ text: String, _ path: String) throws {
            var configuration = Configuration()
            configuration.prepareDatabase { try $0.execute(sql: "PRAGMA writable_schema = ON") }
            let queue = try DatabaseQueue(path: path, configuration: configuration)
            try queue.writeWithoutTransaction { try $0.execute(sql: text) }
            try queue.close()
        }
    }

    @Test(
        "whatever is damaged is set aside as it is, and a state that knows nothing is made", arguments: Damage.allCases)
    func damaged(_ damage: Damage) async throws {
        let fixture = try await fixture()
        try damage.apply(to: fixture.path)
        let bytes = try Data(contentsOf: URL(fileURLWithPath: fixture.path))
        let rebuild = try #require(try await open(fixture))
        #expect(rebuild.kept.path == fixture.path + ".damaged-20231114T221320Z")
        #expect(rebuild.kept.setAsideAt == StoreFixture.now)
        #expect(rebuild.cause.code == .damaged)
        #expect(rebuild.cause.description.contains(fixture.path))
        #expect(DamagedState.kept(beside: fixture.path) == [rebuild.kept])
        // An SQLite that was let near it has written what stood in its log.
        if ![.noTables, .row, .cell].contains(damage) {
            #expect(try Data(contentsOf: URL(fileURLWithPath: rebuild.kept.path)) == bytes)
        }
        #expect(try await open(fixture) == nil)
    }

    @Test("what a crash has left beside a damaged file goes with it") func logs() async throws {
        let fixture = try await fixture()
        try Data("SQLite".utf8).write(to: URL(fileURLWithPath: fixture.path))
        for log in ["-wal", "-shm"] { try fixture.folder.write(log, to: "state.db" + log) }
        let kept = try #require(try await open(fixture)).kept.path
        for log in ["-wal", "-shm"] { #expect(try String(contentsOfFile: kept + log, encoding: .utf8) == log) }
        // A log without its file belongs to nothing.
        #expect(DamagedState.kept(beside: fixture.path).count == 1)
    }

    @Test("a whole file is opened as it is") func whole() async throws {
        let fixture = try await fixture()
        let before = try Data(contentsOf: URL(fileURLWithPath: fixture.path))
        #expect(try await open(fixture) == nil)
        #expect(try names(fixture) == ["state.db"])
        let store = try StateStore.openReadOnly(at: fixture.path)
        #expect(try await store.wantedKeys().count == 308)
        #expect(try Data(contentsOf: URL(fileURLWithPath: fixture.path)).count == before.count)
    }

    @Test("no damage: a later version, another program's file, a folder; they are refused and stay") func refused()
        async throws
    {
        let fixture = try await fixture()
        let raw = try DatabaseQueue(path: fixture.path)
        try await raw.writeWithoutTransaction { try $0.execute(sql: "PRAGMA user_version = \(Schema.version + 1)") }
        try raw.close()
        let theirs = try DatabaseQueue(path: fixture.folder("theirs?%23#.db"))
        try await theirs.write { try $0.execute(sql: "CREATE TABLE song (title TEXT); PRAGMA application_id = 7") }
        try theirs.close()
        _ = try fixture.folder.folder("folder.db")
        let before = try names(fixture)
        let cases: [(String, StoreError.Code)] = [
            ("state.db", .fromTheFuture), ("theirs?%23#.db", .foreign), ("folder.db", .inputOutput),
            ("no/such/folder.db", .inputOutput),
        ]
        for (name, code) in cases {
            await #expect {
                try await StateStore.openOrRebuild(at: fixture.folder(name), now: 0)
            } throws: {
                ($0 as? StoreError)?.code == code
            }
        }
        #expect(try names(fixture) == before)
    }

    @Test("a disk that damages one after the other is not fed for ever: three in a day, and three are kept")
    func loop() async throws {
        let fixture = try await fixture()
        func damage() throws { try Data().write(to: URL(fileURLWithPath: fixture.path)) }
        for _ in 0..<3 {
            try damage()
            #expect(try await open(fixture) != nil)
        }
        #expect(
            DamagedState.kept(beside: fixture.path).map(\.path)
                == ["", ".2", ".3"].map {
                    fixture.path + ".damaged-20231114T221320Z" + $0
                })
        try damage()
        let before = try names(fixture)
        for now in [StoreFixture.now + 86_000, StoreFixture.now - 86_000] {
            await #expect {
                try await open(fixture, now: now)
            } throws: {
                "\($0)".contains("within a day already") && "\($0)".contains("remove \(fixture.path).damaged-")
            }
        }
        #expect(try names(fixture) == before)
        // A day later, or after somebody has looked.
        #expect(try await open(fixture, now: StoreFixture.now + 86_400) != nil)
        #expect(DamagedState.kept(beside: fixture.path).count == 3)
        try damage()
        try FileManager.default.removeItem(atPath: DamagedState.kept(beside: fixture.path)[0].path)
        #expect(try await open(fixture, now: StoreFixture.now + 86_401) != nil)
    }

    @Test("names that only look like it are nobody's business") func otherNames() throws {
        let folder = try TemporaryFolder(inMemory: true)
        for end in [
            "", "20231114", "20231314T221320Z", "20231114T221320Z-wal", "20231114T221320Z.x", "20231114T2213 0Z",
        ] {
            try folder.write("", to: "state.db.damaged-" + end)
        }
        #expect(DamagedState.kept(beside: folder("state.db")).isEmpty)
    }

    @Test("damage that is found late is set aside on the way out") func late() async throws {
        let fixture = try await fixture()
        let store = try StateStore.open(at: fixture.path)
        let error = store.close(after: StoreError(code: .damaged, message: "malformed"), now: 0)
        #expect((error as? StoreError)?.code == .setAside)
        #expect("\(error)".contains(".damaged-19700101T000000Z"))
        #expect(try names(fixture) == ["state.db.damaged-19700101T000000Z"])
        let other = try StateStore.open(at: fixture.path)
        #expect(other.close(after: StoreError(code: .full, message: "full"), now: 0) is StoreError)
        #expect(try names(fixture) == ["state.db", "state.db.damaged-19700101T000000Z"])
    }
}

/// Whoever takes the state away from under a process that has it open is noticed before anything more is written.
@Suite(.timeLimit(.minutes(15)))
struct OpenFilesTests {
    enum Act: CaseIterable {
        case removed, replaced, logRemoved, sharedMemoryRemoved, lockRemoved, lockReplaced, folderMoved, folderRemoved
    }

    private struct Place {
        let folder: TemporaryFolder
        let store: StateStore
        var path: String { folder("state/state.db") }

        init() async throws {
            folder = try TemporaryFolder(inMemory: true)
            _ = try folder.folder("state")
            try folder.write("me", to: "state/lock")
            store = try StateStore.open(at: folder("state/state.db"), beside: [folder("state/lock")])
            try await store.bind(mirrorID: "m")
            try store.checkPlace()
        }

        func perform(_ act: Act) throws {
            let files = FileManager.default
            switch act {
            case .removed: try files.removeItem(atPath: path)
            case .replaced:
                try StateStore.open(at: folder("other.db")).close()
                #expect(rename(folder("other.db"), path) == 0)
            case .logRemoved: try files.removeItem(atPath: path + "-wal")
            case .sharedMemoryRemoved: try files.removeItem(atPath: path + "-shm")
            case .lockRemoved: try files.removeItem(atPath: folder("state/lock"))
            case .lockReplaced:
                try folder.write("me", to: "other")
                #expect(rename(folder("other"), folder("state/lock")) == 0)
            case .folderMoved: try files.moveItem(atPath: folder("state"), toPath: folder("elsewhere"))
            case .folderRemoved: try files.removeItem(atPath: folder("state"))
            }
        }
    }

    @Test("it is noticed, said, and nothing more is written", arguments: Act.allCases) func taken(_ act: Act)
        async throws
    {
        let place = try await Place()
        try place.perform(act)
        func isTold(_ error: any Error) -> Bool {
            guard let error = error as? StoreError else { return false }
            return error.code == .takenAway && error.disposition == .fatal
                && error.message.contains(place.folder("state"))
        }
        #expect(performing: { try place.store.checkPlace() }, throws: isTold)
        await #expect(performing: { try await place.store.bind(mirrorID: "n") }, throws: isTold)
        await #expect(
            performing: {
                try await place.store.intend([
                    Intent(key: RemoteKey("/a"), path: MirrorPath(text: "a") ?? .root, after: nil)
                ])
            },
            throws: isTold)
        try place.store.close()
    }

    @Test("the log of a state that was put there meanwhile is not removed") func othersLog() async throws {
        let place = try await Place()
        let other = try StateStore.open(at: place.folder("other.db"))
        try await other.bind(mirrorID: "o")
        for log in ["", "-wal"] {
            try FileManager.default.copyItem(
                atPath: place.folder("other.db") + log, toPath: place.folder("copy.db") + log)
            #expect(rename(place.folder("copy.db") + log, place.path + log) == 0)
        }
        try place.store.close()
        let now = try await StateStore.openOrRebuild(at: place.path, now: 0)
        #expect(now.rebuild == nil)
        #expect(try await now.store.progress().mirrorID == "o")
    }

    @Test("other readers, checkpoints and a closed reader change nothing about it") func untouched() async throws {
        let place = try await Place()
        for round in 0..<20 {
            let reader = try StateStore.openReadOnly(at: place.path)
            _ = try await reader.progress()
            try await place.store.bind(mirrorID: "m\(round)")
            try reader.close()
            try place.store.checkPlace()
        }
    }
}
