import GRDB
import SyncModel
import TestSupport
import Testing

@testable import Store

/// What the state knows of online documents and of the files that they become.
@Suite(.timeLimit(.minutes(5)))
struct ExportStateTests {
    private func document(_ name: String, _ rev: String, _ formats: [String] = ["docx"]) -> OnlineDocument {
        OnlineDocument(
            name: FileName(name), rev: Rev(rev), modified: 5,
            formats: ExportFormats(exportAs: formats.first, options: formats))
    }

    private func put(_ document: OnlineDocument) -> TreeEdit {
        .put(
            RemoteKey("/\(document.name.text.lowercased())"),
            .unavailable(name: document.name, .document(document, nil), rev: document.rev), parents: [])
    }

    private func record(_ fixture: StoreFixture, _ edits: [TreeEdit]) async throws -> Recorded {
        try await fixture.store.record(edits, cursor: SyncModel.Cursor("c"), isLast: true, now: StoreFixture.now)
    }

    private func file(_ fixture: StoreFixture, _ key: String) async throws -> ExportedFile? {
        guard case .export(_, let file)? = try await fixture.store.facts(of: [RemoteKey(key)]).first?.want else {
            return nil
        }
        return file
    }

    @Test("what was exported is wanted as long as revision and format are the same") func content() async throws {
        let fixture = try StoreFixture()
        #expect(
            try await record(fixture, [put(document("A.gdoc", "1"))]).added == ["/a.gdoc.docx"].map { RemoteKey($0) })
        var made = try #require(try await file(fixture, "/a.gdoc.docx"))
        #expect(made.version == nil)
        #expect(try await fixture.store.backlog().pendingFiles == 1)
        made.content = ExportedFile.Content(
            size: 7, hash: try #require(ContentHash(hex: String(repeating: "ab", count: 32))))
        #expect(try await fixture.store.record(made, at: RemoteKey("/a.gdoc.docx")))
        #expect(try await fixture.store.backlog().pendingBytes == 7)
        _ = try await record(fixture, [put(document("A.gdoc", "1", ["docx", "pdf"]))])
        #expect(try await file(fixture, "/a.gdoc.docx")?.content == made.content)
        _ = try await record(fixture, [put(document("A.gdoc", "2"))])
        #expect(try await file(fixture, "/a.gdoc.docx")?.content == nil)
        #expect(try await !fixture.store.record(made, at: RemoteKey("/a.gdoc.docx")), "of an old revision")
        #expect(try await fixture.store.brokenInvariants() == [])
    }

    @Test(
        "patterns count for both names of a document whose file has no place, too",
        arguments: [
            (["*.md"], [], false), (["/b.paper.md"], [], false), (["*.paper"], [], false), (["*.docx"], [], true),
            ([], ["*.md"], true), ([], ["*.paper"], true), ([], ["*.docx"], false),
        ] as [([String], [String], Bool)])
    func patternsOfClash(exclude: [String], include: [String], isParked: Bool) async throws {
        let fixture = try StoreFixture()
        let key = RemoteKey("/b.paper")
        _ = try await record(fixture, [put(document("B.paper", "1", ["markdown"]))])
        try await fixture.record("b.paper.md=1")
        try await fixture.commit([.parked(key, reason: "taken")])
        #expect(try await fixture.store.pathIssues(limit: 9).map(\.path) == ["/B.paper"])
        let selection = Selection(
            include: try include.map { try SelectionPattern($0) }, exclude: try exclude.map { try SelectionPattern($0) }
        )
        try await fixture.store.select(selection)
        #expect((try await fixture.store.facts(of: [key]).first?.pending != nil) == isParked)
        #expect(try await fixture.store.brokenInvariants() == [])
        try await fixture.store.select(.everything)
        try await fixture.commit([.parked(key, reason: "taken")])
        let acceptance = Acceptance(try (exclude + include).map { try SelectionPattern($0) })
        let accepted = try await fixture.store.backlog(accepting: acceptance).accepted
        #expect((accepted == 1) == !(exclude + include).contains("*.docx"))
        let other = try #require(try await fixture.store.facts(of: [key]).first?.want?.otherKey(at: key))
        #expect(other == RemoteKey("/b.paper.md"))
        let reason = selection.reason(for: key, isFolder: false, alsoNamed: other)
        #expect((reason.match == .selected) == isParked)
        #expect(reason.match == selection.reason(for: other, isFolder: false, alsoNamed: key).match)
    }

    @Test("what stood at a document's own name goes, even if the name of its file is left out") func clashBehindFile()
        async throws
    {
        let fixture = try StoreFixture()
        let key = RemoteKey("/b.paper")
        try await fixture.store.select(Selection(exclude: [try SelectionPattern("/b.paper.md")]))
        try await fixture.record("b.paper=1 b.paper.md=2")
        try await fixture.commit([.have(key, fixture.placed(TreeText("b.paper=1").entries[0].node))])
        _ = try await record(fixture, [put(document("b.paper", "3", ["markdown"]))])
        #expect(try await fixture.store.facts(of: [key]).first?.pending != nil)
        #expect(try await fixture.store.brokenInvariants() == [])
        try await fixture.commit([.have(key, nil), .parked(key, reason: "taken")])
        #expect(try await fixture.store.facts(of: [key]).first?.pending == nil)
        #expect(try await fixture.store.brokenInvariants() == [])
    }

    @Test("a listing does not bring back a document by what has a name like its file's") func relist() async throws {
        let fixture = try StoreFixture()
        _ = try await record(fixture, [put(document("A", "1", ["pdf"]))])
        try await fixture.store.beginRelist()
        _ = try await record(fixture, [put(document("A.docx", "2", ["docx"]))])
        #expect(try await fixture.store.wantedKeys().keys.sorted() == [RemoteKey("/a.docx")])
        #expect(try await fixture.store.brokenInvariants() == [])
    }

    @Test("other forms, chosen while a listing runs, bring nothing back") func formsDuringListing() async throws {
        let fixture = try StoreFixture()
        _ = try await record(fixture, [put(document("A.gdoc", "1")), put(document("B.gdoc", "1"))])
        try await fixture.store.beginRelist()
        try await fixture.store.record(
            [put(document("B.gdoc", "1"))], cursor: SyncModel.Cursor("c"), isLast: false, now: StoreFixture.now)
        var exports = ExportSettings()
        exports[.gdoc] = .link
        try await fixture.store.select(Selection(exports: exports))
        _ = try await record(fixture, [])
        #expect(
            try await fixture.store.wantedKeys().keys.sorted() == [RemoteKey("/b.gdoc"), RemoteKey("/b.gdoc.url")])
    }

    @Test("a folder that is implied by what is in it takes a document's place, and its file's") func implied()
        async throws
    {
        let fixture = try StoreFixture()
        _ = try await record(fixture, [put(document("A.gdoc", "1"))])
        _ = try await record(
            fixture, [.put(RemoteKey("/a.gdoc/x"), .folder(name: FileName("x")), parents: [FileName("A.gdoc")])])
        #expect(try await fixture.store.wantedKeys().keys.sorted() == [RemoteKey("/a.gdoc"), RemoteKey("/a.gdoc/x")])
        #expect(try await fixture.store.brokenInvariants() == [])
    }

    @Test("the history of a document is that of its file, in whatever form, and not that of something else")
    func history() async throws {
        let fixture = try StoreFixture()
        _ = try await record(fixture, [put(document("A.gdoc", "1", ["docx", "pdf", "odt"]))])
        try await fixture.record("A.gdoc.odt=7")
        let paths = ["/A.gdoc.docx", "/A.gdoc.pdf", "/A.gdoc.odt", "/A.gdoc.url", "/A.gdoc.txt", "/B"]
        try await fixture.store.record(
            EffectRecord(pass: 1, changes: paths.map { MirrorChange(.filePlaced, path: $0, size: 1) }, kept: []),
            now: StoreFixture.now)
        let query = try await fixture.store.query(HistoryQuery(), at: "/a.gdoc")
        let found = try await fixture.store.history(query).map(\.change.path)
        #expect(found == ["/A.gdoc.docx", "/A.gdoc.pdf", "/A.gdoc.url"])
        let other = try await fixture.store.query(HistoryQuery(), at: "/B")
        #expect(try await fixture.store.history(other).map(\.change.path) == ["/B"])
        let standing = try await fixture.store.standing(at: [RemoteKey("/a.gdoc.docx")])
        #expect(standing.first?.want?.rev == Rev("1"))
    }

    @Test("a document that cannot be read any more keeps its file, and is told") func unreadable() async throws {
        let fixture = try StoreFixture()
        _ = try await record(fixture, [put(document("A.gdoc", "1"))])
        let unreadable = RemoteNode.unavailable(name: FileName("A.gdoc"), .unreadable("x"), rev: nil)
        _ = try await record(fixture, [.put(RemoteKey("/a.gdoc"), unreadable, parents: [])])
        #expect(try await file(fixture, "/a.gdoc.docx")?.document.rev == Rev("1"))
        #expect(try await fixture.store.backlog().unread == 1)
        let keys = [RemoteKey("/a.gdoc"), RemoteKey("/a.gdoc.docx")]
        #expect(try await fixture.store.facts(of: keys).map(\.unread) == ["x", "x"])
        _ = try await record(fixture, [put(document("A.gdoc", "2"))])
        #expect(try await fixture.store.backlog().unread == 0)
        #expect(try await fixture.store.facts(of: keys).map(\.unread) == [nil, nil])
        #expect(try await fixture.store.brokenInvariants() == [])
    }

    @Test("a file of version 9 lists anew if it knows documents, and only then", arguments: [false, true])
    func migrated(hasDocuments: Bool) async throws {
        let fixture = try StoreFixture()
        try await fixture.record(hasDocuments ? "a/ a/b=1 a/c!" : "a/ a/b=1")
        try fixture.store.close()
        let queue = try DatabaseQueue(path: fixture.path)
        try await queue.write { db in
            try db.execute(sql: "\(StoreFixture.dropVersion10) PRAGMA user_version = 9")
        }
        try queue.close()
        let store = try StateStore.open(at: fixture.path)
        #expect(try await (store.progress().cursor == nil) == hasDocuments)
        #expect(try await store.verifyChecksums() == 0)
        #expect(try await store.brokenInvariants() == [])
    }
}
