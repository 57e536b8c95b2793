import TestSupport
import Testing
import Web

/// Bytes become a request or a refusal.
@Suite(.timeLimit(.minutes(5)))
struct RequestReaderTests {
    private func read(_ text: String) -> RequestReader.Reading { RequestReader.read(Array(text.utf8)) }

    private func status(_ text: String) -> WebStatus? {
        if case .refused(let refusal) = read(text) { refusal.status } else { nil }
    }

    @Test("what browsers, curl and Prometheus send is read")
    func usual() {
        let browser = """
            GET /?path=%2FDocs%2Fa+b%26c&event=file_placed HTTP/1.1\r
            Host: 127.0.0.1:8089\r
            User-Agent: Mozilla/5.0 (X11; Linux x86_64)\r
            Accept: text/html;q=0.9,*/*;q=0.8\r
            Content-Length: 0\r
            X-Empty:\r
            \r

            """
        let query = [WebRequest.Parameter("path", "/Docs/a b&c"), WebRequest.Parameter("event", "file_placed")]
        #expect(
            read(browser)
                == .request(
                    WebRequest(
                        .get, "/", query: query, host: "127.0.0.1:8089", accept: "text/html;q=0.9,*/*;q=0.8")))
        #expect(
            read("GET / HTTP/1.0\r\nAccept: a\r\nACCEPT: b\r\n\r\n") == .request(WebRequest(.get, "/", accept: "a, b")))
        #expect(read("HEAD /healthz HTTP/1.0\r\n\r\n") == .request(WebRequest(.head, "/healthz")))
        #expect(read("GET /a?b HTTP/1.0\r\n\r\n") == .request(WebRequest(.get, "/a", query: [.init("b", "")])))
        #expect(read("GET /? HTTP/1.0\r\nhOsT: \t x \t\r\n\r\nrest") == .request(WebRequest(.get, "/", host: "x")))
        #expect(
            read("GET /%2e%2e/%2f HTTP/1.0\r\n\r\n") == .request(WebRequest(.get, "/%2e%2e/%2f")), "nothing is decoded")
    }

    @Test(
        "what two programs might read in two ways is refused",
        arguments: [
            "GET / HTTP/1.0\n\n", "GET /\r\n\r\n", "GET / HTTP/1.1\r\n\r\n", "GET / HTTP/2.0\r\n\r\n",
            "\r\nGET / HTTP/1.0\r\n\r\n",
            "GET  / HTTP/1.0\r\n\r\n", "GET / HTTP/1.0 \r\n\r\n", "GET http://x/ HTTP/1.0\r\n\r\n",
            "GET * HTTP/1.0\r\n\r\n",
            "GET /#a HTTP/1.0\r\n\r\n", "GET /\u{e4} HTTP/1.0\r\n\r\n", "G(T / HTTP/1.0\r\n\r\n",
            "GET / HTTP/1.0\r\nHost: a\r\nHost: a\r\n\r\n",
            "GET / HTTP/1.0\r\nA: b\r\n c\r\n\r\n", "GET / HTTP/1.0\r\nA : b\r\n\r\n", "GET / HTTP/1.0\r\n: b\r\n\r\n",
            "GET / HTTP/1.0\r\nA\r\n\r\n", "GET / HTTP/1.0\r\nA: \u{0}\r\n\r\n", "GET / HTTP/1.0\r\nA: b\rc\r\n\r\n",
            "GET / HTTP/1.0\r\nContent-Length: 3\r\n\r\nabc", "GET / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n",
            "GET /?a=%4 HTTP/1.0\r\n\r\n", "GET /?a=%zz HTTP/1.0\r\n\r\n",
        ])
    func refused(_ text: String) { #expect(status(text) == .badRequest, "\(text.debugDescription)") }

    @Test("another method is told which ones there are")
    func methods() { #expect(status("POST / HTTP/1.0\r\n\r\n") == .methodNotAllowed) }

    @Test("what is longer than 8 KiB is not read, whether it ends or not")
    func length() {
        let rest = RequestReader.mostBytes - "GET / HTTP/1.0\r\nA: \r\n\r\n".utf8.count
        func request(_ length: Int) -> String {
            "GET / HTTP/1.0\r\nA: \(String(repeating: "x", count: length))\r\n\r\n"
        }
        #expect(read(request(rest)) == .request(WebRequest(.get, "/")))
        #expect(status(request(rest + 1)) == .headersTooLarge)
        #expect(status("GET /" + String(repeating: "a", count: RequestReader.mostBytes)) == .headersTooLarge)
        #expect(read("GET /" + String(repeating: "a", count: 100)) == .incomplete)
    }

    @Test("bytes that are no UTF-8 are replaced, and mean nothing")
    func bytes() {
        guard case .request(let request) = read("GET /?path=%ff%00%c3%a4 HTTP/1.0\r\n\r\n") else {
            Issue.record("no request")
            return
        }
        #expect(request["path"] == "\u{FFFD}\u{0}\u{e4}" && request["event"] == nil)
    }

    /// The same as the fuzzer does, on what is nearly a request.
    @Test("whatever arrives, in whatever parts, is a request or a refusal, and the same one", arguments: 0..<16)
    func random(seed: UInt64) {
        var random = SeededRandom(seed: seed)
        let words = [
            "GET", "POST", " ", " ", "/", "/healthz", "?path=", "%2e", "%", "+", "&", "=", "HTTP/1.1", "HTTP/1.0",
            "\r\n", "\r\n",
            "\r\n\r\n", "\n", "\r", "Host: a", "Host", ":", "x", "\t", "\0", "\u{e4}", "Content-Length: 1",
        ].map { Array($0.utf8) }
        for _ in 0..<2_000 {
            var input = random.number(0...1) == 0 ? [] : Array("GET / HTTP/1.0\r\n".utf8)
            for _ in 0...random.number(0...12) {
                input += words[random.number(0...(words.count - 1))]
                if random.number(0...9) == 0 { input.append(UInt8(random.number(0...255))) }
            }
            let whole = RequestReader.read(input)
            for length in input.indices {
                let part = RequestReader.read(Array(input[..<length]))
                if part != .incomplete {
                    #expect(part == whole, "\(input) changed what it means after \(length) bytes")
                    break
                }
            }
            if case .request(let request) = whole { #expect(request.path.hasPrefix("/")) }
        }
    }
}

/// Under which names the page answers.
@Suite(.timeLimit(.minutes(5)))
struct HostRuleTests {
    private let rule = HostRule(["Server.Example.org"])

    @Test(
        "addresses, localhost and the names that were given",
        arguments: [
            "127.0.0.1", "127.0.0.1:8089", "192.0.2.7:80", "[::1]", "[::1]:8089", "localhost", "LOCALHOST:8089",
            "localhost.:80",
            "server.example.org", "server.example.ORG.:8089", "localhost:",
        ])
    func allowed(_ host: String) { #expect(rule.allows(host)) }

    @Test(
        "every other name, and what is none",
        arguments: [
            "", "attacker.example", "127.0.0.1.attacker.example", "localhost.attacker.example", "0x7f.1", "127.1",
            "::1", "[::1",
            "[::1]x", "[::g]", "localhost:80x", "localhost:123456", "localhost:80:80", "a@localhost", " localhost",
            "server.example.org:8089@x", "127.0.0.1\0.attacker.example",
        ])
    func refused(_ host: String) { #expect(!rule.allows(host)) }
}
