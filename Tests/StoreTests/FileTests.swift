import Foundation
import GRDB
import Store
import SyncModel
import TestSupport
import Testing

/// The state file itself: made whole, refused untouched when it is not ours or not whole.
@Suite(.timeLimit(.minutes(15)))
struct FileTests {
    private func refusal(_ path: String) -> StoreError? {
        var found: [StoreError] = []
        for open in [StateStore.openReadOnly(at:), { try StateStore.open(at: $0) }] {
            do {
                _ = try open(path)
                return nil
            } catch {
                guard let error = error as? StoreError else { return nil }
                found.append(error)
            }
        }
        return found.first?.code == found.last?.code ? found.last : nil
    }

    /// Everything in the folder, byte by byte.
    private func bytes(_ folder: TemporaryFolder) throws -> [String: Data] {
        let names = try FileManager.default.contentsOfDirectory(atPath: folder.path)
        return Dictionary(
            uniqueKeysWithValues: names.map { ($0, FileManager.default.contents(atPath: folder($0)) ?? Data()) })
    }

    @Test("a file that is not there is made, and found again") func created() async throws {
        let folder = try TemporaryFolder()
        #expect(throws: StoreError.self) { try StateStore.openReadOnly(at: folder("state.db")) }
        let store = try StateStore.open(at: folder("state.db"))
        #expect(try await store.progress().isListing)
        try await store.bind(mirrorID: "m")
        try store.close()
        #expect(try FileManager.default.contentsOfDirectory(atPath: folder.path) == ["state.db"])
        #expect(try await StateStore.open(at: folder("state.db")).progress().mirrorID == "m")
    }

    @Test("the names of all files are for the owner's eyes, in the state file and in its log") func mode() async throws
    {
        let folder = try TemporaryFolder()
        let store = try StateStore.open(at: folder("state.db"))
        try await store.bind(mirrorID: "m")
        for name in ["state.db", "state.db-wal"] {
            let attributes = try FileManager.default.attributesOfItem(atPath: folder(name))
            #expect(attributes[.posixPermissions] as? Int == 0o640, "\(name)")
        }
    }

    @Test("what a crash left before the file had its name is thrown away", arguments: ["", "half a file"])
    func draftLeft(text: String) async throws {
        let folder = try TemporaryFolder()
        try folder.write(text, to: "state.db.new")
        try folder.write("journal of the draft", to: "state.db.new-journal")
        let store = try StateStore.open(at: folder("state.db"))
        #expect(try await store.brokenInvariants() == [])
        try store.close()
        #expect(try FileManager.default.contentsOfDirectory(atPath: folder.path) == ["state.db"])
    }

    @Test("an empty, a cut and another file are refused with what to do, and left as they are")
    func refused() async throws {
        let folder = try TemporaryFolder()
        let fixture = try StoreFixture()
        try await fixture.record((0..<500).map { "f\($0)=\($0)" }.joined(separator: " "))
        try fixture.store.close()
        let whole = try #require(FileManager.default.contents(atPath: fixture.path))
        #expect(whole.count > 40_000)
        let cases: [(String, Data, StoreError.Code)] = [
            ("empty", Data(), .damaged), ("cut", whole.prefix(20_000), .damaged),
            ("header", whole.prefix(50), .damaged),
            ("text", Data("SQLite format 4".utf8), .damaged), ("zeros", Data(count: 8192), .damaged),
        ]
        for (name, content, code) in cases {
            try content.write(to: URL(fileURLWithPath: folder(name)))
            let before = try bytes(folder)
            let error = refusal(folder(name))
            #expect(error?.code == code, "\(name)")
            #expect(error?.disposition == .fatal, "\(name)")
            #expect(error?.description.contains(folder(name)) == true, "\(name)")
            #expect(error?.hint != nil, "\(name)")
            #expect(try bytes(folder) == before, "\(name)")
        }
    }

    @Test("an SQLite file of another program is refused and not even switched to another journal") func foreign() throws
    {
        let folder = try TemporaryFolder()
        let theirs = try DatabaseQueue(path: folder("theirs.db"))
        try theirs.write { try $0.execute(sql: "CREATE TABLE song (title TEXT); PRAGMA application_id = 7") }
        try theirs.close()
        let before = try bytes(folder)
        #expect(refusal(folder("theirs.db"))?.code == .foreign)
        #expect(try bytes(folder) == before)
    }

    @Test("a file of a later version is refused and left as it is") func future() throws {
        let fixture = try StoreFixture()
        try fixture.store.close()
        let raw = try DatabaseQueue(path: fixture.path)
        try raw.writeWithoutTransaction { try $0.execute(sql: "PRAGMA user_version = 99") }
        try raw.close()
        let before = try bytes(fixture.folder)
        let error = refusal(fixture.path)
        #expect(error?.code == .fromTheFuture)
        #expect(error?.description.contains("99") == true)
        #expect(try bytes(fixture.folder) == before)
    }

    @Test("damage inside the file is found when it is read, and is no reason to go on") func damagedInside()
        async throws
    {
        let fixture = try StoreFixture()
        try await fixture.record((0..<2_000).map { "f\($0)=\($0)" }.joined(separator: " "))
        try fixture.store.close()
        var bytes = try #require(FileManager.default.contents(atPath: fixture.path))
        for page in 2..<(bytes.count / 4096) {
            bytes.replaceSubrange(page * 4096..<page * 4096 + 64, with: Data(count: 64))
        }
        try bytes.write(to: URL(fileURLWithPath: fixture.path))
        do {
            let store = try StateStore.open(at: fixture.path)
            _ = try await store.brokenInvariants()
            Issue.record("nothing was noticed")
        } catch let error as StoreError {
            #expect(error.code == .damaged)
            #expect(error.disposition == .fatal)
        }
    }

    @Test("a file that was removed is begun anew: what an old log still holds is not played into it") func oldLog()
        async throws
    {
        let fixture = try StoreFixture()
        try await fixture.record("a/ a/x=1", isLast: true)
        // Killed: the log is still there.
        let killed = try TemporaryFolder()
        for name in try FileManager.default.contentsOfDirectory(atPath: fixture.folder.path) {
            try FileManager.default.copyItem(atPath: fixture.folder(name), toPath: killed(name))
        }
        try #require(try FileManager.default.contentsOfDirectory(atPath: killed.path).contains("state.db-wal"))
        try FileManager.default.removeItem(atPath: killed("state.db"))
        let store = try StateStore.open(at: killed("state.db"))
        let progress = try await store.progress()
        #expect(progress.cursor == nil)
        #expect(progress.isListing && !progress.everListed)
        #expect(try await store.wantedKeys().isEmpty)
        #expect(try await store.brokenInvariants() == [])
    }

    @Test("killed while the log was being written back, the file is shorter than its header says: it is whole with it")
    func killedAtCheckpoint() async throws {
        let fixture = try StoreFixture()
        try await fixture.record((0..<300).map { "f\($0)=\($0)" }.joined(separator: " "))
        let killed = try TemporaryFolder()
        for name in ["state.db", "state.db-wal"] {
            try FileManager.default.copyItem(atPath: fixture.folder(name), toPath: killed(name))
        }
        // A checkpoint writes pages in order, the first one with the new size of the file before the others.
        var bytes = try #require(FileManager.default.contents(atPath: killed("state.db")))
        bytes.replaceSubrange(28..<32, with: [0, 0, 1, 0])
        bytes.replaceSubrange(92..<96, with: bytes[24..<28])
        try bytes.write(to: URL(fileURLWithPath: killed("state.db")))
        for open in [StateStore.openReadOnly(at:), { try StateStore.open(at: $0) }] {
            let store = try open(killed("state.db"))
            #expect(try await store.wantedKeys().count == 300)
            try store.close()
        }
    }

    @Test("a path that cannot be opened is an error of the disk, which can pass") func unusable() throws {
        let folder = try TemporaryFolder()
        _ = try folder.folder("state.db")
        #expect(refusal(folder("state.db"))?.code == .inputOutput)
        do {
            _ = try StateStore.open(at: folder("no/such/folder/state.db"))
            Issue.record("opened")
        } catch let error as StoreError {
            #expect(error.disposition == .abortPass)
        }
    }
}
