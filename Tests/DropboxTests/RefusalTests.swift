import Dropbox
import SyncModel
import Testing
import Transport

/// What each refusal of the server comes to.
@Suite(.timeLimit(.minutes(5)))
struct RefusalTests {
    enum Operation: String, Sendable { case list, more, metadata, download, longpoll, account }

    struct Case: Sendable, CustomTestStringConvertible {
        var operation: Operation
        var status: Int
        var body: String
        var code: DropboxError.Code
        var disposition: Disposition
        var summary: String?
        init(
            _ operation: Operation, _ status: Int, _ body: String, _ code: DropboxError.Code,
            _ disposition: Disposition,
            _ summary: String? = nil
        ) {
            (self.operation, self.status, self.body) = (operation, status, body)
            (self.code, self.disposition, self.summary) = (code, disposition, summary)
        }
        var testDescription: String { "\(operation) \(status) \(body)" }
    }

    private static func path(_ tag: String) -> String {
        #"{"error_summary":"path/\#(tag)/..","error":{".tag":"path","path":{".tag":"\#(tag)"}}}"#
    }
    private static func tag(_ tag: String) -> String { #"{"error":{".tag":"\#(tag)"},"error_summary":"\#(tag)/"}"# }
    private static let text = #"Error in call to API function "x": request body: no"#

    static let cases: [Case] = [
        Case(.list, 409, path("not_found"), .refused, .sourceGone, "path/not_found"),
        Case(.list, 409, path("not_folder"), .refused, .sourceGone, "path/not_folder"),
        Case(.list, 409, tag("other"), .refused, .abortPass, "other"),
        Case(.list, 400, text, .badRequest, .abortPass),
        Case(.more, 409, tag("reset"), .refused, .cursorReset, "reset"),
        Case(.more, 409, tag("other"), .refused, .cursorReset, "other"),
        Case(.more, 409, path("not_found"), .refused, .sourceGone, "path/not_found"),
        Case(.more, 400, text, .badRequest, .cursorReset),
        Case(.longpoll, 409, tag("reset"), .refused, .cursorReset, "reset"),
        Case(.longpoll, 400, text, .badRequest, .cursorReset),
        Case(.longpoll, 500, "", .server, .retry(after: nil)),
        Case(.download, 409, path("not_found"), .refused, .skipItem, "path/not_found"),
        Case(.download, 409, path("restricted_content"), .refused, .parked, "path/restricted_content"),
        Case(.download, 409, tag("unsupported_file"), .refused, .parked, "unsupported_file"),
        Case(
            .download, 409, #"{"error":{".tag":"range","range":{".tag":"not_satisfiable"}}}"#, .rangeRefused, .skipItem,
            "range/not_satisfiable"),
        Case(.download, 416, "", .rangeRefused, .skipItem),
        Case(.download, 400, text, .badRequest, .skipItem),
        Case(.download, 403, tag("no_permission"), .accessDenied, .skipItem, "no_permission"),
        Case(.download, 403, "<html>", .accessDenied, .skipItem),
        Case(.download, 404, "", .unexpectedStatus, .skipItem),
        Case(.download, 451, "", .unexpectedStatus, .skipItem),
        Case(.account, 403, tag("invalid_account_type"), .accessDenied, .signedOut, "invalid_account_type"),
        Case(.account, 403, "<html>blocked</html>", .unexpectedStatus, .abortPass),
        Case(.more, 400, "\r\n <html>", .unexpectedStatus, .abortPass),
        Case(.metadata, 409, path("not_found"), .refused, .skipItem, "path/not_found"),
        Case(.metadata, 404, "<html>", .unexpectedStatus, .abortPass),
        Case(.metadata, 302, "", .unexpectedStatus, .abortPass),
        Case(.account, 422, tag("invalid_root"), .pathRoot, .sourceGone, "invalid_root"),
        Case(.account, 422, tag("no_permission"), .pathRoot, .sourceGone, "no_permission"),
        Case(.account, 401, tag("user_suspended"), .signIn, .signedOut, "user_suspended"),
        Case(.account, 401, "", .signIn, .abortPass),
        Case(.account, 401, "<html>log in to the network</html>", .signIn, .abortPass),
        Case(
            .account, 401, #"{"error":{".tag":"missing_scope","required_scope":"files.content.read"}}"#,
            .missingScope("files.content.read"), .signedOut, "missing_scope"),
        Case(.account, 408, "", .server, .retry(after: nil)),
        Case(.account, 502, "<html>bad gateway</html>", .server, .retry(after: nil)),
        Case(.account, 409, tag("internal_error"), .server, .retry(after: nil), "internal_error"),
        Case(
            .account, 409, tag("too_many_write_operations"), .rateLimited, .unreachable,
            "too_many_write_operations"),
        Case(.account, 409, "\u{FF}not json", .refused, .skipItem),
    ]

    @Test("status, tags and the kind of call decide", arguments: cases)
    func refusals(_ given: Case) async throws {
        let settings = CallSettings(attempts: 1, pausePatience: .seconds(1))
        let reply = ScriptedTransport.Reply.answer(given.status, given.body, headers: ["x-dropbox-request-id": "r9"])
        let fixture = MirrorFixture(reply, settings: settings)
        let version = FileVersion(rev: Rev("a1"), size: 3, hash: hash(of: "abc"), modified: Timestamp(seconds: 0))
        let error = try await refusal {
            switch given.operation {
            case .list: _ = try await fixture.client.changes(since: nil)
            case .more: _ = try await fixture.client.changes(since: Cursor("C"))
            case .metadata: _ = try await fixture.client.metadata(of: "/x")
            case .download: try await fixture.client.download(version, into: MemorySink())
            case .longpoll: _ = try await fixture.client.awaitChange(after: Cursor("C"), for: .seconds(60))
            case .account: _ = try await fixture.client.account()
            }
        }
        let found = try #require(error)
        #expect(found.code == given.code)
        #expect(found.disposition == given.disposition)
        #expect(found.summary == given.summary)
        #expect(found.status == given.status)
        #expect(found.requestID == "r9")
        #expect(found.description.hasSuffix("(request r9)") || found.hint != nil)
        #expect(fixture.transport.requests.count == 1)
    }

    @Test("another path root is named, with what to do about it")
    func newRoot() async throws {
        func info(_ root: String) -> String {
            #"{"error_summary":"invalid_root/..","error":{".tag":"invalid_root","invalid_root":{".tag":"team","#
                + #""root_namespace_id":"\#(root)","home_namespace_id":"70011","home_path":"/Ana"}}}"#
        }
        let cases = [
            (info("81924"), ["invalid_root", "namespace 81924", "account.team_space = true", "dbxsync auth"]),
            (info("70011"), ["invalid_root", "no team space any more", "70011", "account.team_space = false"]),
            (Self.tag("no_permission"), ["no_permission", "account.team_space = false", "dbxsync auth"]),
            ("<html>", ["no reason given", "account.team_space = false", "dbxsync auth"]),
        ]
        for (body, words) in cases {
            let error = try await refusal { _ = try await MirrorFixture(.answer(422, body)).client.changes(since: nil) }
            let text = error?.description ?? ""
            #expect(error?.disposition == .sourceGone)
            for word in words + ["nothing is removed"] { #expect(text.contains(word), "\(text)") }
        }
    }

    @Test("a namespace that may not be seen is named, with what to do about it")
    func lostNamespace() async throws {
        let transport = ScriptedTransport { _, _ in .answer(422, Self.tag("no_permission")) }
        let client = MirrorFixture(transport, pathRoot: .namespace("84528192421")).client
        let error = try await refusal { _ = try await client.changes(since: nil) }
        let text = error?.description ?? ""
        #expect(error?.disposition == .sourceGone)
        for word in [
            "84528192421", "no_permission", "account.namespace", "was left or taken away", "nothing is removed",
        ] {
            #expect(text.contains(word), "\(text)")
        }
        #expect(!text.contains("team_space"))
    }

    @Test("a refusal tells the user what Dropbox wants them to know")
    func userMessage() async throws {
        let body = #"{"error":{".tag":"other"},"user_message":{"text":"Please call us","locale":"en"}}"#
        let error = try await refusal { _ = try await MirrorFixture(.answer(401, body)).client.account() }
        #expect(error?.userMessage == "Please call us")
        #expect(error?.description.contains("Please call us") == true)
    }

    @Test("no error and no request id holds a token, a cursor or a code")
    func secrets() async throws {
        let replies: [ScriptedTransport.Reply] = [
            .answer(401, #"{"error":{".tag":"invalid_access_token"}}"#), .answer(400, "T0-SECRET C-SECRET"),
            .answer(200, "T0-SECRET"), .failure(.untrusted), .failure(.cut),
        ]
        for reply in replies {
            let tokens = TokenSource(credentials: Credentials(accessToken: "T0-SECRET"))
            let fixture = MirrorFixture(ScriptedTransport(reply), tokens: tokens, settings: CallSettings(attempts: 1))
            let error = try await refusal { _ = try await fixture.client.changes(since: Cursor("C-SECRET")) }
            let found = try #require(error)
            #expect(!"\(found)".contains("SECRET") && !String(reflecting: found).contains("SECRET"))
        }
    }
}
