import Testing

@testable import Sandbox

@Suite(.timeLimit(.minutes(5)))
struct ChangeTests {
    let account = Account()

    @Test("the deletion of a folder lists the folder alone, or what was in it where the settings say so")
    func deletions() throws {
        for top in ["/one", "/two"] { try account.put("\(top)/sub/file", "f") }
        let cursor = try account.latestCursor()
        try account.delete("/one")
        account.configure { $0.deletesListChildren = true }
        try account.delete("/two")
        #expect(try account.news(cursor) == ["-/one", "-/two", "-/two/sub", "-/two/sub/file"])
    }

    @Test("a move is a deletion and additions, spread over pages, with the same ids")
    func moves() throws {
        try account.put("/from/sub/file", "f")
        let ids = Dictionary(uniqueKeysWithValues: account.tree().map { ($0.path, $0.id) })
        account.configure { $0.pageSize = 1 }
        let cursor = try account.latestCursor()
        try account.move("/from", "/To")
        let first = try account.continueList(cursor)
        #expect(first.short == ["-/from"] && first.hasMore)
        #expect(try account.news(cursor) == ["-/from", "/to/", "/to/sub/", "+/to/sub/file"])
        let after = account.tree()
        #expect(after.map(\.path) == ["/To", "/To/sub", "/To/sub/file"])
        #expect(after.map(\.id) == ["/from", "/from/sub", "/from/sub/file"].map { ids[$0] ?? "" })
    }

    @Test("a move gives files new revisions of the same bytes, or leaves them theirs", arguments: [true, false])
    func revisionsOfMoves(areNew: Bool) throws {
        account.configure { $0.movesMakeRevisions = areNew }
        let before = try account.put("/from/file", "f")
        try account.move("/from", "/to")
        guard case .file(let after) = try account.metadata("/to/file") else {
            Issue.record("the file is gone")
            return
        }
        #expect((after.rev != before.rev) == areNew)
        #expect(after.contentHash == before.contentHash && after.id == before.id)
        #expect(try account.content(of: "rev:\(before.rev)").load() == Array("f".utf8))
    }

    @Test("a move may be listed with the new place first, and children before their folders")
    func otherOrders() throws {
        try account.put("/from/file", "f")
        account.configure { settings in
            settings.movesAddFirst = true
            settings.childrenBeforeParents = true
        }
        let cursor = try account.latestCursor()
        try account.move("/from", "/to")
        #expect(try account.news(cursor) == ["+/to/file", "/to/", "-/from"])
    }

    @Test("a case-only rename is silent, a spelling of a new entry is kept")
    func caseRules() throws {
        try account.put("/Docs/Plan.txt", "1")
        let cursor = try account.latestCursor()
        try account.renameCase("/docs", to: "DOCS")
        #expect(try account.news(cursor) == [])
        try account.put("/docs/plan.TXT", "2")
        try account.put("/dOCs/new", "3")
        #expect(account.tree().map(\.path) == ["/DOCS", "/DOCS/Plan.txt", "/DOCS/new"])
        #expect(throws: AccountError.write(["malformed_path"])) { try account.renameCase("/docs", to: "other") }
    }

    @Test("only the last component of path_display is dependable", arguments: Settings.AncestorCase.allCases)
    func displayCase(_ ancestorCase: Settings.AncestorCase) throws {
        for name in ["A.txt", "B.txt", "C.txt"] { try account.put("/Docs/Sub/\(name)", name) }
        account.configure { $0.ancestorCase = ancestorCase }
        var spellings: Set<String> = []
        for entry in try account.list().entries {
            guard case .file(let file) = entry else { continue }
            #expect(file.pathDisplay.hasSuffix("/" + file.name))
            #expect(Names.lower(file.pathDisplay) == file.pathLower)
            spellings.insert(String(file.pathDisplay.dropLast(file.name.count)))
        }
        switch ancestorCase {
        case .exact: #expect(spellings == ["/Docs/Sub/"])
        case .lower: #expect(spellings == ["/docs/sub/"])
        case .varying: #expect(spellings.count > 1)
        }
    }

    @Test("lower case is that of the server", arguments: [("ÄÖÜ", "äöü"), ("ΣΑΣ", "σασ"), ("Ꙋ", "Ꙋ"), ("İ", "i")])
    func lowerCase(name: String, lower: String) { #expect(Names.lower(name) == lower) }

    @Test("two normal forms of one name are two names")
    func normalForms() throws {
        try account.put("/\u{E9}", "composed")
        try account.put("/e\u{301}", "decomposed")
        #expect(account.entryCount == 2)
    }

    @Test("a tree shared anew is deleted and there again, its ids unchanged")
    func reshare() throws {
        try account.put("/s/file", "f")
        let before = account.tree()
        let cursor = try account.latestCursor()
        try account.reshare("/s")
        #expect(try account.news(cursor) == ["-/s", "/s/", "+/s/file"])
        #expect(account.tree().map(\.id) == before.map(\.id))
        #expect(account.tree().map(\.rev) != before.map(\.rev))
    }

    @Test("a folder takes a file's place and the other way round")
    func replacements() throws {
        try account.put("/x", "file")
        var replica = try Replica(of: account)
        try account.delete("/x")
        try account.put("/x/below", "b")
        try replica.catchUp(with: account)
        #expect(replica.nodes == Replica.truth(account))
        try account.delete("/x")
        try account.put("/x", "file again")
        try replica.catchUp(with: account)
        #expect(replica.nodes == Replica.truth(account))
    }

    @Test("same revision, same bytes, for ever; the same bytes make no new revision")
    func revisions() throws {
        let one = try account.put("/f", "one")
        #expect(try account.put("/F", "one").rev == one.rev)
        let two = try account.put("/f", "two")
        #expect(two.id == one.id && two.rev > one.rev)
        try account.delete("/f")
        let again = try account.put("/f", "two")
        #expect(again.id != two.id && again.rev > two.rev)
        #expect(try account.content(of: "rev:\(one.rev)").load() == Array("one".utf8))
        #expect(try account.content(of: "rev:\(two.rev)").load() == Array("two".utf8))
        #expect(throws: AccountError.lookup("not_found")) { try account.download(two.id) }
    }

    @Test("made-up files can be added while somebody listens")
    func fill() throws {
        account.fill(Seed(files: 20))
        var replica = try Replica(of: account)
        try account.fill(Seed(files: 50, depth: 2), into: "/More/here", isJournaled: true)
        try account.fill(Seed(files: 20), into: "", isJournaled: true)
        try replica.catchUp(with: account)
        #expect(replica.nodes == Replica.truth(account))
        #expect(account.tree().filter(\.isFile).count == 90)
        #expect(account.tree().count == account.entryCount)
    }
}
