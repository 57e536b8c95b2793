/// Reads a request from bytes (RFC 9112), strictly: what a browser, curl or Prometheus sends, and nothing else.
///
/// Anything that two programs may parse differently is refused: bodies, folded headers, line ends without CR, absolute
/// targets, more than one Host header.
public enum RequestReader {
    /// The bytes of a request line with all headers and the empty line after them.
    public static let mostBytes = 8 << 10

    /// What the bytes so far are.
    public enum Reading: Hashable, Sendable {
        /// The beginning of a request.
        case incomplete
        /// A request.
        case request(WebRequest)
        /// Malformed or unsupported; nothing more needs to be read.
        case refused(WebRefusal)
    }

    /// Reads what has arrived so far; whatever follows the empty line is ignored.
    public static func read(_ bytes: [UInt8]) -> Reading {
        let end = bytes.firstRange(of: Array("\r\n\r\n".utf8))
        let head = bytes[..<min(end?.upperBound ?? bytes.count, mostBytes)]
        if let refusal = refusal(ofLineEnds: head) { return .refused(refusal) }
        guard let end, end.upperBound <= mostBytes else {
            return bytes.count < mostBytes
                ? .incomplete
                : .refused(WebRefusal(.headersTooLarge, "the request has more than \(mostBytes) bytes"))
        }
        do throws(WebRefusal) {
            return .request(try request(bytes[..<end.lowerBound]))
        } catch {
            return .refused(error)
        }
    }

    /// A line feed stands behind a carriage return, and the other way round; no other control character but a tab.
    private static func refusal(ofLineEnds head: ArraySlice<UInt8>) -> WebRefusal? {
        var last: UInt8 = 0
        for byte in head {
            let isControl = byte < 0x20 && byte != 0x09 || byte == 0x7F
            let isPaired = byte == 0x0D && last != 0x0D || byte == 0x0A && last == 0x0D
            if isControl && !isPaired || last == 0x0D && byte != 0x0A {
                return WebRefusal(
                    .badRequest, "the request contains a control character, or a line that does not end with CR LF")
            }
            last = byte
        }
        return nil
    }

    private static func request(_ head: ArraySlice<UInt8>) throws(WebRefusal) -> WebRequest {
        let lines = head.split(separator: 0x0A, omittingEmptySubsequences: false).map {
            $0.last == 0x0D ? $0.dropLast() : $0
        }
        guard let first = lines.first else { throw WebRefusal(.badRequest, "there is no request") }
        let (name, target, isNewer) = try requestLine(first)
        let (host, accept) = try headers(lines.dropFirst())
        if isNewer && host == nil { throw WebRefusal(.badRequest, "the Host header is missing") }
        guard let method = WebRequest.Method(rawValue: name) else {
            throw WebRefusal(.methodNotAllowed, "only GET and HEAD are answered")
        }
        let (path, query) = try split(target)
        return WebRequest(method, path, query: query, host: host, accept: accept)
    }

    /// Method, target, and whether it is HTTP/1.1.
    private static func requestLine(
        _ line: ArraySlice<UInt8>
    ) throws(WebRefusal) -> (method: String, target: ArraySlice<UInt8>, isNewer: Bool) {
        let parts = line.split(separator: 0x20, omittingEmptySubsequences: false)
        guard parts.count == 3, isToken(parts[0]), parts[1].first == UInt8(ascii: "/"),
            parts[1].allSatisfy({ 0x21...0x7E ~= $0 && $0 != UInt8(ascii: "#") })
        else { throw WebRefusal(.badRequest, "malformed request line: expected a method, a path and a version") }
        let version = parts[2]
        let isNewer = version.elementsEqual("HTTP/1.1".utf8)
        guard isNewer || version.elementsEqual("HTTP/1.0".utf8) else {
            throw WebRefusal(.badRequest, "only HTTP/1.0 and HTTP/1.1 are supported")
        }
        return (String(decoding: parts[0], as: UTF8.self), parts[1], isNewer)
    }

    /// The values of Host and Accept; the other headers only have to be headers, and announce no body.
    private static func headers(
        _ lines: ArraySlice<ArraySlice<UInt8>>
    ) throws(WebRefusal) -> (host: String?, accept: String) {
        var (host, accept): (String?, [String]) = (nil, [])
        for line in lines {
            guard let colon = line.firstIndex(of: UInt8(ascii: ":")), isToken(line[..<colon]) else {
                throw WebRefusal(.badRequest, "malformed header: no name, or white space around it")
            }
            let value = trimmed(line[(colon + 1)...])
            switch String(decoding: line[..<colon], as: UTF8.self).lowercased() {
            case "host":
                guard host == nil else { throw WebRefusal(.badRequest, "more than one Host header") }
                host = String(decoding: value, as: UTF8.self)
            case "accept": accept.append(String(decoding: value, as: UTF8.self))
            case "content-length" where !value.elementsEqual("0".utf8), "transfer-encoding":
                throw WebRefusal(.badRequest, "request bodies are not supported")
            default: continue
            }
        }
        return (host, accept.joined(separator: ", "))
    }

    private static func split(
        _ target: ArraySlice<UInt8>
    ) throws(WebRefusal) -> (path: String, query: [WebRequest.Parameter]) {
        let mark = target.firstIndex(of: UInt8(ascii: "?")) ?? target.endIndex
        var query: [WebRequest.Parameter] = []
        for pair in target[mark...].dropFirst().split(separator: UInt8(ascii: "&")) {
            let equals = pair.firstIndex(of: UInt8(ascii: "=")) ?? pair.endIndex
            let name = try decoded(pair[..<equals])
            query.append(WebRequest.Parameter(name, try decoded(pair[equals...].dropFirst())))
        }
        return (String(decoding: target[..<mark], as: UTF8.self), query)
    }

    /// Text of a form (URL Standard, application/x-www-form-urlencoded); bytes that are no UTF-8 become U+FFFD.
    private static func decoded(_ text: ArraySlice<UInt8>) throws(WebRefusal) -> String {
        var bytes: [UInt8] = []
        var rest = text
        while let byte = rest.popFirst() {
            switch byte {
            case UInt8(ascii: "+"): bytes.append(0x20)
            case UInt8(ascii: "%"):
                guard let upper = rest.popFirst().flatMap(digit), let lower = rest.popFirst().flatMap(digit) else {
                    throw WebRefusal(.badRequest, "invalid percent-encoding")
                }
                bytes.append(upper << 4 | lower)
            default: bytes.append(byte)
            }
        }
        return String(decoding: bytes, as: UTF8.self)
    }

    private static func digit(_ byte: UInt8) -> UInt8? {
        switch byte {
        case UInt8(ascii: "0")...UInt8(ascii: "9"): byte - UInt8(ascii: "0")
        case UInt8(ascii: "a")...UInt8(ascii: "f"): byte - UInt8(ascii: "a") + 10
        case UInt8(ascii: "A")...UInt8(ascii: "F"): byte - UInt8(ascii: "A") + 10
        default: nil
        }
    }

    private static func trimmed(_ value: ArraySlice<UInt8>) -> ArraySlice<UInt8> {
        let isBlank = { (byte: UInt8) in byte == 0x20 || byte == 0x09 }
        var value = value.drop(while: isBlank)
        while let last = value.last, isBlank(last) { value.removeLast() }
        return value
    }

    /// RFC 9110, section 5.6.2.
    private static func isToken(_ text: ArraySlice<UInt8>) -> Bool {
        !text.isEmpty
            && text.allSatisfy { byte in
                switch byte {
                case UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
                    UInt8(ascii: "a")...UInt8(ascii: "z"):
                    true
                default: "!#$%&'*+-.^_`|~".utf8.contains(byte)
                }
            }
    }
}
