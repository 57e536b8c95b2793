import Dropbox
import SyncModel
import Testing
import Transport

/// Pages of `list_folder` as changes.
@Suite(.timeLimit(.minutes(5)))
struct ListingTests {
    private static let hex = String(repeating: "ab", count: 32)

    private static func document(_ formats: ExportFormats, _ version: FileVersion) -> RemoteNode {
        let document = OnlineDocument(name: name, rev: version.rev, modified: version.modified, formats: formats)
        return .unavailable(name: name, .document(document, nil), rev: version.rev)
    }

    private static func file(_ extra: String = "", without: String = "") -> String {
        let fields = [
            #"".tag":"file""#, #""name":"Plan.txt""#, #""path_lower":"/docs/q3/plan.txt""#,
            #""path_display":"/Docs/Q3/Plan.txt""#, #""id":"id:1""#, #""client_modified":"2024-03-01T09:30:00Z""#,
            #""server_modified":"2024-03-01T09:30:04Z""#, #""rev":"6129f0c3a""#, #""size":5"#,
            #""content_hash":"\#(hex)""#, #""novelty":{"a":[1,null]}"#,
        ]
        return "{"
            + (fields.filter { without.isEmpty || !$0.hasPrefix("\"\(without)\"") } + [extra])
            .filter { !$0.isEmpty }.joined(separator: ",") + "}"
    }

    private static let name = FileName("Plan.txt")
    private static let version = ContentHash(hex: hex).map {
        FileVersion(rev: Rev("6129f0c3a"), size: 5, hash: $0, modified: Timestamp(seconds: 1_709_285_400))
    }

    private static func page(_ entries: String, more: Bool = false) -> String {
        #"{"entries":[\#(entries)],"cursor":"C1","has_more":\#(more),"new_field":0}"#
    }

    @Test("every kind of entry becomes its change")
    func kinds() async throws {
        let version = try #require(Self.version)
        let table: [(entry: String, node: RemoteNode)] = [
            (Self.file(), .file(name: Self.name, version)),
            (Self.file(#""is_downloadable":true"#), .file(name: Self.name, version)),
            (
                Self.file(#""is_downloadable":false"#, without: "content_hash"),
                Self.document(ExportFormats(), version)
            ),
            (
                Self.file(
                    #""is_downloadable":false,"export_info":{"export_as":"html","export_options":["markdown","html"]}"#),
                Self.document(ExportFormats(exportAs: "html", options: ["markdown"]), version)
            ),
            (
                Self.file(#""is_downloadable":false,"export_info":{"export_options":null,"x":[{}]}"#),
                Self.document(ExportFormats(), version)
            ),
            (
                Self.file(#""symlink_info":{"target":"../x"}"#),
                .unavailable(
                    name: Self.name,
                    .symbolicLink(SymbolicLink(target: "../x", rev: version.rev, modified: version.modified), nil),
                    rev: version.rev)
            ),
            (
                Self.file(without: "content_hash"),
                .unavailable(name: Self.name, .noContentHash, rev: version.rev)
            ),
        ]
        for (entry, node) in table {
            let page = try await MirrorFixture(.answer(200, Self.page(entry, more: true))).client.changes(since: nil)
            let change = RemoteChange.put(
                RemoteKey("/docs/q3/plan.txt"), node, parents: [FileName("Docs"), FileName("Q3")])
            #expect(page == ChangePage(changes: [change], cursor: Cursor("C1"), hasMore: true), "\(entry)")
        }
    }

    @Test("folders, deletions and folders without access")
    func others() async throws {
        let entries = #"""
            {".tag":"folder","name":"A","path_lower":"/a","path_display":"/A","id":"id:2"},
            {".tag":"folder","name":"B","path_lower":"/a/b","id":"id:3","sharing_info":{"read_only":true,"no_access":true}},
            {".tag":"deleted","name":"c","path_lower":"/c","path_display":"/c"}
            """#
        let page = try await MirrorFixture(.answer(200, Self.page(entries))).client.changes(since: nil)
        #expect(
            page.changes == [
                .put(RemoteKey("/a"), .folder(name: FileName("A")), parents: []),
                .put(
                    RemoteKey("/a/b"), .unavailable(name: FileName("B"), .noAccess, rev: nil), parents: [FileName("a")]),
                .deleted(RemoteKey("/c")),
            ])
        #expect(page.skipped == [])
    }

    @Test("folders that are shared are told with their ids; an id that is none makes no entry unreadable")
    func sharedFolders() async throws {
        func folder(_ name: String, _ sharing: String) -> String {
            #"{".tag":"folder","name":"\#(name)","path_lower":"/p/\#(name)","id":"id:1","sharing_info":\#(sharing)}"#
        }
        let entries = [
            folder("a", #"{"read_only":false,"shared_folder_id":"9001"}"#),
            folder("b", #"{"shared_folder_id":"9002","no_access":true,"parent_shared_folder_id":"9001"}"#),
            folder("c", #"{"read_only":true,"parent_shared_folder_id":"9001"}"#),
            folder("d", #"{"shared_folder_id":9003}"#), folder("e", #"{"shared_folder_id":null}"#),
            folder("f", #"{"shared_folder_id":{"x":["\ud800"]}}"#), folder("g", "null"),
            #"{".tag":"deleted","name":"h","path_lower":"/p/h","sharing_info":{"shared_folder_id":"9004"}}"#,
        ]
        let fixture = MirrorFixture(.answer(200, Self.page(entries.joined(separator: ","))), remoteRoot: "/P")
        let page = try await fixture.client.changes(since: nil)
        #expect(page.shared == [RemoteKey("/a"): "9001", RemoteKey("/b"): "9002"])
        #expect(page.changes.count == 8 && page.unreadable == 1, "\(page)")
    }

    @Test("keys are relative to the mirrored folder, whose own entry is no change")
    func remoteRoot() async throws {
        let entries = #"""
            {".tag":"folder","name":"Docs","path_lower":"/docs","path_display":"/Docs","id":"id:1"},
            {".tag":"deleted","name":"x","path_lower":"/docs/y/x","path_display":"/Docs/Y/x"},
            {".tag":"deleted","name":"q","path_lower":"","path_display":""}
            """#
        let fixture = MirrorFixture(.answer(200, Self.page(entries)), remoteRoot: "/Docs/")
        let page = try await fixture.client.changes(since: nil)
        #expect(page.changes == [.deleted(RemoteKey("/y/x"))])
        #expect(page.skipped.count == 1)
        #expect(page.rootChange == .gone)
        #expect(try bodies(fixture.transport.requests)[0].contains(#""path":"/Docs""#))
    }

    @Test("what a page says of the mirrored folder itself is told apart")
    func rootChange() async throws {
        func entry(_ tag: String, _ path: String) -> String {
            let file = #""rev":"1","size":1,"client_modified":"2020-01-01T00:00:00Z""#
            return #"{".tag":"\#(tag)","name":"x","path_lower":"\#(path)","id":"id:1",\#(file)}"#
        }
        let cases: [(String, RootChange?)] = [
            (entry("folder", "/a/docs"), nil), (entry("deleted", "/a/docs"), .gone), (entry("file", "/a/docs"), .gone),
            (entry("deleted", "/a"), .gone), (entry("folder", "/a"), nil), (entry("deleted", "/a/docs/b"), nil),
            (entry("deleted", "/a/doc/b"), .strayed), (entry("file", "/a/docsy/b/c"), .strayed),
            (entry("file", "/z/docs/b") + "," + entry("deleted", "/a/docs"), .gone),
            (entry("deleted", "/a/docs") + "," + entry("file", "/z/docs/b"), .gone),
            (entry("deleted", "x"), nil), (entry("sprocket", "/a/docs"), nil),
            (entry("deleted", "/a/docs/b") + "," + entry("folder", "/a/docs"), nil),
        ]
        for (entries, news) in cases {
            let fixture = MirrorFixture(.answer(200, Self.page(entries)), remoteRoot: "/A/Docs", rootKey: "/a/docs")
            let page = try await fixture.client.changes(since: Cursor("C"))
            #expect(page.rootChange == news, "\(entries)")
            #expect(page.changes.count == (entries.contains("/a/docs/b") ? 1 : 0), "\(entries)")
        }
    }

    // MARK: Pages that are too large

    private func limits(_ transport: ScriptedTransport) throws -> [String] {
        try bodies(transport.requests).map { body in
            body.split(separator: ",").first { $0.contains("limit") }.map { $0.filter(\.isNumber) } ?? "none"
        }
    }

    @Test("a first page that is too large is asked for again with fewer entries, and so is every later listing")
    func largeFirstPage() async throws {
        let fixture = MirrorFixture(.failure(.tooLarge), .failure(.tooLarge), .answer(200, Self.page("")))
        _ = try await fixture.client.changes(since: nil)
        #expect(try limits(fixture.transport) == ["1000", "250", "62"])
        _ = try await fixture.client.changes(since: nil)
        #expect(try limits(fixture.transport) == ["1000", "250", "62", "62"])
    }

    @Test("pages that stay too large end the pass, with the endpoint in the error")
    func endlessPage() async throws {
        let fixture = MirrorFixture(.failure(.tooLarge))
        let error = try await refusal { _ = try await fixture.client.changes(since: nil) }
        #expect(try limits(fixture.transport) == ["1000", "250", "62", "16"])
        #expect(error?.code == .answerTooLarge && error?.disposition == .abortPass)
        #expect(error?.description.hasPrefix("files/list_folder: ") == true)
        #expect(error?.hint?.contains("account.proxy") == true)
    }

    @Test("a later page that is too large twice needs another cursor, of a listing in smaller pages")
    func largeLaterPage() async throws {
        let fixture = MirrorFixture(.failure(.tooLarge), .answer(200, Self.page("")), .failure(.tooLarge))
        _ = try await fixture.client.changes(since: Cursor("C"))
        #expect(fixture.transport.requests.count == 2)
        let error = try await refusal { _ = try await fixture.client.changes(since: Cursor("C")) }
        #expect(fixture.transport.requests.count == 4)
        #expect(error?.disposition == .cursorReset)
        #expect(error?.description.contains("the next try asks for smaller pages, of 250 entries") == true)
        _ = try await refusal { _ = try await fixture.client.changes(since: nil) }
        #expect(try limits(fixture.transport)[4...] == ["250", "62", "16"])
    }

    @Test("a page that is no page is refused, naming endpoint, fault and request")
    func broken() async throws {
        let table: [(body: String, complaint: String)] = [
            (#"{"entries":[],"has_more":false}"#, "the field cursor is missing"),
            (#"{"entries":[],"cursor":7,"has_more":false}"#, "the field cursor is not a text"),
            (#"{"entries":[],"cursor":"a","cursor":"b","has_more":false}"#, "the field cursor occurs twice"),
            (#"{"entries":[],"cursor":"\ud800","has_more":false}"#, "it contains half a surrogate pair"),
            (#"{"entries":[],"cursor":"C"}"#, "the field has_more is missing"),
            (#"{"entries":[],"cursor":"C","has_more":0}"#, "the field has_more is neither true nor false"),
            (#"{"cursor":"C","has_more":false}"#, "the field entries is missing"),
            (#"{"entries":{},"cursor":"C","has_more":false}"#, "the field entries is not a list"),
            (#"{"entries":[,"cursor":"C","has_more":false}"#, "it is not JSON from byte 12 on"),
            (#"{"entries":[{"a":[}],"cursor":"C","has_more":false}"#, "it is not JSON from byte 18 on"),
            ("[]", "the document is not an object"), ("null", "the document is not an object"),
            ("<html>", "it is not JSON from byte 0 on"), ("", "it ends too early"),
            (Self.page("").dropLast(9) + "", "it ends too early"),
            (Self.page("") + "x", "it is not JSON from byte 59 on"),
        ]
        for (body, complaint) in table {
            let fixture = MirrorFixture(.answer(200, body, headers: ["X-Dropbox-Request-Id": "r123"]))
            let error = try await refusal { _ = try await fixture.client.changes(since: Cursor("C0")) }
            #expect(
                error?.description
                    == "files/list_folder/continue: the answer is not usable: \(complaint) (request r123)")
            #expect(error?.disposition == .retry(after: nil))
            #expect(error?.code == .malformedAnswer)
        }
    }

    @Test("a page with entries that cannot be read is asked for once more: they may have been damaged on their way")
    func rereading() async throws {
        func page(_ entries: String...) -> ScriptedTransport.Reply {
            .answer(200, Self.page(entries.joined(separator: ",")))
        }
        let (bad, good) = (Self.file(without: "size"), Self.file())
        let healed = MirrorFixture(page(bad, good), page(good, good), page("null"), page(), page(bad), .answer(500))
        #expect(try await healed.client.changes(since: nil).unreadable == 0)
        #expect(try await healed.client.changes(since: nil).unreadable == 0)
        #expect(try await healed.client.changes(since: nil).unreadable == 1, "what was there first counts")
        let lasting = MirrorFixture(page(bad, "null", good))
        for requests in [2, 4, 6, 7, 8] {
            let page = try await lasting.client.changes(since: Cursor("C"))
            #expect(page.unreadable == 2 && page.changes.count == 2)
            #expect(
                lasting.transport.requests.count == requests, "it is not asked again and again where that is of no use")
        }
    }

    @Test("the two calls are made as the API wants them")
    func requests() async throws {
        let fixture = MirrorFixture(
            ScriptedTransport(.answer(200, emptyPage)), pathRoot: .root("81923"),
            settings: CallSettings(pageLimit: 9999))
        _ = try await fixture.client.changes(since: nil)
        _ = try await fixture.client.changes(since: Cursor("C \"1\" ü"))
        let requests = fixture.transport.requests
        #expect(
            requests.map(\.url) == [
                "https://server/2/files/list_folder", "https://server/2/files/list_folder/continue",
            ])
        #expect(
            try bodies(requests) == [
                #"{"path":"","recursive":true,"include_deleted":false,"include_mounted_folders":true,"#
                    + #""include_non_downloadable_files":true,"limit":2000}"#,
                #"{"cursor":"C \"1\" \u00fc"}"#,
            ])
        for request in requests {
            #expect(request.header("Content-Type") == "application/json")
            #expect(request.header("Authorization") == "Bearer T0")
            #expect(request.header("Dropbox-API-Path-Root") == #"{".tag":"root","root":"81923"}"#)
            #expect(request.acceptsCompression)
            #expect(request.timeout != nil)
        }
    }

    @Test("parts are asked for by path; what stands there no more is no part") func parts() async throws {
        func refusal(_ tag: String) -> ScriptedTransport.Reply {
            let error = #"{".tag":"path","path":{".tag":"\#(tag)"}}"#
            return .answer(409, #"{"error_summary":"path/\#(tag)/..","error":\#(error)}"#)
        }
        let (gone, other) = (refusal("not_found"), refusal("restricted_content"))
        let page = ScriptedTransport.Reply.answer(200, emptyPage)
        let fixture = MirrorFixture(
            .answer(200, #"{"cursor":"L"}"#), page, page, gone, gone, other, gone, remoteRoot: "/M")
        let client = fixture.client
        let folder = RemoteKey("/a")
        let part = ListingPart(folder, isRecursive: true)
        #expect(try await client.latestCursor() == Cursor("L"))
        #expect(try await client.list(part) != nil)
        #expect(try await client.list(ListingPart(.root, isRecursive: false)) != nil)
        #expect(try await client.list(part) == nil)
        #expect(try await client.list(ListingPart(folder, isRecursive: true, cursor: Cursor("C"))) == nil)
        let refused = try await DropboxTests.refusal { _ = try await client.list(part) }
        #expect(refused?.disposition == .skipItem)
        let lost = try await DropboxTests.refusal { _ = try await client.list(ListingPart(.root, isRecursive: false)) }
        #expect(lost?.disposition == .sourceGone)
        let options =
            #""include_deleted":false,"include_mounted_folders":true,"#
            + #""include_non_downloadable_files":true,"limit":1000}"#
        #expect(
            try Array(bodies(fixture.transport.requests).prefix(3)) == [
                #"{"path":"/M","recursive":true,\#(options)"#, #"{"path":"/M/a","recursive":true,\#(options)"#,
                #"{"path":"/M","recursive":false,\#(options)"#,
            ])
        #expect(fixture.transport.requests[0].url == "https://server/2/files/list_folder/get_latest_cursor")
    }
}
