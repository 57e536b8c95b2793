import Testing

@testable import Sandbox

@Suite(.timeLimit(.minutes(5)))
struct ExportTests {
    private static func text(_ export: Export) -> String { String(decoding: export.content.load(), as: UTF8.self) }

    @Test("every kind has its formats and names", arguments: OnlineDocument.Kind.allCases)
    func kinds(kind: OnlineDocument.Kind) throws {
        let account = Account()
        let file = try account.put("/Plan.\(kind.ending)", OnlineDocument(kind, text: "t"))
        #expect(!file.traits.isDownloadable && file.contentHash == nil && file.size == 0)
        #expect(throws: AccountError.unsupportedFile) { try account.download("/plan.\(kind.ending)") }
        guard let format = kind.formats.first else {
            #expect(throws: AccountError.export("non_exportable")) { try account.export(file.id) }
            return
        }
        for address in [file.pathLower, file.id, "rev:" + file.rev] {
            let export = try account.export(address)
            #expect(Self.text(export) == "\(format): t" && export.size == Int64("\(format): t".utf8.count))
            #expect(export.hash == contentHash(of: export.content.load()))
            #expect(export.file.rev == file.rev && export.name.hasPrefix("Plan."))
        }
        for format in kind.formats { #expect(Self.text(try account.export(file.id, format: format)) == "\(format): t") }
    }

    @Test("refusals: no document, no export, no such format, not there, restricted")
    func refusals() throws {
        let account = Account()
        try account.put("/file", "f")
        try account.makeFolder("/folder")
        var unknown = FileTraits()
        unknown.isDownloadable = false
        try account.put("/nothing known", .text(""), traits: unknown)
        try account.put("/doc", OnlineDocument(.gdoc))
        var blocked = FileTraits(OnlineDocument(.paper))
        blocked.isRestricted = true
        try account.put("/blocked", .text(""), traits: blocked)
        let expected: [(String, String?, AccountError)] = [
            ("/file", nil, .export("non_exportable")), ("/nothing known", nil, .export("non_exportable")),
            ("/doc", "pdf", .export("invalid_export_format")), ("/folder", nil, .lookup("not_file")),
            ("/none", nil, .lookup("not_found")), ("/blocked", nil, .lookup("restricted_content")),
        ]
        for (path, format, error) in expected {
            #expect(throws: error, "\(path)") { try account.export(path, format: format) }
        }
    }

    @Test("an export that is not ready: so often for each revision, or for ever")
    func notReady() throws {
        let account = Account()
        var document = OnlineDocument(.gsheet, text: "1")
        document.trouble.notReady = 2
        func tries(_ path: String, _ count: Int) -> [Bool] {
            (0..<count).map { _ in (try? account.export(path)) != nil }
        }
        try account.put("/s", document)
        #expect(tries("/s", 4) == [false, false, true, true])
        document.exports["xlsx"] = .text("2")
        try account.put("/s", document)
        #expect(tries("/s", 3) == [false, false, true])
        document.trouble.notReady = nil
        try account.put("/s", document)
        #expect(tries("/s", 20).allSatisfy { !$0 })
        #expect(throws: AccountError.export("retry_error")) { try account.export("/s") }
    }

    @Test("bytes that differ each time are as many as before, and have hashes of their own")
    func differing() throws {
        let account = Account()
        var document = OnlineDocument(.gdoc, text: "d")
        document.trouble.differs = true
        let rev = try account.put("/d", document).rev
        let exports = try (0..<3).map { _ in try account.export("rev:" + rev) }
        #expect(Set(exports.map(Self.text)).count == 3 && Set(exports.map(\.size)).count == 1)
        for export in exports { #expect(export.hash == contentHash(of: export.content.load())) }
        #expect(Set(exports.map(\.file.rev)) == [rev])
    }

    @Test("a document that changes while it is exported answers with its new revision, which cursors hear of")
    func changing() throws {
        let account = Account()
        var document = OnlineDocument(.paper, text: "p")
        document.trouble.changes = 1
        let rev = try account.put("/p", document).rev
        let cursor = try account.latestCursor()
        let export = try account.export("rev:" + rev)
        #expect(export.file.rev != rev && Self.text(export) != "markdown: p")
        guard case .file(let now) = try account.continueList(cursor).entries.first else {
            Issue.record("no entry of the document")
            return
        }
        #expect(now.rev == export.file.rev)
        #expect(Self.text(try account.export("rev:" + now.rev)) == Self.text(export))
        #expect(Self.text(try account.export("rev:" + rev)) == "markdown: p")
    }

    @Test("old revisions: as they were, or what the document is now")
    func oldRevisions() throws {
        let account = Account()
        let old = try account.put("/p", OnlineDocument(.paper, text: "old"))
        let new = try account.put("/p", OnlineDocument(.paper, text: "new"))
        #expect(old.rev != new.rev && old.id == new.id)
        #expect(Self.text(try account.export("rev:" + old.rev)) == "markdown: old")
        account.configure { $0.exportsNewestRevision = true }
        let export = try account.export("rev:" + old.rev)
        #expect(Self.text(export) == "markdown: new" && export.file.rev == new.rev)
    }

    @Test("a seed has documents of every kind; the same seed has the same")
    func seeded() throws {
        var seed = Seed(files: 3)
        seed.documents = 12
        let trees = (0..<2).map { _ in Account(seed: seed).tree() }
        let kinds = trees[0].compactMap(\.traits.document?.kind)
        #expect(kinds.count == 12 && Set(kinds) == Set(OnlineDocument.Kind.allCases))
        #expect(trees[0] == trees[1])
        let account = Account(seed: seed)
        #expect(try account.list().entries.count == account.entryCount)
    }

    /// One call over a connection of its own.
    private static func call(
        _ document: OnlineDocument, _ argument: String = #"{"path":"/d.gdoc"}"#, fault: Fault.Effect? = nil,
        scopes: [String]? = nil
    ) async throws -> RawClient.Response {
        let account = Account()
        try account.put("/d.gdoc", document)
        try account.put("/file", "f")
        let server = SandboxServer(account: account)
        let port = try await server.start()
        if let fault { server.faults.add(Fault(fault, endpoint: "files/export")) }
        let token = scopes.map { server.tokens.issue(scopes: $0).access } ?? Tokens.standing
        let lines = [
            "POST /2/files/export HTTP/1.1", "Host: x", "Connection: close", "Authorization: Bearer \(token)",
            "Dropbox-API-Arg: \(argument)", "Content-Length: 0", "", "",
        ]
        let response = await RawClient.exchange(port: port, lines.joined(separator: "\r\n"))
        await server.stop()
        return response
    }

    @Test("the result names the export and the document")
    func answer() async throws {
        let response = try await Self.call(OnlineDocument(.gdoc, text: "words"))
        let result = try JSON.parse(try #require(response.headers["dropbox-api-result"]))
        #expect(response.status == 200 && response.text == "docx: words")
        #expect(result["export_metadata"]?["name"] == "d.docx" && result["export_metadata"]?["size"] == 11)
        #expect(result["export_metadata"]?["export_hash"]?.string == contentHash(of: response.body))
        #expect(result["file_metadata"]?["path_lower"] == "/d.gdoc")
        #expect(result["file_metadata"]?["export_info"]?["export_as"] == "docx")
    }

    @Test(
        "refusals",
        arguments: [
            (#"{"path":"/d.gdoc","export_format":"pdf"}"#, 409, "invalid_export_format/"),
            (#"{"path":"/file"}"#, 409, "non_exportable/"), (#"{"path":"/none"}"#, 409, "path/not_found/"),
            (#"{"path":"/d.gdoc","format":"pdf"}"#, 400, "unknown field"), (#"{"path":""}"#, 400, "root folder"),
        ])
    func refusal(argument: String, status: Int, text: String) async throws {
        let response = try await Self.call(OnlineDocument(.gdoc), argument)
        #expect(response.status == status && response.text.contains(text), "\(response.text)")
    }

    @Test("not ready, and without the scope")
    func notYet() async throws {
        var document = OnlineDocument(.gdoc)
        let response = try await Self.call(document, scopes: ["files.metadata.read"])
        #expect(response.status == 401 && response.text.contains("missing_scope"))
        document.trouble.notReady = nil
        let second = try await Self.call(document)
        #expect(second.status == 409 && second.text.contains("retry_error/"))
    }

    @Test("the end of the bytes: a length, a last chunk, or nothing but the end", arguments: BodyEnd.allCases)
    func ends(end: BodyEnd) async throws {
        var document = OnlineDocument(.gdoc, text: "words")
        document.trouble.end = end
        let whole = try await Self.call(document)
        let cut = try await Self.call(document, fault: .cut(after: 4, isReset: false))
        #expect((whole.headers["content-length"] == "11") == (end == .length))
        #expect((whole.headers["transfer-encoding"] == "chunked") == (end == .chunk))
        #expect(whole.text == (end == .chunk ? "b\r\ndocx: words\r\n0\r\n\r\n" : "docx: words"))
        #expect(cut.text == (end == .chunk ? "4\r\ndocx\r\n" : "docx"))
    }

    @Test(
        "names that no client may believe",
        arguments: ["../../x", "/etc/passwd", "a\u{0}b", String(repeating: "n", count: 300), ""])
    func hostileNames(name: String) async throws {
        var document = OnlineDocument(.gdoc)
        document.trouble.name = name
        document.trouble.hash = .wrong
        let response = try await Self.call(document)
        let result = try JSON.parse(try #require(response.headers["dropbox-api-result"]))
        #expect(result["export_metadata"]?["name"]?.string == name)
        #expect(result["export_metadata"]?["export_hash"]?.string != contentHash(of: response.body))
    }
}
