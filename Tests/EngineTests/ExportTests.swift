import Engine
import Foundation
import Logging
import MirrorFS
import Sandbox
import Store
import SyncModel
import TestSupport
import Testing

/// Online documents stand in the mirror as what they are exported as.
@Suite(.timeLimit(.minutes(30)))
struct ExportTests {
    private typealias Document = Sandbox.OnlineDocument

    private func fixture(_ documents: [String: Document] = [:]) async throws -> EngineFixture {
        let fixture = try EngineFixture(inMemory: true)
        for (path, document) in documents { try fixture.account.put(path, document, clientModified: 1_700_000_000) }
        try await fixture.pass()
        return fixture
    }

    private func text(_ fixture: EngineFixture, _ path: String) -> String? {
        FileManager.default.contents(atPath: fixture.mirror + path).map { String(decoding: $0, as: UTF8.self) }
    }

    private func issues(_ fixture: EngineFixture) async throws -> [String] {
        try await fixture.start().store.pathIssues(limit: 100).map {
            "\($0.isAccepted ? "accepted" : $0.isParked ? "parked" : "failing") \($0.path)"
        }
    }

    private func isInStep(_ fixture: EngineFixture) async throws -> Bool {
        try await fixture.start().store.backlog().parked == 0
    }

    @Test("documents of every kind stand there, are exported once for each revision, and nothing is wrong")
    func kinds() async throws {
        let all = Dictionary(
            uniqueKeysWithValues: Document.Kind.allCases.map { ("/d/A \($0).\($0.ending)", Document($0, text: "1")) })
        let fixture = try await fixture(all)
        #expect(try fixture.differences() == [])
        #expect(text(fixture, "/d/A paper.paper.md") == "markdown: 1")
        #expect(text(fixture, "/d/A gdoc.gdoc.docx") == "docx: 1")
        #expect(text(fixture, "/d/A other.sketch.pdf") == "pdf: 1")
        #expect(try await issues(fixture) == ["accepted /d/A web.web"])
        #expect(try await isInStep(fixture))
        #expect(fixture.remote.exports.count == 5)

        fixture.remote.resetCounts()
        try await fixture.pass()
        try await fixture.start().store.beginRelist()
        try await fixture.pass()
        try fixture.crash()
        try await fixture.pass()
        #expect(fixture.remote.exports == [])

        try fixture.account.put("/d/A paper.paper", Document(.paper, text: "2"))
        try await fixture.pass()
        #expect(fixture.remote.exports == ["/d/a paper.paper"])
        #expect(text(fixture, "/d/A paper.paper.md") == "markdown: 2")
        #expect(try fixture.differences() == [])
        #expect(try await fixture.trashDifferences() == [])
        #expect(try await fixture.start().store.trash().map(\.item.path) == ["/d/A paper.paper.md"])
        #expect(try await fixture.start().store.brokenInvariants() == [])
    }

    @Test("what an export turns out to hold is not copied from a file that somebody has edited, nor exported again")
    func edited() async throws {
        let fixture = try await fixture(["/a.paper": Document(.paper, text: "1")])
        fixture.remote.resetCounts()
        try fixture.folder.write("MARKDOWN: 1", to: "mirror/a.paper.md")
        try fixture.account.put("/b.paper", Document(.paper, text: "1"))
        try await fixture.pass()
        #expect(text(fixture, "/b.paper.md") == "markdown: 1")
        #expect(fixture.remote.exports == ["/b.paper"])
    }

    @Test("a document that is deleted, moved, or becomes something else takes its file with it") func follows()
        async throws
    {
        let fixture = try await fixture(["/a.paper": Document(.paper), "/f/b.paper": Document(.paper)])
        fixture.remote.resetCounts()
        fixture.account.settings.movesMakeRevisions = false
        _ = try fixture.account.move("/f", "/g")
        try await fixture.pass()
        let issues = try await issues(fixture)
        #expect(try fixture.differences() == [], "\(issues)")
        #expect(fixture.remote.exports == [], "its revision is the same, and so are its bytes")
        _ = try fixture.account.delete("/a.paper")
        _ = try fixture.account.put("/g/b.paper", "a file now")
        try await fixture.pass()
        #expect(try fixture.differences() == [])
        #expect(text(fixture, "/g/b.paper") == "a file now")
        #expect(text(fixture, "/g/b.paper.md") == nil)
        _ = try fixture.account.delete("/g/b.paper")
        try fixture.account.put("/g/b.paper", Document(.paper, text: "again"))
        try await fixture.pass()
        #expect(text(fixture, "/g/b.paper.md") == "markdown: again")
        #expect(try fixture.differences() == [])
        #expect(try await fixture.start().store.brokenInvariants() == [])
    }

    @Test("a folder that is told of as deleted and made anew has nothing exported again") func shared() async throws {
        var zip = Document(.gdoc)
        zip.trouble.differs = true
        let fixture = try await fixture(["/s/a.gdoc": zip, "/s/b.gdoc": zip])
        let before = text(fixture, "/s/a.gdoc.docx")
        fixture.remote.resetCounts()
        fixture.remote.alter { page in
            page.changes = [.deleted(RemoteKey("/s"))] + page.changes
        }
        try await fixture.start().store.beginRelist()
        try await fixture.pass()
        fixture.remote.alter(nil)
        try await fixture.pass()
        #expect(fixture.remote.exports == [])
        #expect(text(fixture, "/s/a.gdoc.docx") == before)
    }

    @Test("something else of that name parks the export, whichever comes first") func collision() async throws {
        let fixture = try await fixture(["/a.paper": Document(.paper), "/b.paper": Document(.paper)])
        _ = try fixture.account.put("/A.paper.md", "real")
        _ = try fixture.account.put("/b.paper.MD/inside", "real")
        try await fixture.pass()
        #expect(try fixture.differences() == [])
        #expect(text(fixture, "/A.paper.md") == "real")
        #expect(try await issues(fixture) == ["parked /a.paper", "parked /b.paper"])
        #expect(try await !isInStep(fixture))
        try await fixture.start().store.beginRelist()
        try await fixture.pass()
        #expect(try await issues(fixture) == ["parked /a.paper", "parked /b.paper"])
        _ = try fixture.account.delete("/A.paper.md")
        _ = try fixture.account.move("/b.paper.MD", "/c")
        try await fixture.pass()
        #expect(try fixture.differences() == [])
        #expect(text(fixture, "/a.paper.md") == "markdown: ")
        #expect(try await issues(fixture) == [])
        #expect(try await fixture.start().store.brokenInvariants() == [])
    }

    @Test("a real file that goes while nobody listens makes room, too") func collisionEndsUnseen() async throws {
        let fixture = try await fixture(["/a.paper": Document(.paper)])
        _ = try fixture.account.put("/a.paper.md", "real")
        try await fixture.pass()
        _ = try fixture.account.delete("/a.paper.md")
        try await fixture.start().store.beginRelist()
        try await fixture.pass()
        #expect(try fixture.differences() == [])
        #expect(text(fixture, "/a.paper.md") == "markdown: ")
    }

    @Test("when a collision ends, the export comes back from the trash as it was, unless it is not there as it was")
    func collisionEnds() async throws {
        func document(_ text: String) -> Document {
            var document = Document(.gdoc, text: text)
            document.trouble.differs = true
            return document
        }
        let fixture = try await fixture(["/a.gdoc": document("a"), "/b.gdoc": document("b")])
        let before = text(fixture, "/a.gdoc.docx")
        for path in ["/a.gdoc.docx", "/b.gdoc.docx"] { _ = try fixture.account.put(path, "real") }
        try await fixture.pass()
        #expect(text(fixture, "/a.gdoc.docx") == "real")
        let kept = try await fixture.start().store.trash(at: "/b.gdoc.docx").map(\.item.place)
        let place = try #require(kept.first)
        try Data("docx: x".utf8).write(to: URL(fileURLWithPath: fixture.mirror + "/.dbxsync/" + place))
        fixture.remote.resetCounts()
        for path in ["/a.gdoc.docx", "/b.gdoc.docx"] { _ = try fixture.account.delete(path) }
        try await fixture.pass()
        #expect(text(fixture, "/a.gdoc.docx") == before)
        #expect(fixture.remote.exports == ["/b.gdoc"])
        #expect(text(fixture, "/b.gdoc.docx") == "docx: b<0000000002>")
        #expect(try await issues(fixture) == [])
        #expect(try await fixture.start().store.brokenInvariants() == [])
    }

    @Test("a name that ends so already stays, and a document may stand in another one's way") func names() async throws
    {
        let fixture = try await fixture([
            "/Plan.DOCX": Document(.gdoc), "/x.sketch": Document(.other, text: "1"),
            "/x.sketch.pdf": Document(.other, text: "2"),
        ])
        #expect(text(fixture, "/Plan.DOCX") == "docx: ")
        #expect(text(fixture, "/x.sketch.pdf") == "pdf: 2")
        #expect(try await issues(fixture) == ["parked /x.sketch"])
        _ = try fixture.account.delete("/x.sketch.pdf")
        try await fixture.pass()
        #expect(text(fixture, "/x.sketch.pdf") == "pdf: 1")
        #expect(try await issues(fixture) == [])
        #expect(try await fixture.start().store.brokenInvariants() == [])
    }

    @Test("that formats are not offered is told once in a pass for each, with a count") func fallbacks() async throws {
        let fixture = try EngineFixture(inMemory: true)
        let story = Story(level: .info)
        fixture.logger = Logger(label: "story") { _ in story }
        for number in 0..<150 { try fixture.account.put("/\(number).gdoc", Document(.gdoc)) }
        try fixture.account.put("/s.gsheet", Document(.gsheet))
        var exports = ExportSettings()
        (exports[.gdoc], exports[.gsheet]) = (.format("zzz"), .format("PDF"))
        await fixture.select(Selection(exports: exports))
        try await fixture.pass()
        func told() -> [String] {
            story.lines.filter { $0.contains("not offered") }.map { String($0.drop { $0 == " " }) }
        }
        let lines = [
            "export.gdoc = \"zzz\" is not offered by Dropbox, which offers docx: 150 documents come as docx",
            "export.gsheet = \"PDF\" is not offered by Dropbox, which offers xlsx: 1 document comes as xlsx",
        ]
        #expect(told() == lines)
        try await fixture.pass()
        #expect(told() == lines, "what stands is not told again")
    }

    @Test("other formats count from the next pass, a link holds the address, and off removes the file") func settings()
        async throws
    {
        let fixture = try await fixture(["/d/n ü.paper": Document(.paper), "/s.gsheet": Document(.gsheet)])
        var exports = ExportSettings()
        exports[.paper] = .format("html")
        exports[.gsheet] = .format("ods")
        await fixture.select(Selection(exports: exports))
        try await fixture.pass()
        #expect(try Tree(directory: fixture.mirror) == Tree(account: fixture.account, exports: exports))
        #expect(text(fixture, "/d/n ü.paper.html") == "html: ")
        #expect(text(fixture, "/s.gsheet.xlsx") != nil, "what is not offered comes as Dropbox does it")
        exports[.paper] = .link
        exports[.gsheet] = .off
        await fixture.select(Selection(exports: exports))
        try fixture.crash()
        try await fixture.pass()
        #expect(try Tree(directory: fixture.mirror) == Tree(account: fixture.account, exports: exports))
        #expect(
            text(fixture, "/d/n ü.paper.url")
                == "[InternetShortcut]\r\nURL=https://www.dropbox.com/home/d?preview=n%20%C3%BC.paper\r\n")
        #expect(try await issues(fixture) == ["accepted /s.gsheet"])
        await fixture.select(.everything)
        try await fixture.pass()
        #expect(try fixture.differences() == [])
        #expect(try await issues(fixture) == [])
        #expect(try await fixture.start().store.brokenInvariants() == [])
    }

    @Test("patterns count for both names, and the largest size for what came", arguments: ["*.paper", "*.md"])
    func selection(pattern: String) async throws {
        let fixture = try await fixture(["/a.paper": Document(.paper), "/b.gdoc": Document(.gdoc, text: "long")])
        await fixture.select(Selection(exclude: [try SelectionPattern(pattern)], maxSize: 6))
        _ = try fixture.account.put("/a.paper", Document(.paper, text: "2"))
        _ = try fixture.account.put("/b.gdoc", Document(.gdoc, text: "longer"))
        _ = try fixture.account.put("/c.gdoc", Document(.gdoc))
        _ = try fixture.account.put("/small", "123456")
        _ = try fixture.account.put("/large", "1234567")
        fixture.remote.resetCounts()
        try await fixture.pass()
        #expect(text(fixture, "/a.paper.md") == "markdown: ", "left alone")
        #expect(text(fixture, "/b.gdoc.docx") == "docx: long", "left alone")
        #expect(text(fixture, "/c.gdoc.docx") == "docx: ")
        #expect(text(fixture, "/small") == "123456")
        #expect(text(fixture, "/large") == nil)
        #expect(!fixture.remote.exports.contains("/a.paper"))
        #expect(try await fixture.start().store.brokenInvariants() == [])
        #expect(try await fixture.start().store.leftOut(by: fixture.settings.selection) == 3)
        await fixture.select(Selection(maxSize: 7))
        try await fixture.pass()
        #expect(text(fixture, "/a.paper.md") == "markdown: ", "11 bytes are more than 7")
        #expect(text(fixture, "/large") == "1234567")
        await fixture.select(.everything)
        try await fixture.pass()
        #expect(try fixture.differences() == [])
        #expect(try await fixture.start().store.brokenInvariants() == [])
    }

    @Test("an export that is not ready is tried again; one that never is fails alone") func notReady() async throws {
        var slow = Document(.paper)
        slow.trouble.notReady = 2
        var never = Document(.gdoc)
        never.trouble.notReady = nil
        let fixture = try await fixture(["/slow.paper": slow, "/never.gdoc": never, "/fine.paper": Document(.paper)])
        #expect(try await issues(fixture) == ["failing /never.gdoc.docx", "failing /slow.paper.md"])
        for _ in 0..<3 {
            fixture.time.advance(by: 7200)
            try await fixture.pass()
        }
        #expect(try fixture.differences() == [])
        #expect(try await issues(fixture) == ["failing /never.gdoc.docx"])
    }

    @Test("an export that never gets ready is parked after many tries, may be accepted by either name, and still comes")
    func neverReady() async throws {
        var late = Document(.gdoc)
        late.trouble.notReady = Placement.exportTries + 1
        let fixture = try await fixture(["/D/late.gdoc": late, "/fine.paper": Document(.paper)])
        for _ in 2..<Placement.exportTries {
            fixture.time.advance(by: 7200)
            try await fixture.pass()
        }
        #expect(try await issues(fixture) == ["failing /D/late.gdoc.docx"])
        #expect(try await fixture.start().store.progress().inStepAsOf == nil)
        fixture.time.advance(by: 7200)
        try await fixture.pass()
        #expect(try await issues(fixture) == ["parked /D/late.gdoc.docx"])
        #expect(try await fixture.start().store.pathIssues(limit: 9).map(\.attempts) == [Placement.exportTries])
        #expect(try await fixture.start().store.progress().inStepAsOf != nil)
        for (pattern, accepted) in [("/d/late.gdoc", 1), ("*.docx", 1), ("/D/", 1), ("*.gsheet", 0)] {
            let acceptance = Acceptance([try SelectionPattern(pattern)])
            let backlog = try await fixture.start().store.backlog(accepting: acceptance)
            #expect(backlog.accepted == accepted && backlog.parked == 1 - accepted, "\(pattern)")
            #expect(backlog.pendingFiles == 1 - accepted, "\(pattern)")
            let issues = try await fixture.start().store.pathIssues(limit: 9, accepting: acceptance)
            #expect(issues.map(\.isAccepted) == [accepted == 1], "\(pattern)")
        }
        fixture.time.advance(by: 90_000)
        try await fixture.pass()
        #expect(try await issues(fixture) == ["parked /D/late.gdoc.docx"], "one more try changes nothing")
        fixture.time.advance(by: 90_000)
        try await fixture.pass()
        #expect(try fixture.differences() == [])
        #expect(try await issues(fixture) == [])
    }

    @Test("a pass counts what is accepted as status does, not as parked") func accepted() async throws {
        let fixture = try EngineFixture(inMemory: true)
        fixture.settings.acceptance = Acceptance([try SelectionPattern("*.gdoc")])
        for name in ["/a.web", "/b.web"] { try fixture.account.put(name, Document(.web)) }
        for name in ["/c.gdoc", "/d.paper"] {
            try fixture.account.put(name, Document(name == "/c.gdoc" ? .gdoc : .paper))
        }
        for name in ["/c.gdoc.docx", "/d.paper.md"] { _ = try fixture.account.put(name, "real") }
        let report = try await fixture.pass()
        #expect(report.accepted == 3 && report.parked == 1)
        #expect(report.summary.contains("1 parked, 3 accepted"))
        let backlog = try await fixture.start().store.backlog(accepting: fixture.settings.acceptance)
        #expect(backlog.accepted == 3 && backlog.parked == 1)
    }

    @Test("a dry run counts documents, what is accepted, and what is left out because of its size") func dryRun()
        async throws
    {
        let fixture = try EngineFixture(inMemory: true)
        try fixture.account.put("/a.paper", Document(.paper))
        try fixture.account.put("/b.web", Document(.web))
        for (name, text) in [("/large", "1234567"), ("/small", "123456")] { _ = try fixture.account.put(name, text) }
        _ = try await fixture.start()
        let preview = PlanPreview(
            remote: fixture.remote, copy: try StateStore.scratchCopy(of: fixture.folder("state.db")), mirror: nil,
            selection: Selection(maxSize: 6), brake: GuardSettings(), now: { 0 }, logger: fixture.logger)
        let totals = try await preview.run { _ in }
        #expect(totals.files == 2 && totals.exports == 1 && totals.downloads == 1 && totals.bytes == 6)
        #expect(totals.accepted == 1 && totals.parked == 0 && totals.leftOut == 1)
    }

    @Test("bytes that are not what the server says of them never come into the mirror") func damaged() async throws {
        var wrong = Document(.paper)
        wrong.trouble.hash = .wrong
        let fixture = try await fixture(["/wrong.paper": wrong])
        #expect(try await issues(fixture) == ["failing /wrong.paper.md"])
        #expect(text(fixture, "/wrong.paper.md") == nil)
        fixture.remote.onExport { _, bytes in bytes.removeLast() }
        var bare = Document(.gdoc)
        bare.trouble.hash = .none
        _ = try fixture.account.put("/cut.gdoc", bare)
        try await fixture.pass()
        #expect(text(fixture, "/cut.gdoc.docx") == nil)
        fixture.remote.onExport(nil)
        fixture.time.advance(by: 7200)
        try await fixture.pass()
        #expect(text(fixture, "/cut.gdoc.docx") == "docx: ")
        #expect(try FileManager.default.contentsOfDirectory(atPath: fixture.mirror + "/.dbxsync/staging") == [])
    }

    @Test("a change of the configuration that leads to the same format exports nothing") func sameFormat() async throws
    {
        let fixture = try await fixture(["/a.paper": Document(.paper), "/b.gdoc": Document(.gdoc)])
        fixture.remote.resetCounts()
        var exports = ExportSettings()
        exports[.paper] = .format("pdf")
        exports[.gdoc] = .standard
        await fixture.select(Selection(exports: exports))
        try await fixture.pass()
        #expect(fixture.remote.exports == [])
        #expect(try fixture.differences() == [])
    }

    @Test("one of the two names is enough to be included", arguments: ["/a.paper", "/a.paper.md", "*.md", "*.paper"])
    func included(pattern: String) async throws {
        let fixture = try EngineFixture(inMemory: true)
        try fixture.account.put("/a.paper", Document(.paper))
        try fixture.account.put("/b.gdoc", Document(.gdoc))
        await fixture.select(Selection(include: [try SelectionPattern(pattern)]))
        try await fixture.pass()
        #expect(try Tree(directory: fixture.mirror).lines.keys.sorted() == ["a.paper.md"])
        #expect(try await fixture.start().store.brokenInvariants() == [])
    }

    @Test("an export larger than mirror.max_size is cut off and leaves nothing, until the limit is another one")
    func tooLarge() async throws {
        var large = Document(.paper)
        large.exports["markdown"] = .generated(seed: 1, size: 3 << 20)
        let fixture = try EngineFixture(inMemory: true)
        await fixture.select(Selection(maxSize: 1 << 20))
        try fixture.account.put("/large.paper", large)
        try await fixture.pass()
        #expect(try Tree(directory: fixture.mirror).lines.isEmpty)
        #expect(try await issues(fixture) == [])
        #expect(try FileManager.default.contentsOfDirectory(atPath: fixture.mirror + "/.dbxsync/staging") == [])
        fixture.remote.resetCounts()
        try await fixture.pass()
        #expect(fixture.remote.exports == [])
        await fixture.select(.everything)
        try await fixture.pass()
        #expect(try fixture.differences() == [])
        #expect(try await fixture.start().store.brokenInvariants() == [])
    }

    @Test("another form is no removal for the guard, leaving documents out is") func guarded() async throws {
        let fixture = try EngineFixture(inMemory: true)
        fixture.settings.brake = GuardSettings(removals: 1, sharePercent: nil)
        for name in ["a", "b", "c"] { try fixture.account.put("/\(name).paper", Document(.paper, text: name)) }
        try await fixture.pass()
        var exports = ExportSettings()
        exports[.paper] = .format("html")
        await fixture.select(Selection(exports: exports))
        try await fixture.pass()
        #expect(try fixture.differences() == [])
        exports[.paper] = .off
        await fixture.select(Selection(exports: exports))
        try await fixture.pass()
        #expect(try await fixture.start().store.holds().map(\.files) == [3])
    }

    @Test("a new revision that would replace an export is held where guard.overwrites says so") func overwrites()
        async throws
    {
        let fixture = try EngineFixture(inMemory: true)
        fixture.settings.brake = GuardSettings(removals: nil, sharePercent: nil, overwrites: 0)
        try fixture.account.put("/a.paper", Document(.paper, text: "1"))
        try await fixture.pass()
        try fixture.account.put("/a.paper", Document(.paper, text: "2"))
        try await fixture.pass()
        #expect(text(fixture, "/a.paper.md") == "markdown: 1")
        #expect(try await fixture.start().store.holds().map(\.replacements) == [1])
    }

    @Test("a stranger under a document's own name is told as one") func stranger() async throws {
        let fixture = try await fixture(["/a": Document(.paper)])
        try fixture.crash()
        try Data("mine".utf8).write(to: URL(fileURLWithPath: fixture.mirror + "/a"))
        try await fixture.pass()
        #expect(text(fixture, "/a") == "mine")
        #expect(try await fixture.start().store.findings(limit: 9).strangerPaths == ["/a"])
    }

    @Test(
        "a document that changes while it is exported comes with its next revision, also if no hash is sent",
        arguments: [false, true])
    func changes(hasHash: Bool) async throws {
        var busy = Document(.paper)
        if !hasHash { busy.trouble.hash = .none }
        busy.trouble.changes = 1
        busy.trouble.name = "../../x"
        let fixture = try await fixture(["/busy.paper": busy])
        try await fixture.pass()
        #expect(try fixture.differences() == [])
        #expect(try await issues(fixture) == [])
    }

    @Test("an unchanged revision never gets new bytes, and what was changed locally is put right") func local()
        async throws
    {
        func zip(_ text: String) -> Document {
            var document = Document(.gdoc, text: text)
            document.trouble.differs = true
            return document
        }
        let fixture = try await fixture(["/a.gdoc": zip("a"), "/b.gdoc": zip("b"), "/c.gdoc": zip("c")])
        let before = text(fixture, "/a.gdoc.docx")
        fixture.remote.resetCounts()
        try fixture.crash()
        let url = URL(fileURLWithPath: fixture.mirror)
        try FileManager.default.setAttributes(
            [.modificationDate: Date(timeIntervalSince1970: 5)], ofItemAtPath: fixture.mirror + "/a.gdoc.docx")
        try FileManager.default.removeItem(at: url.appendingPathComponent("b.gdoc.docx"))
        try Data("mine".utf8).write(to: url.appendingPathComponent("c.gdoc.docx"))
        try await fixture.pass()
        try await fixture.pass()
        #expect(text(fixture, "/a.gdoc.docx") == before)
        #expect(fixture.remote.exports.sorted() == ["/b.gdoc", "/c.gdoc"])
        #expect(text(fixture, "/b.gdoc.docx") == "docx: b<0000000002>")
        #expect(text(fixture, "/c.gdoc.docx") == "docx: c<0000000002>")
        #expect(try await fixture.start().store.trash().map(\.item.reason) == [.aside])
        #expect(try await fixture.start().store.brokenInvariants() == [])
    }

    @Test("whatever a crash interrupts, the next start brings it to its end") func crashes() async throws {
        var point = 0
        while true {
            let fixture = try EngineFixture(inMemory: true)
            try fixture.account.put("/d/a.paper", Document(.paper, text: "1"))
            try fixture.account.put("/b.gdoc", Document(.gdoc, text: "1"))
            try await fixture.pass()
            try fixture.account.put("/d/a.paper", Document(.paper, text: "2"))
            _ = try fixture.account.put("/b.gdoc.docx", "real")
            try fixture.account.put("/c.gsheet", Document(.gsheet))
            let crashed = try await fixture.crashes(at: point)
            try await fixture.pass()
            try await fixture.pass()
            #expect(try fixture.differences() == [], "crash at point \(point)")
            #expect(try await fixture.start().store.brokenInvariants() == [], "crash at point \(point)")
            #expect(try await fixture.trashDifferences() == [], "crash at point \(point)")
            if !crashed { return }
            point += 1
        }
    }
}
