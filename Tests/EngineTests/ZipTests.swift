import Engine
import Foundation
import Sandbox
import Store
import SyncModel
import Synchronization
import TestSupport
import Testing

/// Folders that come as a zip: whatever becomes of it, the mirror ends up as the account.
@Suite(.timeLimit(.minutes(30)))
struct ZipTests {
    /// A mirror of an empty account: what comes now is grouped at once, and not as far as it is listed already.
    private static func empty(
        leastFiles: Int, inMemory: Bool = false, _ change: (EngineFixture) -> Void = { _ in }
    ) async throws -> EngineFixture {
        let fixture = try EngineFixture(inMemory: inMemory)
        fixture.settings.bulk = ZipGrouping(leastFiles: leastFiles)
        change(fixture)
        try await fixture.pass()
        fixture.remote.resetCounts()
        return fixture
    }

    /// An account with two folders that come as zips, and a few files beside them.
    private static func fixture(_ change: (EngineFixture) -> Void = { _ in }) async throws -> EngineFixture {
        let fixture = try await empty(leastFiles: 20, change)
        for number in 0..<60 {
            let place = number % 3 == 0 ? "" : "Büro \(number % 3)/"
            _ = try fixture.account.put("/Many/\(place)File \(number).txt", .text(text(number)))
        }
        for number in 0..<30 { _ = try fixture.account.put("/more/cafe\u{301} \(number)", .text("more \(number)")) }
        for number in 0..<5 { _ = try fixture.account.put("/few/\(number)", .text("few \(number)")) }
        _ = try fixture.account.put("/Many/empty", "")
        return fixture
    }

    private static func text(_ number: Int) -> String { String(repeating: "text \(number) ", count: 40) }

    private func expectMirrored(_ fixture: EngineFixture) async throws {
        #expect(try fixture.differences() == [])
        #expect(try await fixture.brokenInvariants() == [])
        let staging = try FileManager.default.contentsOfDirectory(atPath: fixture.mirror + "/.dbxsync/staging")
        #expect(staging == [])
    }

    @Test("folders of many small files come as one zip each, the others file by file") func whole() async throws {
        let fixture = try await Self.fixture()
        let report = try await fixture.pass()
        try await expectMirrored(fixture)
        #expect(fixture.remote.zips.sorted() == ["/many", "/more"])
        #expect(fixture.remote.downloads == 5)
        #expect(report.placed == 96 && report.downloaded == 96 && report.failed == 0)
        #expect(report.bytes == fixture.account.usedBytes)
    }

    @Test("a first listing of many pages, while files come already, ends in the same mirror") func firstListing()
        async throws
    {
        let fixture = try EngineFixture(Account(seed: Seed(files: 1500, maxSize: 2000)), pageSize: 100)
        fixture.settings.bulk = ZipGrouping()
        let report = try await fixture.pass()
        try await expectMirrored(fixture)
        #expect(report.placed == 1500 && report.failed == 0)
    }

    @Test("without it everything comes file by file") func off() async throws {
        let fixture = try await Self.fixture { $0.settings.bulk = nil }
        try await fixture.pass()
        try await expectMirrored(fixture)
        #expect(fixture.remote.zips == [])
        #expect(fixture.remote.downloads == 95)
    }

    @Test("what a cut zip has brought is kept, the rest comes singly", arguments: [0, 1, 30, 2_000, 10_000])
    func cut(size: Int) async throws {
        let fixture = try await Self.fixture()
        fixture.remote.onZip { folder, bytes in if folder == "/many" { bytes = Array(bytes.prefix(size)) } }
        let report = try await fixture.pass()
        try await expectMirrored(fixture)
        let isSome = size >= 2_000
        #expect(isSome ? (6..<65).contains(fixture.remote.downloads) : fixture.remote.downloads == 65)
        #expect(report.failed == 0 && report.downloaded == 96)
    }

    @Test("a cut at any place is made up for") func cutAnywhere() async throws {
        for size in stride(from: 0, to: 3_000, by: 97) {
            let fixture = try await Self.empty(leastFiles: 2, inMemory: true)
            for number in 0..<20 { _ = try fixture.account.put("/a/\(number)", .text("text \(number)")) }
            fixture.remote.onZip { _, bytes in bytes = Array(bytes.prefix(size)) }
            let report = try await fixture.pass()
            #expect(try fixture.differences() == [], "cut after \(size) bytes")
            #expect(report.failed == 0, "cut after \(size) bytes")
        }
    }

    @Test("a byte that is wrong anywhere never gets into the mirror") func corrupt() async throws {
        for place in stride(from: 5, to: 2_500, by: 89) {
            let fixture = try await Self.empty(leastFiles: 2, inMemory: true)
            for number in 0..<20 { _ = try fixture.account.put("/a/\(number)", .text("text \(number)")) }
            fixture.remote.onZip { _, bytes in if place < bytes.count { bytes[place] ^= 0xFF } }
            let report = try await fixture.pass()
            #expect(try fixture.differences() == [], "wrong at \(place)")
            #expect(report.failed == 0, "wrong at \(place)")
            #expect(fixture.remote.zips == ["/a"])
        }
    }

    @Test("an entry with other bytes of the same size and a right sum is not taken") func otherBytes() async throws {
        let fixture = try await Self.fixture()
        let account = fixture.account
        fixture.remote.onZip { folder, bytes in
            guard folder == "/many" else { return }
            // As a zip of the folder as it was at another time.
            let other = Account()
            for number in 0..<60 {
                let place = number % 3 == 0 ? "" : "Büro \(number % 3)/"
                let changed = Self.text(number == 7 ? 8 : number)
                _ = try other.put("/Many/\(place)File \(number).txt", .text(changed))
            }
            bytes = try Self.bytes(other.archive(of: "/many").archive) + bytes
        }
        try await fixture.pass()
        try await expectMirrored(fixture)
        #expect(fixture.remote.downloads == 6)
        #expect(try account.content(of: "/many/büro 1/file 7.txt").load() == Array(Self.text(7).utf8))
    }

    private static func bytes(_ archive: ZipArchive) -> [UInt8] {
        var (archive, bytes) = (archive, [UInt8]())
        while case let piece = archive.read(1 << 16), !piece.isEmpty { bytes += piece }
        return bytes
    }

    @Test("changes between listing and zip: what is listed comes, then the news") func changed() async throws {
        let fixture = try await Self.fixture { $0.settings.listensAfter = .seconds(3600) }
        let account = fixture.account
        let isFirst = Atomic<Bool>(true)
        fixture.remote.onZip { folder, bytes in
            guard folder == "/many", isFirst.exchange(false, ordering: .relaxed) else { return }
            _ = try account.put("/many/file 0.txt", "changed, and of another size")
            _ = try account.put("/many/file 3.txt", .text(String(repeating: "much longer ", count: 1000)))
            _ = try account.delete("/many/file 6.txt")
            _ = try account.move("/many/file 9.txt", "/many/elsewhere.txt")
            _ = try account.put("/many/new", "new")
            bytes = try Self.bytes(account.archive(of: "/many").archive)
        }
        let first = try await fixture.pass()
        #expect(first.failed == 0 && first.placed == 96)
        #expect(fixture.remote.downloads == 9)
        try await fixture.pass()
        try await expectMirrored(fixture)
    }

    @Test(
        "a server that refuses is no failure, and is not asked for ever",
        arguments: [
            Disposition.skipItem, .retry(after: nil), .abortPass, .fatal, .signedOut, .sourceGone, .cursorReset,
        ])
    func refused(disposition: Disposition) async throws {
        let fixture = try await Self.empty(leastFiles: 4) { $0.settings.parallel = 1 }
        for folder in 0..<10 {
            for number in 0..<4 { _ = try fixture.account.put("/\(folder)/\(number)", .text("\(folder) \(number)")) }
        }
        fixture.remote.onZip { _, _ in throw SandboxError(disposition: disposition) }
        let report = try await fixture.pass()
        try await expectMirrored(fixture)
        #expect(fixture.remote.zips.count == 3)
        #expect(report.failed == 0 && report.downloaded == 40)
        #expect(try await fixture.start().store.pathIssues(limit: 1) == [])
    }

    @Test("what is no zip at all is made up for") func noZip() async throws {
        let fixture = try await Self.fixture()
        fixture.remote.onZip { _, bytes in bytes = Array(repeating: UInt8(ascii: "<"), count: bytes.count) }
        try await fixture.pass()
        try await expectMirrored(fixture)
        #expect(fixture.remote.downloads == 95)
    }

    @Test("names in another case and normal form are the same names") func otherNames() async throws {
        let fixture = try await Self.empty(leastFiles: 4)
        for number in 0..<9 { _ = try fixture.account.put("/Top/Bu\u{308}ro/File \(number)", .text("\(number)")) }
        fixture.remote.onZip { _, bytes in
            let other = Account()
            for number in 0..<9 { _ = try other.put("/top/BÜRO/file \(number)", .text("\(number)")) }
            bytes = try Self.bytes(other.archive(of: "/top").archive) + bytes
        }
        try await fixture.pass()
        try await expectMirrored(fixture)
        #expect(fixture.remote.downloads == 0)
    }

    @Test("files that stand there already are adopted and not fetched") func adopted() async throws {
        let fixture = try await Self.fixture()
        for number in 0..<30 { try fixture.folder.write("more \(number)", to: "mirror/more/cafe\u{301} \(number)") }
        try fixture.folder.write("mine", to: "mirror/Many/File 0.txt")
        let report = try await fixture.pass()
        try await expectMirrored(fixture)
        #expect(fixture.remote.zips == ["/many"])
        #expect(report.adopted == 30 && report.setAside == 1)
    }

    @Test("a folder of which little is new comes file by file; a new one as a zip") func later() async throws {
        let fixture = try await Self.fixture()
        try await fixture.pass()
        fixture.remote.resetCounts()
        for number in 0..<25 { _ = try fixture.account.put("/many/new \(number)", .text("n \(number)")) }
        try await fixture.pass()
        #expect(fixture.remote.zips == [] && fixture.remote.downloads == 25)
        for number in 0..<25 { _ = try fixture.account.put("/another/\(number)", .text("a \(number)")) }
        try await fixture.pass()
        #expect(fixture.remote.zips == ["/another"] && fixture.remote.downloads == 25)
        try await expectMirrored(fixture)
    }

    @Test("more folders than are fetched at a time, in windows that cut them") func manyFolders() async throws {
        let fixture = try await Self.empty(leastFiles: 25)
        let seed = Seed(files: 3000, minSize: 0, maxSize: 300, filesPerFolder: 30)
        try fixture.account.fill(seed, into: "", isJournaled: true)
        let report = try await fixture.pass()
        try await expectMirrored(fixture)
        #expect(fixture.remote.zips.count > 4)
        #expect(fixture.remote.downloads < 1000)
        #expect(report.placed == 3000 && report.failed == 0)
    }

    @Test("a crash in the middle loses nothing") func crash() async throws {
        for moment in [1, 3, 40, 90] {
            let fixture = try await Self.fixture { $0.settings.batch = 8 }
            #expect(try await fixture.crashes(at: moment))
            try await fixture.pass()
            try await expectMirrored(fixture)
        }
    }

    @Test("a pass that is cancelled while a zip comes ends, and the next one goes on") func cancelled() async throws {
        let fixture = try await Self.fixture()
        let (begun, begin) = AsyncStream<Void>.makeStream()
        let remote = StallingRemote(fixture.remote) { begin.yield() }
        let engine = try await fixture.start().engine
        let other = SyncEngine(
            remote: remote, store: try await fixture.parts().store, mirror: try await fixture.parts().mirror,
            disk: try await fixture.parts().disk, settings: fixture.settings,
            environment: EngineEnvironment(now: { 1_700_000_000 }), board: StatusBoard(), logger: fixture.logger)
        let pass = Task { try await other.pass() }
        for await _ in begun { break }
        pass.cancel()
        await #expect(throws: CancellationError.self) { try await pass.value }
        _ = try await engine.pass()
        #expect(try fixture.differences() == [])
    }
}

/// Sends the beginning of a zip, then nothing until it is cancelled.
private final class StallingRemote: RemoteSource {
    private let remote: SandboxRemote
    private let onStall: @Sendable () -> Void

    init(_ remote: SandboxRemote, onStall: @escaping @Sendable () -> Void) {
        self.remote = remote
        self.onStall = onStall
    }

    func changes(since cursor: Cursor?) async throws -> ChangePage { try await remote.changes(since: cursor) }

    func awaitChange(after cursor: Cursor, for limit: Duration) async throws -> Bool {
        try await remote.awaitChange(after: cursor, for: limit)
    }

    func download(_ version: FileVersion, into sink: any ByteSink) async throws {
        try await remote.download(version, into: sink)
    }

    func downloadSegment(_ version: FileVersion, upTo end: Int64, into sink: any ByteSink) async throws {
        try await remote.downloadSegment(version, upTo: end, into: sink)
    }

    func export(_ file: ExportedFile, into sink: any ByteSink) async throws -> ExportAnswer {
        try await remote.export(file, into: sink)
    }

    func revision(at key: RemoteKey) async throws -> Rev? { try await remote.revision(at: key) }

    func downloadZip(of folder: RemoteKey, into sink: any ByteSink) async throws {
        try Array("PK\u{3}\u{4}".utf8).withUnsafeBytes { try sink.write($0) }
        onStall()
        try await Task.sleep(for: .seconds(3600))
    }
}
