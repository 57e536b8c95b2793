import Testing

@testable import Sandbox

/// A running server and requests to it.
private struct Running: ~Copyable {
    let account = Account()
    let server: SandboxServer
    let port: UInt16

    init() async throws {
        server = SandboxServer(account: account)
        port = try await server.start()
    }

    func call(
        _ route: String, _ argument: String, _ headers: [String] = [], token: String? = Tokens.standing
    ) async -> RawClient.Response {
        var lines = ["POST /2/\(route) HTTP/1.1", "Host: x", "Connection: close", "Content-Type: application/json"]
        if let token { lines.append("Authorization: Bearer \(token)") }
        lines += headers + ["Content-Length: \(argument.utf8.count)", "", argument]
        return await RawClient.exchange(port: port, lines.joined(separator: "\r\n"))
    }

    func download(_ path: String, _ headers: [String] = []) async -> RawClient.Response {
        let lines = [
            "POST /2/files/download HTTP/1.1", "Host: x", "Connection: close",
            "Authorization: Bearer \(Tokens.standing)", "Dropbox-API-Arg: {\"path\":\"\(path)\"}",
            "Content-Length: 0",
        ]
        return await RawClient.exchange(port: port, (lines + headers + ["", ""]).joined(separator: "\r\n"))
    }
}

@Suite(.timeLimit(.minutes(5)))
struct ServerTests {
    @Test("a listing over HTTP, and the request in the log")
    func listing() async throws {
        let running = try await Running()
        try running.account.put("/A", "a")
        let answer = await running.call("files/list_folder", #"{"path":""}"#)
        #expect(answer.status == 200)
        let page = try JSON.parse(answer.body)
        #expect(page["entries"]?.array?.map { $0["name"] } == ["A"])
        #expect(page["has_more"] == false)
        let record = try #require(running.server.log.records.first)
        #expect(record.endpoint == "files/list_folder" && record.status == 200)
        #expect(record.requestID == answer.headers["x-dropbox-request-id"])
        #expect(record.bytes == Int64(answer.body.count))
        await running.server.stop()
    }

    @Test("several requests on one connection, some of them in one packet")
    func pipeline() async throws {
        let running = try await Running()
        let one = "GET /sandbox/state HTTP/1.1\r\nHost: x\r\n\r\n"
        let last = "GET /sandbox/state HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"
        let (bytes, end) = await RawClient.raw(port: running.port, Array((one + one + last).utf8))
        let text = String(decoding: bytes, as: UTF8.self)
        #expect(text.split(separator: "HTTP/1.1 200 OK").count == 3 && end == 0)
        await running.server.stop()
    }

    @Test("a body in chunks")
    func chunks() async throws {
        let running = try await Running()
        let head = "POST /sandbox/put HTTP/1.1\r\nConnection: close\r\nTransfer-Encoding: chunked\r\n\r\n"
        let body = "10;x=y\r\n{\"path\":\"/c\",\"te\r\n9\r\nxt\":\"ab\"}\r\n0\r\nTrailer: t\r\n\r\n"
        let answer = await RawClient.exchange(port: running.port, head + body)
        #expect(answer.status == 200)
        #expect(try running.account.content(of: "/c").load() == Array("ab".utf8))
        await running.server.stop()
    }

    @Test(
        "what is no HTTP ends the connection",
        arguments: [("nonsense\r\n\r\n", 400), ("GET / HTTP/1.1\r\nContent-Length: x\r\n\r\n", 400)])
    func nonsense(text: String, status: Int) async throws {
        let running = try await Running()
        #expect(await RawClient.exchange(port: running.port, text).status == status)
        await running.server.stop()
    }

    @Test("stopping ends a longpoll that waits")
    func stop() async throws {
        let running = try await Running()
        let cursor = try running.account.latestCursor()
        let port = running.port
        let waiting = Task {
            let body = "{\"cursor\":\"\(cursor)\"}"
            let head = "POST /2/files/list_folder/longpoll HTTP/1.1\r\nContent-Type: application/json\r\n"
            return await RawClient.raw(
                port: port, Array("\(head)Content-Length: \(body.utf8.count)\r\n\r\n\(body)".utf8))
        }
        while running.server.log.counters.running == 0 { await Task.yield() }
        await running.server.stop()
        #expect(await waiting.value.bytes.isEmpty)
        #expect(running.server.log.counters.running == 0)
    }

    @Test("a port that is taken is an error")
    func takenPort() async throws {
        let running = try await Running()
        let other = SandboxServer(account: Account())
        await #expect(throws: (any Error).self) { try await other.start(port: running.port) }
        await running.server.stop()
    }

    @Test("longpoll refuses to be told who calls")
    func longpollAuthorization() async throws {
        let running = try await Running()
        let answer = await running.call("files/list_folder/longpoll", #"{"cursor":"x"}"#)
        #expect(answer.status == 400 && answer.text.contains("includes an Authorization header"))
        await running.server.stop()
    }

    @Test("tokens: unknown, expired, without the scope")
    func tokens() async throws {
        let running = try await Running()
        let pair = running.server.tokens.issue(scopes: ["account_info.read"])
        func refusal(_ token: String) async throws -> String? {
            let answer = await running.call("files/list_folder", #"{"path":""}"#, token: token)
            #expect(answer.status == 401)
            #expect(answer.headers["www-authenticate"] == "Bearer realm=\"Dropbox-API\"")
            return try JSON.parse(answer.body)["error"]?[".tag"]?.string
        }
        #expect(try await refusal("nobody") == "invalid_access_token")
        #expect(try await refusal(pair.access) == "missing_scope")
        running.server.tokens.expireAccessTokens()
        #expect(try await refusal(pair.access) == "expired_access_token")
        running.server.tokens.revoke(pair.access)
        #expect(try await refusal(pair.access) == "invalid_access_token")
        await running.server.stop()
    }

    @Test("a large body comes through whole, and any part of it")
    func large() async throws {
        let running = try await Running()
        let content = Content.generated(seed: 3, size: 5_000_001)
        try running.account.put("/large", content)
        let bytes = content.load()
        let whole = await running.download("/large")
        // Compared outside of the macro, which would describe five million numbers.
        let isWhole = whole.body == bytes
        #expect(whole.status == 200 && isWhole)
        let part = await running.download("/large", ["Range: bytes=262143-4999999"])
        let isRightPart = part.body == Array(bytes[262_143..<5_000_000])
        #expect(part.status == 206 && isRightPart)
        #expect(part.headers["content-range"] == "bytes 262143-4999999/5000001")
        await running.server.stop()
    }

    @Test("faults on the wire")
    func faults() async throws {
        let running = try await Running()
        try running.account.put("/f", "0123456789")
        func struck(_ effect: Fault.Effect) async -> RawClient.Response {
            running.server.faults.add(Fault(effect, endpoint: "files/download", path: "/F"))
            return await running.download("/f")
        }
        #expect(await struck(.dropBefore(isReset: false)).headers.isEmpty)
        #expect(await struck(.dropAfter(isReset: true)).end == 104)
        let cut = await struck(.cut(after: 3, isReset: false))
        #expect(cut.headers["content-length"] == "10" && cut.text == "012")
        #expect(await struck(.cut(after: nil, isReset: true)).end == 104)
        let short = await struck(.truncate(to: 4))
        #expect(short.headers["content-length"] == "4" && short.text == "0123")
        #expect(await struck(.corrupt(at: [1])).body == Array("0".utf8) + [0x31 ^ 0xFF] + Array("23456789".utf8))
        let lie = await struck(.wrongLength(by: 5))
        #expect(lie.headers["content-length"] == "15" && lie.text == "0123456789")
        #expect(await struck(.stall(after: 2, seconds: 0.01)).text == "01")
        #expect(await struck(.slow(rate: 1_000)).text == "0123456789")
        #expect(await struck(.status(503, body: "", type: "", retryAfter: 9)).headers["retry-after"] == "9")
        #expect(await struck(.error(409, tags: ["path", "locked"], retryAfter: nil)).text.contains("path/locked/"))
        #expect(await running.download("/f").text == "0123456789")
        #expect(running.server.log.counters.faults == 11 && running.server.faults.waiting.isEmpty)
        await running.server.stop()
    }
}

@Suite(.timeLimit(.minutes(5)))
struct FaultTests {
    private func strikes(_ fault: Fault, _ requests: Int) -> [Bool] {
        let faults = Faults()
        faults.add(fault)
        return (0..<requests).map { _ in faults.strike("files/download") { "/a/b" } != nil }
    }

    @Test("skip, every and times say which requests are struck")
    func turns() {
        var fault = Fault(.malformed, skip: 1, times: 2)
        fault.every = 2
        #expect(strikes(fault, 7) == [false, false, true, false, true, false, false])
        #expect(strikes(Fault(.malformed, times: nil), 3) == [true, true, true])
    }

    @Test("a part of the requests is struck, the same ones each time")
    func probability() {
        var fault = Fault(.malformed, times: nil)
        fault.probability = 0.2
        let first = strikes(fault, 1_000)
        #expect((150...250).contains(first.filter { $0 }.count))
        #expect(strikes(fault, 1_000) == first)
    }

    @Test(
        "endpoint and path",
        arguments: [
            ("*", nil, true), ("files/*", "/A/B", true), ("files/download", "/a/*", true), ("files/upload", nil, false),
            ("*", "/a", false), ("*", "/a/b/c", false),
        ] as [(String, String?, Bool)])
    func matching(endpoint: String, path: String?, isStruck: Bool) {
        #expect(strikes(Fault(.malformed, endpoint: endpoint, path: path), 1) == [isStruck])
    }

    @Test("a revision, an id and a cursor have a path, too")
    func subjects() throws {
        let account = Account()
        let file = try account.put("/Dir/File", "f")
        let cursor = try account.latestCursor(ListOptions(path: "/dir"))
        #expect(account.subject(of: "rev:\(file.rev)") == "/dir/file")
        #expect(account.subject(of: file.id) == "/dir/file")
        #expect(account.subject(of: "/DIR/file") == "/dir/file")
        #expect(account.subject(of: cursor) == "/dir")
        #expect(account.subject(of: "id:none") == nil)
    }

    @Test("every kind can be described", arguments: Fault.Effect.kinds)
    func kinds(kind: String) throws {
        let fault = try Fault(json: ["kind": .string(kind), "tags": ["reset"], "member": "rev", "times": 0])
        #expect(fault.times == nil)
    }

    @Test("descriptions that make no sense", arguments: [#"{}"#, #"{"kind":"quake"}"#, #"{"kind":"cut","aftr":1}"#])
    func nonsense(text: String) throws {
        let json = try JSON.parse(text)
        #expect(throws: ControlError.self) { try Fault(json: json) }
    }
}
