import Foundation
import Synchronization

/// A TCP server on loopback whose behaviour is a closure: it can break the protocol at any byte.
///
/// Each connection is served on a thread of its own; the listener closes when the server is released.
public final class RawServer: Sendable {
    /// The port that the system chose.
    public let port: UInt16
    private let listener: Int32
    private let state: Shared

    /// What the accepting thread and the tests share.
    private final class Shared: Sendable {
        struct Counts {
            var accepted = 0
            var open = 0
            var mostOpen = 0
        }
        let counts = Mutex(Counts())
    }

    /// Starts to listen; `serve` is called for each connection, which is closed when it returns or throws.
    public init(_ serve: @escaping @Sendable (Connection) throws -> Void) throws {
        let (listener, port) = try RawServer.listen()
        let state = Shared()
        (self.listener, self.port, self.state) = (listener, port, state)
        Thread.detachNewThread {
            while true {
                let descriptor = accept(listener, nil, nil)
                if descriptor < 0 { return }
                state.counts.withLock {
                    $0.accepted += 1
                    $0.open += 1
                    $0.mostOpen = max($0.mostOpen, $0.open)
                }
                Thread.detachNewThread {
                    let connection = Connection(descriptor)
                    try? serve(connection)  // the client hung up first: often what a test is about
                    connection.close()
                    state.counts.withLock { $0.open -= 1 }
                }
            }
        }
    }

    /// A listening socket on a free port of 127.0.0.1.
    public static func listen() throws -> (descriptor: Int32, port: UInt16) {
        let descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_addr.s_addr = inet_addr("127.0.0.1")
        var length = socklen_t(MemoryLayout<sockaddr_in>.size)
        let failed = withUnsafeMutablePointer(to: &address) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                bind(descriptor, $0, length) != 0 || Foundation.listen(descriptor, 1024) != 0
                    || getsockname(descriptor, $0, &length) != 0
            }
        }
        if failed { throw POSIXError(.EADDRNOTAVAIL) }
        return (descriptor, UInt16(bigEndian: address.sin_port))
    }

    deinit {
        shutdown(listener, Int32(SHUT_RDWR))
        close(listener)
    }

    /// The base URL.
    public var url: String { "http://127.0.0.1:\(port)" }

    /// Connections accepted so far.
    public var accepted: Int { state.counts.withLock { $0.accepted } }

    /// The largest number of connections that were open at once.
    public var mostOpen: Int { state.counts.withLock { $0.mostOpen } }

    /// Connections open now.
    public var open: Int { state.counts.withLock { $0.open } }

    /// A server that answers every request on every connection with what `answer` makes of it.
    public static func answering(_ answer: @escaping @Sendable (RawRequest) -> String) throws -> RawServer {
        try RawServer { connection in
            while let request = try connection.readRequest() { try connection.send(answer(request)) }
        }
    }
}

/// A request as it came over the wire.
public struct RawRequest: Sendable {
    /// The request line and the header lines, without their line ends.
    public var head: [String]
    /// The body.
    public var body: [UInt8]

    /// The request line.
    public var line: String { head.first ?? "" }

    /// The second word of the request line.
    public var path: String { line.split(separator: " ").dropFirst().first.map(String.init) ?? "" }

    /// The value of the first header of that name.
    public func header(_ name: String) -> String? {
        head.dropFirst().first { $0.lowercased().hasPrefix(name.lowercased() + ":") }
            .map { $0.dropFirst(name.count + 1).trimmingCharacters(in: .whitespaces) }
    }
}

/// One accepted connection; used by its own thread only.
public final class Connection {
    private let descriptor: Int32
    private var buffer: [UInt8] = []
    private var isClosed = false

    init(_ descriptor: Int32) {
        self.descriptor = descriptor
        var on: Int32 = 1
        setsockopt(descriptor, Int32(IPPROTO_TCP), TCP_NODELAY, &on, socklen_t(MemoryLayout<Int32>.size))
    }

    /// Reads head and body of the next request; `nil` when the client has closed.
    public func readRequest() throws -> RawRequest? {
        var end = headEnd()
        while end == nil {
            guard try fill() else { return nil }
            end = headEnd()
        }
        guard let end else { return nil }
        let text = String(decoding: buffer[..<end], as: UTF8.self)
        var request = RawRequest(head: text.components(separatedBy: "\r\n"), body: [])
        buffer.removeFirst(end + 4)
        let length = request.header("Content-Length").flatMap { Int($0) } ?? 0
        while buffer.count < length { if try !fill() { return nil } }
        request.body = Array(buffer[..<length])
        buffer.removeFirst(length)
        return request
    }

    /// Reads so many bytes.
    func receive(_ count: Int) throws -> [UInt8] {
        while buffer.count < count { if try !fill() { throw POSIXError(.ECONNRESET) } }
        defer { buffer.removeFirst(count) }
        return Array(buffer[..<count])
    }

    /// The socket.
    var handle: Int32 { descriptor }

    /// Reads until the head of the next request is there; its body may still be on the way.
    public func readHead() throws { while headEnd() == nil { guard try fill() else { return } } }

    /// Sends text as it is.
    public func send(_ text: String) throws { try send(Array(text.utf8)) }

    /// Sends bytes.
    public func send(_ bytes: [UInt8]) throws {
        var rest = bytes[...]
        while !rest.isEmpty {
            let count = rest.withUnsafeBytes {
                Foundation.send(descriptor, $0.baseAddress, $0.count, Int32(MSG_NOSIGNAL))
            }
            guard count > 0 else { throw POSIXError(.EPIPE) }
            rest = rest.dropFirst(count)
        }
    }

    /// Returns when the client has closed the connection; whatever it still sends is dropped.
    public func waitForHangup() { while (try? fill()) == true { buffer.removeAll() } }

    /// Closes in order.
    public func close() {
        if isClosed { return }
        isClosed = true
        Foundation.close(descriptor)
    }

    /// Closes with a reset, as a crashed host or a middlebox does.
    public func reset() {
        var linger = linger(l_onoff: 1, l_linger: 0)
        setsockopt(descriptor, SOL_SOCKET, SO_LINGER, &linger, socklen_t(MemoryLayout.size(ofValue: linger)))
        close()
    }

    private func fill() throws -> Bool {
        var piece = [UInt8](repeating: 0, count: 64 << 10)
        let count = recv(descriptor, &piece, piece.count, 0)
        if count < 0 { throw POSIXError(.ECONNRESET) }
        buffer += piece[..<count]
        return count > 0
    }

    private func headEnd() -> Int? {
        guard buffer.count >= 4 else { return nil }
        return (0...buffer.count - 4).first { buffer[$0..<$0 + 4].elementsEqual([13, 10, 13, 10]) }
    }
}

/// An answer as text: status line, headers, Content-Length and body.
public func answer(_ status: String = "200 OK", _ headers: [String] = [], body: String = "") -> String {
    (["HTTP/1.1 \(status)"] + headers + ["Content-Length: \(body.utf8.count)", "", body]).joined(separator: "\r\n")
}
