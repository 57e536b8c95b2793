import Dropbox
import SyncModel
import Testing
import Transport

/// Pages of `list_folder` as changes.
struct ListingTests {
    private static let hex = String(repeating: "ab", count: 32)

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
                .unavailable(name: Self.name, .notDownloadable, rev: version.rev)
            ),
            (
                Self.file(#""symlink_info":{"target":"../x"}"#),
                .unavailable(name: Self.name, .symbolicLink(target: "../x"), rev: version.rev)
            ),
            (
                Self.file(without: "content_hash"),
                .unavailable(name: Self.name, .noContentHash, rev: version.rev)
            ),
        ]
        for (entry, node) in table {
            let page = try await Bench(.answer(200, Self.page(entry, more: true))).client.changes(since: nil)
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
        let page = try await Bench(.answer(200, Self.page(entries))).client.changes(since: nil)
        #expect(
            page.changes == [
                .put(RemoteKey("/a"), .folder(name: FileName("A")), parents: []),
                .put(
                    RemoteKey("/a/b"), .unavailable(name: FileName("B"), .noAccess, rev: nil), parents: [FileName("a")]),
                .deleted(RemoteKey("/c")),
            ])
        #expect(page.passedOver == [])
    }

    @Test("keys are relative to the mirrored folder, whose own entry is no change")
    func remoteRoot() async throws {
        let entries = #"""
            {".tag":"folder","name":"Docs","path_lower":"/docs","path_display":"/Docs","id":"id:1"},
            {".tag":"deleted","name":"x","path_lower":"/docs/y/x","path_display":"/Docs/Y/x"},
            {".tag":"deleted","name":"q","path_lower":"","path_display":""}
            """#
        let bench = Bench(.answer(200, Self.page(entries)), remoteRoot: "/Docs/")
        let page = try await bench.client.changes(since: nil)
        #expect(page.changes == [.deleted(RemoteKey("/y/x"))])
        #expect(page.passedOver.count == 1)
        #expect(page.rootNews == .gone)
        #expect(try bodies(bench.transport.requests)[0].contains(#""path":"/Docs""#))
    }

    @Test("what a page says of the mirrored folder itself is told apart")
    func rootNews() async throws {
        func entry(_ tag: String, _ path: String) -> String {
            let file = #""rev":"1","size":1,"client_modified":"2020-01-01T00:00:00Z""#
            return #"{".tag":"\#(tag)","name":"x","path_lower":"\#(path)","id":"id:1",\#(file)}"#
        }
        let cases: [(String, RootNews?)] = [
            (entry("folder", "/a/docs"), nil), (entry("deleted", "/a/docs"), .gone), (entry("file", "/a/docs"), .gone),
            (entry("deleted", "/a"), .gone), (entry("folder", "/a"), nil), (entry("deleted", "/a/docs/b"), nil),
            (entry("deleted", "/a/doc/b"), .strayed), (entry("file", "/a/docsy/b/c"), .strayed),
            (entry("file", "/z/docs/b") + "," + entry("deleted", "/a/docs"), .gone),
            (entry("deleted", "/a/docs") + "," + entry("file", "/z/docs/b"), .gone),
            (entry("deleted", "x"), nil), (entry("deleted", "/a/docs/b") + "," + entry("folder", "/a/docs"), nil),
        ]
        for (entries, news) in cases {
            let bench = Bench(.answer(200, Self.page(entries)), remoteRoot: "/A/Docs", rootKey: "/a/docs")
            let page = try await bench.client.changes(since: Cursor("C"))
            #expect(page.rootNews == news, "\(entries)")
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
        let bench = Bench(.failure(.tooLarge), .failure(.tooLarge), .answer(200, Self.page("")))
        _ = try await bench.client.changes(since: nil)
        #expect(try limits(bench.transport) == ["1000", "250", "62"])
        _ = try await bench.client.changes(since: nil)
        #expect(try limits(bench.transport) == ["1000", "250", "62", "62"])
    }

    @Test("pages that stay too large end the pass, with the endpoint in the error")
    func endlessPage() async throws {
        let bench = Bench(.failure(.tooLarge))
        let error = try await refusal { _ = try await bench.client.changes(since: nil) }
        #expect(try limits(bench.transport) == ["1000", "250", "62", "16"])
        #expect(error?.code == .answerTooLarge && error?.disposition == .pass)
        #expect(error?.description.hasPrefix("files/list_folder: ") == true)
        #expect(error?.hint?.contains("account.proxy") == true)
    }

    @Test("a later page that is too large twice needs another cursor, of a listing in smaller pages")
    func largeLaterPage() async throws {
        let bench = Bench(.failure(.tooLarge), .answer(200, Self.page("")), .failure(.tooLarge))
        _ = try await bench.client.changes(since: Cursor("C"))
        #expect(bench.transport.requests.count == 2)
        let error = try await refusal { _ = try await bench.client.changes(since: Cursor("C")) }
        #expect(bench.transport.requests.count == 4)
        #expect(error?.disposition == .cursorReset)
        #expect(error?.description.contains("the next try asks for smaller pages, of 250 entries") == true)
        _ = try await refusal { _ = try await bench.client.changes(since: nil) }
        #expect(try limits(bench.transport)[4...] == ["250", "62", "16"])
    }

    @Test("what is not known yet is passed over, told once, and stops nothing")
    func passedOver() async throws {
        let entries = #"""
            {".tag":"sprocket","teeth":[3,5]},{".tag":"sprocket"},{".tag":"gizmo","path_lower":"/g"},
            {".tag":"folder","name":"n","path_lower":null,"id":"id:9"},
            {".tag":"deleted","name":"x","path_lower":"x"},{".tag":"deleted","name":"x","path_lower":"/a//x"},
            {".tag":"deleted","name":"c","path_lower":"/c"}
            """#
        let bench = Bench(.answer(200, Self.page(entries)))
        let first = try await bench.client.changes(since: nil)
        #expect(first.changes == [.deleted(RemoteKey("/c"))])
        #expect(
            first.passedOver == [
                #"an entry of the unknown kind "sprocket""#, #"an entry of the unknown kind "gizmo""#,
                "an entry that is not mounted", #"an entry with the path "x", which is none"#,
                #"an entry with the path "/a//x", which is none"#,
            ])
        let second = try await bench.client.changes(since: first.cursor)
        #expect(second.changes == first.changes)
        #expect(second.passedOver == [])
    }

    @Test("a page with a broken entry is refused whole, naming endpoint, field and request")
    func broken() async throws {
        let table: [(body: String, complaint: String)] = [
            (Self.page(Self.file(without: "rev")), "the field entries.[0].rev is missing"),
            (Self.page(Self.file(without: "size")), "the field entries.[0].size is missing"),
            (Self.page(Self.file(without: "name")), "the field entries.[0].name is missing"),
            (Self.page(Self.file(without: "path_lower")), "the field entries.[0].path_lower is missing"),
            (Self.page(Self.file(without: "client_modified")), "the field entries.[0].client_modified is missing"),
            (Self.page(Self.file(without: ".tag")), "the field entries.[0]..tag is missing"),
            (
                Self.page(Self.file(#""size":-1"#, without: "size")), "the field entries.[0].size is not valid"
            ),
            (
                Self.page(Self.file(#""size":"5""#, without: "size")), "the field entries.[0].size is not a Int64"
            ),
            (
                Self.page(Self.file(#""content_hash":"abc""#, without: "content_hash")),
                "the field entries.[0].content_hash is not valid"
            ),
            (
                Self.page(Self.file(#""client_modified":"yesterday""#, without: "client_modified")),
                "the field entries.[0].client_modified is not valid"
            ),
            (#"{"entries":[],"has_more":false}"#, "the field cursor is missing"),
            (#"{"entries":[],"cursor":"C"}"#, "the field has_more is missing"),
            (#"{"cursor":"C","has_more":false}"#, "the field entries is missing"),
            ("<html>", "not valid JSON"), ("", "not valid JSON"), (Self.page("").dropLast(9) + "", "not valid JSON"),
        ]
        for (body, complaint) in table {
            let bench = Bench(.answer(200, body, headers: ["X-Dropbox-Request-Id": "r123"]))
            let error = try await refusal { _ = try await bench.client.changes(since: Cursor("C0")) }
            #expect(
                error?.description
                    == "files/list_folder/continue: the answer is not usable: \(complaint) (request r123)")
            #expect(error?.disposition == .retry(after: nil))
            #expect(error?.code == .malformedAnswer)
        }
    }

    @Test("the two calls are made as the API wants them")
    func requests() async throws {
        let bench = Bench(
            ScriptedTransport(.answer(200, emptyPage)), pathRoot: .root("81923"),
            settings: CallSettings(pageLimit: 9999))
        _ = try await bench.client.changes(since: nil)
        _ = try await bench.client.changes(since: Cursor("C \"1\" ü"))
        let requests = bench.transport.requests
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
}
