/// How a client learns where the body of an answer ends.
public enum BodyEnd: String, Hashable, Sendable, CaseIterable {
    /// By `Content-Length`.
    case length
    /// By the last chunk.
    case chunk
    /// By the end of the connection, so that a cut goes unseen.
    case close
}

/// An answer before it is written out: faults can still change it.
struct Answer: Sendable {
    /// What follows the headers.
    enum Body: Sendable {
        /// JSON, in whatever style.
        case json(JSON)
        /// Bytes of the type that stands in the headers.
        case bytes([UInt8])
        /// A part of a file.
        case content(Content, Range<Int64>)
        /// A zip, whose length is not told beforehand.
        case archive(ZipArchive)
    }

    var status = 200
    /// How long the body is is added when it is sent.
    var headers: [(name: String, value: String)] = []
    var body: Body
    /// How the client learns where the body ends; an archive comes in chunks.
    var end = BodyEnd.length
    /// Goes into the header `Dropbox-API-Result`.
    var result: JSON?

    init(status: Int = 200, _ headers: [(name: String, value: String)] = [], body: Body) {
        self.status = status
        self.headers = headers
        self.body = body
    }

    /// JSON of the ordinary type.
    static func json(_ json: JSON, status: Int = 200) -> Answer {
        Answer(status: status, [("Content-Type", "application/json")], body: .json(json))
    }

    /// Plain text in UTF-8.
    static func text(_ text: String, status: Int, type: String = "text/plain; charset=utf-8") -> Answer {
        Answer(status: status, [("Content-Type", type)], body: .bytes(Array(text.utf8)))
    }

    /// The result of a route that has none.
    static let void = Answer.json(.null)

    /// The reason phrase of a status code.
    static func phrase(_ status: Int) -> String {
        let phrases = [
            200: "OK", 206: "Partial Content", 302: "Found", 304: "Not Modified", 400: "Bad Request",
            401: "Unauthorized", 403: "Forbidden", 404: "Not Found", 405: "Method Not Allowed", 409: "Conflict",
            413: "Content Too Large", 416: "Range Not Satisfiable", 422: "Unprocessable Entity",
            429: "Too Many Requests", 500: "Internal Server Error", 502: "Bad Gateway", 503: "Service Unavailable",
            504: "Gateway Timeout",
        ]
        return phrases[status] ?? "Status"
    }
}

extension JSONStyle {
    /// One of the ways in which servers have written JSON; no client may depend on any of them.
    static func any() -> JSONStyle {
        let choice = UInt8.random(in: .min ... .max)
        return JSONStyle(asciiOnly: choice & 1 != 0, blanks: choice & 2 != 0, reversed: choice & 4 != 0)
    }
}
