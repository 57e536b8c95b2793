/// An answer, before it is written out.
public struct WebAnswer: Hashable, Sendable {
    /// How it went.
    public var status: WebStatus
    /// The media type of the body.
    public var type: String
    /// The body.
    public var body: [UInt8]
    /// The SHA-256 in base64 of the style sheet that the body holds, if it holds one.
    public var styleHash: String?

    /// Creates an answer.
    public init(_ status: WebStatus, type: String, body: String, styleHash: String? = nil) {
        self.status = status
        self.type = type
        self.body = Array(body.utf8)
        self.styleHash = styleHash
    }

    /// A line of plain text, without its end.
    public static func line(_ status: WebStatus, _ text: String) -> WebAnswer {
        WebAnswer(status, type: "text/plain; charset=utf-8", body: text + "\n")
    }

    /// What is said about a refused request.
    public init(_ refusal: WebRefusal) { self = .line(refusal.status, refusal.text) }

    /// All of it as it is sent; the connection ends with it.
    ///
    /// - Parameters:
    ///   - isHead: whether the body is left out.
    ///   - date: now, as RFC 9110 has it in section 5.6.7.
    public func bytes(isHead: Bool = false, date: String) -> [UInt8] {
        var headers = [
            "HTTP/1.1 \(status.rawValue) \(status.phrase)", "Date: \(date)", "Content-Type: \(type)",
            "Content-Length: \(body.count)", "Connection: close", "Cache-Control: no-store",
            "Content-Security-Policy: \(policy)", "X-Content-Type-Options: nosniff", "X-Frame-Options: DENY",
            "Referrer-Policy: no-referrer", "Cross-Origin-Resource-Policy: same-origin",
        ]
        if status == .methodNotAllowed { headers.append("Allow: GET, HEAD") }
        return Array((headers.joined(separator: "\r\n") + "\r\n\r\n").utf8) + (isHead ? [] : body)
    }

    /// No script, nothing from anywhere, no frame around it: the one style sheet, the icon, and the form that asks here.
    private var policy: String {
        let own =
            styleHash.map { "style-src 'sha256-\($0)'; img-src data:; form-action 'self'" } ?? "form-action 'none'"
        return "default-src 'none'; \(own); frame-ancestors 'none'; base-uri 'none'"
    }
}
