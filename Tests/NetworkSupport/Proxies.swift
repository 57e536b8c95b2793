import Foundation
import Synchronization

/// A proxy on 127.0.0.1 that wants a user and a password, and remembers what it was asked for.
public final class ProxyServer: Sendable {
    /// How it is spoken to.
    public enum Kind: String, CaseIterable, Sendable {
        /// HTTP: CONNECT for https, whole URLs for http.
        case http
        /// SOCKS 5 (RFC 1928, RFC 1929).
        case socks5
    }

    /// What it was asked for: request lines, or `host:port`.
    private final class Asked: Sendable {
        let targets = Mutex<[String]>([])
    }

    private let server: RawServer
    private let asked: Asked

    /// Starts to listen; whoever gives another user or password is refused.
    public init(_ kind: Kind, user: String, password: String) throws {
        let asked = Asked()
        self.asked = asked
        server = try RawServer { connection in
            switch kind {
            case .http: try ProxyServer.http(connection, "\(user):\(password)", asked)
            case .socks5: try ProxyServer.socks5(connection, user, password, asked)
            }
        }
    }

    /// Where it listens.
    public var port: UInt16 { server.port }

    /// What it was asked for, in order.
    public var targets: [String] { asked.targets.withLock { $0 } }

    // MARK: HTTP

    private static func http(_ connection: Connection, _ userAndPassword: String, _ asked: Asked) throws {
        let expected = "Basic " + Data(userAndPassword.utf8).base64EncodedString()
        while let request = try connection.readRequest() {
            asked.targets.withLock { $0.append(request.line) }
            guard request.header("Proxy-Authorization") == expected else {
                return try connection.send(answer("407 Proxy Authentication Required", ["Connection: close"]))
            }
            if request.line.hasPrefix("CONNECT ") {
                let far = try Connection.dial(port(in: request.path))
                try connection.send("HTTP/1.1 200 Connected\r\n\r\n")
                return connection.splice(with: far)
            }
            guard let answer = try fetched(request) else { return }
            try connection.send(Array((answer.head + ["", ""]).joined(separator: "\r\n").utf8) + answer.body)
        }
    }

    /// The answer to a request for a whole URL; an answer is read like a request, and nil if it is cut.
    private static func fetched(_ request: RawRequest) throws -> RawRequest? {
        let parts = request.path.split(separator: "/", maxSplits: 2, omittingEmptySubsequences: true)
        let far = try Connection.dial(port(in: String(parts[1])))
        let path = "/" + (parts.count > 2 ? parts[2] : "")
        let lines = request.head.dropFirst().filter { !$0.lowercased().hasPrefix("proxy-") }
        let method = request.line.prefix { $0 != " " }
        let head = ["\(method) \(path) HTTP/1.1"] + lines + ["", ""]
        try far.send(Array(head.joined(separator: "\r\n").utf8) + request.body)
        defer { far.close() }
        return try far.readRequest()
    }

    private static func port(in place: String) -> UInt16 {
        place.split(separator: ":").last.flatMap { UInt16($0) } ?? 0
    }

    // MARK: SOCKS

    private static func socks5(_ connection: Connection, _ user: String, _ password: String, _ asked: Asked) throws {
        let greeting = try connection.receive(2)
        let methods = try connection.receive(Int(greeting[1]))
        guard methods.contains(2) else { return try connection.send([5, 0xFF]) }
        try connection.send([5, 2])
        _ = try connection.receive(1)
        let given = try connection.receive(Int(try connection.receive(1)[0]))
        let secret = try connection.receive(Int(try connection.receive(1)[0]))
        let isRight = given == Array(user.utf8) && secret == Array(password.utf8)
        try connection.send([1, isRight ? 0 : 1])
        guard isRight else { return }
        let kind = try connection.receive(4)[3]
        let host: String
        if kind == 1 {
            host = try connection.receive(4).map(String.init).joined(separator: ".")
        } else {
            host = String(decoding: try connection.receive(Int(try connection.receive(1)[0])), as: UTF8.self)
        }
        let port = try connection.receive(2).reduce(UInt16(0)) { $0 << 8 | UInt16($1) }
        asked.targets.withLock { $0.append("\(host):\(port)") }
        let far = try Connection.dial(port)
        try connection.send([5, 0, 0, 1, 0, 0, 0, 0, 0, 0])
        connection.splice(with: far)
    }
}

extension Connection {
    /// A connection to a port of 127.0.0.1.
    static func dial(_ port: UInt16) throws -> Connection {
        let descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_addr.s_addr = inet_addr("127.0.0.1")
        address.sin_port = port.bigEndian
        let failed = withUnsafePointer(to: &address) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                connect(descriptor, $0, socklen_t(MemoryLayout<sockaddr_in>.size)) != 0
            }
        }
        if failed {
            Foundation.close(descriptor)
            throw POSIXError(.ECONNREFUSED)
        }
        return Connection(descriptor)
    }

    /// Passes bytes both ways until one side has ended.
    func splice(with other: Connection) {
        let (near, far) = (handle, other.handle)
        Thread.detachNewThread {
            Connection.pump(from: near, to: far)
            shutdown(far, Int32(SHUT_WR))
        }
        Connection.pump(from: far, to: near)
        shutdown(near, Int32(SHUT_RDWR))
        shutdown(far, Int32(SHUT_RDWR))
    }

    private static func pump(from source: Int32, to target: Int32) {
        var piece = [UInt8](repeating: 0, count: 64 << 10)
        while true {
            let count = recv(source, &piece, piece.count, 0)
            guard count > 0 else { return }
            var sent = 0
            while sent < count {
                let step = piece[sent..<count].withUnsafeBytes {
                    Foundation.send(target, $0.baseAddress, $0.count, Int32(MSG_NOSIGNAL))
                }
                guard step > 0 else { return }
                sent += step
            }
        }
    }
}
