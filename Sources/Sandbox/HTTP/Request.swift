/// A request as the endpoints see it, read to its end.
struct Request: Sendable {
    /// In upper case.
    var method: String
    /// Without the query.
    var path: String
    var query = Form()
    /// By name in lower case.
    var headers: [String: String] = [:]
    var body: [UInt8] = []
    /// The number of bytes of the body that came in.
    var received: Int64 = 0
    /// True when the body was longer than any body may be, and so was thrown away.
    var isTooLong = false
    /// Whether another request may follow on the connection.
    var keepsConnection = true
    /// TCP port of the client: tells connections apart.
    var peer: UInt16 = 0

    /// The value of `Content-Type` in lower case; empty when there is none.
    var contentType: String { headers["content-type"]?.lowercased() ?? "" }

    /// What the request is about: a path, `id:…`, `rev:…`, a cursor or an upload session.
    var subject: String {
        guard path.hasPrefix("/2/") else { return "" }
        let text = (headers["dropbox-api-arg"] ?? query["arg"]).map { Array($0.utf8) } ?? body
        guard text.count < 1 << 14, let json = try? JSON.parse(text) else { return "" }
        for key in ["path", "from_path"] {
            if let subject = json[key]?.string { return subject }
        }
        return json["commit"]?["path"]?.string ?? json["cursor"]?["session_id"]?.string ?? json["cursor"]?.string ?? ""
    }
}

/// Fields of a form or a query, as in `application/x-www-form-urlencoded`.
struct Form: Sendable {
    private(set) var fields: [(name: String, value: String)] = []

    init() {}

    /// The fields that `text` spells; `nil` when an escape in it is wrong.
    init?(_ text: String) {
        for part in text.utf8.split(separator: UInt8(ascii: "&")) {
            let equals = part.firstIndex(of: UInt8(ascii: "=")) ?? part.endIndex
            let rest = equals == part.endIndex ? part[equals...] : part[part.index(after: equals)...]
            guard let name = Form.decoded(part[..<equals]), let value = Form.decoded(rest) else { return nil }
            fields.append((name, value))
        }
    }

    /// The value of the first field called `name`.
    subscript(name: String) -> String? { fields.first { $0.name == name }?.value }

    private static func decoded(_ text: Substring.UTF8View) -> String? {
        var bytes: [UInt8] = []
        var rest = text[...]
        while let byte = rest.popFirst() {
            switch byte {
            case UInt8(ascii: "+"): bytes.append(0x20)
            case UInt8(ascii: "%"):
                guard rest.count >= 2, let value = UInt8(Substring(rest.prefix(2)), radix: 16) else { return nil }
                bytes.append(value)
                rest = rest.dropFirst(2)
            default: bytes.append(byte)
            }
        }
        return String(validating: bytes, as: UTF8.self)
    }

    /// `text` with everything but unreserved characters (RFC 3986) escaped.
    static func escaped(_ text: String) -> String {
        var output: [UInt8] = []
        for byte in text.utf8 {
            let isLetter = (0x41...0x5A).contains(byte) || (0x61...0x7A).contains(byte)
            if isLetter || (0x30...0x39).contains(byte) || "-._~".utf8.contains(byte) {
                output.append(byte)
            } else {
                output.append(UInt8(ascii: "%"))
                output.append(contentsOf: hexText([byte]).uppercased().utf8)
            }
        }
        return String(decoding: output, as: UTF8.self)
    }
}
