import Testing
import Web

/// Answers, and what in them comes from others.
@Suite(.timeLimit(.minutes(5)))
struct WebAnswerTests {
    @Test("an answer has its length, ends the connection, and lets a browser do nothing else with it")
    func bytes() {
        let answer = WebAnswer(.ok, type: "text/html; charset=utf-8", body: "ä\n", styleHash: "abc=")
        let text = String(decoding: answer.bytes(date: "Tue, 24 Nov 2026 13:03:11 GMT"), as: UTF8.self)
        let lines = text.split(separator: "\r\n", omittingEmptySubsequences: false)
        #expect(lines.first == "HTTP/1.1 200 OK" && lines.last == "ä\n")
        for header in [
            "Content-Length: 3", "Connection: close", "Cache-Control: no-store", "X-Content-Type-Options: nosniff",
            "Referrer-Policy: no-referrer", "Date: Tue, 24 Nov 2026 13:03:11 GMT",
            "Content-Security-Policy: default-src 'none'; style-src 'sha256-abc='; img-src data:; form-action 'self'; "
                + "frame-ancestors 'none'; base-uri 'none'",
        ] {
            #expect(lines.contains(Substring(header)), "\(header)")
        }
        let head = String(decoding: answer.bytes(isHead: true, date: ""), as: UTF8.self)
        #expect(head.hasSuffix("\r\n\r\n") && head.contains("Content-Length: 3\r\n"))
    }

    @Test("a refusal is a line, and 405 says what is allowed")
    func refusals() {
        let answer = WebAnswer(WebRefusal(.methodNotAllowed, "only GET"))
        let text = String(decoding: answer.bytes(date: ""), as: UTF8.self)
        #expect(text.hasPrefix("HTTP/1.1 405 Method Not Allowed\r\n") && text.hasSuffix("\r\n\r\nonly GET\n"))
        #expect(text.contains("\r\nAllow: GET, HEAD\r\n") && text.contains("default-src 'none'; form-action 'none';"))
    }

    @Test("text of others is text: nothing in it is obeyed, and what cannot be seen is shown")
    func markup() {
        #expect(
            Markup.text("<script>alert(\"1\")</script>&'")
                == "&lt;script&gt;alert(&quot;1&quot;)&lt;/script&gt;&amp;&#39;")
        #expect(Markup.text("a\u{202E}b\u{0}\n\u{1B}[0m") == "a\\u{202e}b\\u{0}\\n\\u{1b}[0m")
        #expect(Markup.path("/\u{5d0}<") == "<bdi class=\"path\" dir=\"ltr\">/\u{5d0}&lt;</bdi>")
    }

    @Test("a chart says in words what it draws, and draws what is there, however little or absurd")
    func chart() {
        let bars = [0, 1, 1_000_000, -5, .nan, .infinity].map { BarChart.Bar($0, "<\($0)>") }
        let svg = BarChart(id: "x", title: "T & t", summary: "s", bars: bars).svg
        #expect(
            svg.contains("aria-labelledby=\"x-title x-text\"")
                && svg.contains("<title id=\"x-title\">T &amp; t</title>"))
        let heights = svg.matches(of: #/class="bar"[^>]*height="(\d+)"/#).compactMap { Int($0.1) }
        #expect(heights == [0, 2, 100, 0, 0, 0])
        #expect(!svg.contains("<0") && svg.contains("&lt;0.0&gt;"))
        #expect(BarChart(id: "x", title: "", summary: "", bars: []).svg.contains("viewBox=\"0 0 20 100\""))
    }
}
