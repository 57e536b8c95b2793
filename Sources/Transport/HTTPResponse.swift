/// An answer: status, headers, and the body unless it went to a sink.
public struct HTTPResponse: Sendable {
    /// The status code.
    public var status: Int
    /// The header lines.
    public var headers: HTTPHeaders
    /// The body, if it was collected in memory.
    public var body: [UInt8]

    /// Creates an answer.
    public init(status: Int, headers: HTTPHeaders = HTTPHeaders(), body: [UInt8] = []) {
        self.status = status
        self.headers = headers
        self.body = body
    }
}

/// The header lines of an answer, kept as they came; a value is looked for only when asked for.
public struct HTTPHeaders: Sendable {
    private var raw: [UInt8] = []

    /// No header lines.
    public init() {}

    /// Header lines from names and values.
    public init(_ pairs: [(name: String, value: String)]) {
        for pair in pairs { raw += Array("\(pair.name): \(pair.value)\r\n".utf8) }
    }

    /// The number of bytes of all lines.
    var byteCount: Int { raw.count }

    /// Adds one line with its line end, as it came from the server.
    mutating func append(line: UnsafeRawBufferPointer) { raw.append(contentsOf: line) }

    /// Forgets all lines: another answer begins.
    mutating func removeAll() { raw.removeAll(keepingCapacity: true) }

    /// The value of the first header of that name, in whatever case; `nil` if there is none.
    public subscript(name: String) -> String? {
        let wanted = Array(name.utf8)
        var start = 0
        while start < raw.count {
            let end = raw[start...].firstIndex(of: UInt8(ascii: "\n")) ?? raw.count
            if let value = HTTPHeaders.value(in: raw[start..<end], of: wanted) {
                return String(decoding: value, as: UTF8.self)
            }
            start = end + 1
        }
        return nil
    }

    private static func value(in line: ArraySlice<UInt8>, of name: [UInt8]) -> ArraySlice<UInt8>? {
        let colon = line.startIndex + name.count
        guard colon < line.endIndex, line[colon] == UInt8(ascii: ":") else { return nil }
        for (a, b) in zip(line, name) where lower(a) != lower(b) { return nil }
        let isBlank: (UInt8) -> Bool = { $0 == 0x20 || $0 == 0x09 || $0 == 0x0D }
        var value = line[(colon + 1)...].drop(while: isBlank)
        while let last = value.last, isBlank(last) { value.removeLast() }
        return value
    }

    private static func lower(_ byte: UInt8) -> UInt8 {
        (UInt8(ascii: "A")...UInt8(ascii: "Z")).contains(byte) ? byte | 0x20 : byte
    }
}
