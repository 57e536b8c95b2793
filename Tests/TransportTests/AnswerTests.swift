import NetworkSupport
import Testing
import Transport

/// What comes out of `send` for what a server writes.
@Suite(.timeLimit(.minutes(5)))
struct AnswerTests {
    struct Case: Sendable, CustomTestStringConvertible {
        var name: String
        var wire: String
        var status = 200
        var body = ""
        var headers: [String: String] = [:]
        var testDescription: String { name }
    }

    static let cases = [
        Case(
            name: "length", wire: "HTTP/1.1 200 OK\r\nContent-Length: 5\r\nX-One:  a b \r\n\r\nhello", body: "hello",
            headers: ["x-one": "a b", "CONTENT-LENGTH": "5"]),
        Case(
            name: "chunks",
            wire: "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nhel\r\n2\r\nlo\r\n0\r\n\r\n",
            body: "hello"),
        Case(
            name: "chunks with a trailer",
            wire: "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\nX-Late: yes\r\n\r\n",
            body: "ok",
            headers: ["X-Late": "yes"]),
        Case(name: "no content", wire: "HTTP/1.1 204 No Content\r\nX-A: b\r\n\r\n", status: 204, headers: ["x-a": "b"]),
        Case(name: "empty", wire: answer("409 Conflict"), status: 409),
        Case(name: "error with a body", wire: answer("500 Oops", body: "<html>"), status: 500, body: "<html>"),
        Case(
            name: "early hints, then the answer",
            wire: "HTTP/1.1 103 Early Hints\r\nX-Hint: 1\r\n\r\n" + answer("200 OK", ["X-Real: 2"], body: "x"),
            body: "x", headers: ["X-Real": "2"]),
        Case(
            name: "to the end of the connection", wire: "HTTP/1.1 200 OK\r\nConnection: close\r\n\r\nrest", body: "rest"
        ),
        Case(
            name: "redirects are not followed", wire: answer("302 Found", ["Location: http://127.0.0.1:1/"]),
            status: 302, headers: ["location": "http://127.0.0.1:1/"]),
        Case(
            name: "the first of two headers, and none of a longer name",
            wire: answer("200 OK", ["Retry-After-All: 9", "Retry-After: 1", "Retry-After: 2"]),
            headers: ["retry-after": "1"]),
    ]

    @Test("status, headers and body are the server's", arguments: cases)
    func answers(_ given: Case) async throws {
        let server = try RawServer { connection in
            _ = try connection.readRequest()
            try connection.send(given.wire)
        }
        let transport = CurlTransport.direct()
        let response = try await transport.send(HTTPRequest(.get, server.url))
        #expect(response.status == given.status)
        #expect(String(decoding: response.body, as: UTF8.self) == given.body)
        for (name, value) in given.headers { #expect(response.headers[name] == value) }
        #expect(response.headers["X-Hint"] == nil)
        #expect(response.headers["X-Absent"] == nil)
        await transport.stop()
    }

    @Test("a request goes out with its own headers and nothing that libcurl makes up")
    func request() async throws {
        let seen = Recorder<RawRequest>()
        let server = try RawServer.answering { request in
            seen.add(request)
            return answer()
        }
        let transport = CurlTransport.direct(TransportSettings(userAgent: "dbxsync/test"))
        let requests = [
            HTTPRequest(.get, "\(server.url)/a?b=c", headers: [.init("X-Path", "/Büro")]),
            HTTPRequest(.post, "\(server.url)/empty"),
            HTTPRequest(
                .post, "\(server.url)/json", headers: [.init("content-type", "application/json")], body: [0, 1]),
            HTTPRequest(.post, "\(server.url)/large", body: .bytes([UInt8](repeating: 7, count: 3 << 20))),
            HTTPRequest(.get, "\(server.url)/packed", acceptsCompression: true),
            HTTPRequest(.get, "\(server.url)/plain"),
        ]
        for request in requests { _ = try await transport.send(request) }
        let common = ["Host: 127.0.0.1:\(server.port)", "User-Agent: dbxsync/test", "Accept: */*"]
        let heads = seen.all.map { $0.head.filter { !$0.hasPrefix("Accept-Encoding") } }
        #expect(
            heads == [
                ["GET /a?b=c HTTP/1.1"] + common + ["X-Path: /Büro"],
                ["POST /empty HTTP/1.1"] + common + ["Content-Length: 0"],
                ["POST /json HTTP/1.1"] + common + ["content-type: application/json", "Content-Length: 2"],
                ["POST /large HTTP/1.1"] + common + ["Content-Length: \(3 << 20)"],
                ["GET /packed HTTP/1.1"] + common,
                ["GET /plain HTTP/1.1"] + common,
            ])
        #expect(seen.all.map(\.body.count) == [0, 0, 2, 3 << 20, 0, 0])
        #expect(seen.all.map { $0.header("Accept-Encoding") != nil } == [false, false, false, false, true, false])
        #expect(server.accepted == 1, "one connection is kept for all of them")
        await transport.stop()
    }

    @Test(
        "what would break out of a header or the URL is refused, naming no value",
        arguments: ["a\r\nX-Evil: 1", "a\nb", "a\u{0}b", "\u{7F}"])
    func injection(_ value: String) async throws {
        let server = try RawServer.answering { _ in answer() }
        let transport = CurlTransport.direct()
        let requests = [
            HTTPRequest(.get, server.url, headers: [.init("X-Secret", value)]),
            HTTPRequest(.get, server.url, headers: [.init("X\(value)", "1")]),
            HTTPRequest(.get, "\(server.url)/\(value)"),
        ]
        for request in requests {
            let error = await #expect(throws: TransportError.self) { _ = try await transport.send(request) }
            #expect(error?.code == .unusable)
            #expect(error?.isTransient == false)
        }
        #expect(server.accepted == 0)
        await transport.stop()
    }

    @Test("places name host and path, never query, user or password")
    func places() {
        let table = [
            "https://api.example.com/2/files?arg=secret": "api.example.com/2/files",
            "http://user:word@host:80/a#b": "host:80/a", "http://host": "host", "": "",
        ]
        for (url, place) in table { #expect(HTTPRequest(.get, url).place == place) }
    }
}
