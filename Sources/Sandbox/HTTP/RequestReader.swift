/// Reads the requests of a connection one after the other (RFC 9112).
struct RequestReader {
    private let connection: Connection
    private var buffer: [UInt8] = []

    /// Why a request cannot be read; the connection ends after an answer with this status.
    struct Unreadable: Error {
        let status: Int
    }

    /// How the body of a request is taken in.
    struct Manner {
        /// Bytes per second; 0 for no limit.
        var rate = 0
        /// The part of the body after which the connection ends.
        var cut: (after: Int64?, isReset: Bool)?
    }

    /// The request whose body is being read: what has come of it is known when the connection ends.
    private(set) var unfinished: (request: Request, received: Int64)?
    private var manner = Manner()
    private var start = ContinuousClock.now

    init(_ connection: Connection) { self.connection = connection }

    /// The next request, read to its end; a body of more than `limit` bytes is read and thrown away.
    ///
    /// `manner` is asked when the head is there.
    mutating func next(bodyLimit limit: Int, manner: (Request) -> Manner) async throws -> Request {
        let end = try await endOfHead()
        var request = try Self.parse(buffer[..<end])
        buffer.removeFirst(end)
        request.peer = connection.peer
        unfinished = (request, 0)
        defer { unfinished?.received = request.received }
        self.manner = manner(request)
        start = .now
        if let cut = self.manner.cut {
            let length = request.headers["content-length"].flatMap { Int64($0) } ?? 0
            self.manner.cut?.after = min(cut.after ?? length / 2, length)
        }
        if request.headers["expect"]?.lowercased() == "100-continue" {
            try await connection.write(Array("HTTP/1.1 100 Continue\r\n\r\n".utf8))
        }
        if let coding = request.headers["transfer-encoding"] {
            guard coding.lowercased() == "chunked" else { throw Unreadable(status: 501) }
            try await readChunks(into: &request, limit)
        } else if let text = request.headers["content-length"] {
            guard let length = Int(text), length >= 0 else { throw Unreadable(status: 400) }
            try await readBody(of: length, into: &request, limit)
        }
        unfinished = nil
        return request
    }

    // MARK: Head

    /// Position behind the empty line.
    private mutating func endOfHead() async throws -> Int {
        var searched = 0
        while true {
            if let end = Self.emptyLine(in: buffer, from: searched) { return end }
            guard buffer.count < 1 << 16 else { throw Unreadable(status: 431) }
            searched = max(0, buffer.count - 3)
            try await connection.read(into: &buffer)
        }
    }

    private static func emptyLine(in buffer: [UInt8], from start: Int) -> Int? {
        buffer.withUnsafeBufferPointer { bytes in
            var index = start
            while index + 4 <= bytes.count {
                if bytes[index + 3] > 0x0D {
                    index += 4
                } else if bytes[index] == 0x0D, bytes[index + 1] == 0x0A, bytes[index + 2] == 0x0D,
                    bytes[index + 3] == 0x0A
                {
                    return index + 4
                } else {
                    index += 1
                }
            }
            return nil
        }
    }

    private static func parse(_ head: ArraySlice<UInt8>) throws -> Request {
        var lines = head.split(separator: 0x0A, omittingEmptySubsequences: true)[...]
        let words = (lines.popFirst() ?? []).split(separator: 0x20).map { String(decoding: $0, as: UTF8.self) }
        guard words.count == 3, words[2].hasPrefix("HTTP/1.") else { throw Unreadable(status: 400) }
        let target = words[1].split(separator: "?", maxSplits: 1, omittingEmptySubsequences: false)
        var request = Request(method: words[0].uppercased(), path: String(target[0]))
        if target.count > 1 { request.query = Form(String(target[1])) ?? Form() }
        for line in lines where line.first != 0x0D {
            guard let colon = line.firstIndex(of: UInt8(ascii: ":")) else { throw Unreadable(status: 400) }
            let name = line[..<colon].map { (0x41...0x5A).contains($0) ? $0 + 32 : $0 }
            let isBlank = { (byte: UInt8) in byte == 0x20 || byte == 0x09 || byte == 0x0D }
            let value = line[(colon + 1)...].drop(while: isBlank)
            let last = value.lastIndex { !isBlank($0) } ?? value.startIndex - 1
            request.headers[String(decoding: name, as: UTF8.self)] = String(decoding: value[...last], as: UTF8.self)
        }
        let token = request.headers["connection"]?.lowercased()
        request.keepsConnection = words[2].hasPrefix("HTTP/1.0") ? token == "keep-alive" : token != "close"
        return request
    }

    // MARK: Body

    private mutating func readBody(of length: Int, into request: inout Request, _ limit: Int) async throws {
        request.isTooLong = request.isTooLong || request.body.count + length > limit
        if !request.isTooLong { request.body.reserveCapacity(request.body.count + length) }
        var missing = length
        while missing > 0 {
            try endIfDue(request)
            if buffer.isEmpty { try await connection.read(into: &buffer) }
            let take = min(missing, buffer.count)
            if !request.isTooLong { request.body += buffer[..<take] }
            buffer.removeFirst(take)
            missing -= take
            request.received += Int64(take)
            guard manner.rate > 0 else { continue }
            try await ContinuousClock().sleep(
                until: start + .seconds(Double(request.received) / Double(manner.rate)), tolerance: .milliseconds(1))
        }
        try endIfDue(request)
    }

    /// Ends the connection when that part of the body is there after which it has to end.
    private func endIfDue(_ request: Request) throws {
        guard let cut = manner.cut, let after = cut.after, request.received >= after else { return }
        if cut.isReset { connection.resetOnClose() }
        throw Disconnected()
    }

    private mutating func readChunks(into request: inout Request, _ limit: Int) async throws {
        while true {
            let line = try await readLine()
            let digits = line.prefix { $0 != UInt8(ascii: ";") && $0 != 0x20 }
            guard let length = Int(String(decoding: digits, as: UTF8.self), radix: 16), length >= 0 else {
                throw Unreadable(status: 400)
            }
            try await readBody(of: length, into: &request, limit)
            // Behind the last chunk there may be trailers, which nobody needs.
            if length == 0 {
                while try await !readLine().isEmpty {}
                return
            }
            guard try await readLine().isEmpty else { throw Unreadable(status: 400) }
        }
    }

    private mutating func readLine() async throws -> [UInt8] {
        while true {
            if let end = buffer.firstIndex(of: 0x0A) {
                var line = Array(buffer[..<end])
                buffer.removeFirst(end + 1)
                if line.last == 0x0D { line.removeLast() }
                return line
            }
            guard buffer.count < 1 << 16 else { throw Unreadable(status: 400) }
            try await connection.read(into: &buffer)
        }
    }
}
