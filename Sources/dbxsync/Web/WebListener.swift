import Dropbox
import FileSystem
import Glibc
import Synchronization
import Web

/// Where `dbxsync web --listen` waits for connections.
struct WebAddress: Equatable, Sendable {
    /// The address, without brackets.
    var host: String
    var port: UInt16

    /// Reads `127.0.0.1:8089`, `[::1]:8089` or `localhost:8089`; nil for anything else.
    init?(_ text: String) {
        guard let colon = text.utf8.lastIndex(of: UInt8(ascii: ":")) else { return nil }
        let digits = text[text.utf8.index(after: colon)...]
        guard digits.utf8.allSatisfy({ UInt8(ascii: "0")...UInt8(ascii: "9") ~= $0 }), let port = UInt16(digits) else {
            return nil
        }
        var host = String(text[..<colon])
        if host == "localhost" { host = "127.0.0.1" }
        if host.hasPrefix("[") && host.hasSuffix("]") { host = String(host.dropFirst().dropLast()) }
        (self.host, self.port) = (host, port)
        guard list() != nil else { return nil }
    }

    /// Whether nobody outside of this machine gets there.
    var isLoopback: Bool { host.hasPrefix("127.") || host == "::1" }

    /// As it stands in a URL.
    var text: String { host.contains(":") ? "[\(host)]:\(port)" : "\(host):\(port)" }

    /// Calls `body` with the address in the system's form; nil if it is no number.
    private func list<Result>(_ body: (UnsafePointer<addrinfo>) -> Result) -> Result? {
        var hints = addrinfo()
        hints.ai_flags = AI_NUMERICHOST | AI_NUMERICSERV | AI_PASSIVE
        hints.ai_socktype = Int32(SOCK_STREAM.rawValue)
        var found: UnsafeMutablePointer<addrinfo>?
        guard getaddrinfo(host, String(port), &hints, &found) == 0, let found else { return nil }
        defer { freeaddrinfo(found) }
        return body(found)
    }

    private func list() -> Bool? { list { _ in true } }

    /// Waits for connections there; port 0 is one that is free, and becomes its number.
    mutating func listen() throws(Failure) -> Descriptor {
        let opened = list { info -> Result<Descriptor, SystemError> in
            let number = socket(info.pointee.ai_family, Int32(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue), 0)
            guard number >= 0 else { return .failure(SystemError(errno)) }
            let descriptor = Descriptor(number)
            var yes: Int32 = 1
            setsockopt(number, SOL_SOCKET, SO_REUSEADDR, &yes, socklen_t(MemoryLayout<Int32>.size))
            guard bind(number, info.pointee.ai_addr, info.pointee.ai_addrlen) == 0, Glibc.listen(number, 64) == 0 else {
                return .failure(SystemError(errno))
            }
            return .success(descriptor)
        }
        switch opened {
        case .success(let descriptor):
            if let actual = Self.port(of: descriptor.number) { port = actual }
            return descriptor
        case .failure(let error): throw Failure(.unusableDirectory, "cannot listen on \(text): \(error)")
        case nil: throw Failure(.usage, "\(text) is no address")
        }
    }

    private static func port(of number: Int32) -> UInt16? {
        var (address, length) = (sockaddr_storage(), socklen_t(MemoryLayout<sockaddr_storage>.size))
        let done = withUnsafeMutablePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { getsockname(number, $0, &length) }
        }
        guard done == 0 else { return nil }
        // sin_port and sin6_port stand at the same place, in network order (ip(7), ipv6(7)).
        return withUnsafeBytes(of: &address) { UInt16(bigEndian: $0.load(fromByteOffset: 2, as: UInt16.self)) }
    }
}

/// Accepts connections and serves them concurrently, up to a limit.
final class WebListener: Sendable {
    /// Connections beyond this number are refused with 503.
    static let mostConnections = 16

    private let listener: Descriptor
    private let site: WebSite
    private let count = Atomic<Int>(0)

    init(_ listener: Descriptor, _ site: WebSite) {
        self.listener = listener
        self.site = site
    }

    /// Goes on until the process ends.
    ///
    /// - Throws: `Failure` if no connection can be accepted any more.
    func run() async throws {
        try await withThrowingDiscardingTaskGroup { group in
            while true {
                guard let number = try await next() else { continue }
                let connection = Descriptor(number)
                guard count.load(ordering: .acquiring) < Self.mostConnections else {
                    Self.refuse(connection)
                    continue
                }
                count.wrappingAdd(1, ordering: .acquiringAndReleasing)
                group.addTask { [self] in
                    await site.serve(WebConnection(input: connection.number, output: connection.number))
                    withExtendedLifetime(connection) {}
                    count.wrappingSubtract(1, ordering: .acquiringAndReleasing)
                }
            }
        }
    }

    /// The next connection; nil when there was none after all.
    private func next() async throws -> Int32? {
        let number = listener.number
        let accepted = await onThread { () -> Result<Int32, SystemError> in
            let connection = retrying { accept(number, nil, nil) }
            guard connection >= 0 else { return .failure(SystemError(errno)) }
            _ = fcntl(connection, F_SETFD, FD_CLOEXEC)
            return .success(connection)
        }
        switch accepted {
        case .success(let connection): return connection
        case .failure(let error) where [EBADF, EINVAL, ENOTSOCK, EOPNOTSUPP].contains(error.number):
            throw Failure(.unusableDirectory, "no connection can be accepted any more: \(error)")
        case .failure, nil:
            // A peer that has gone, or no descriptor or thread left for now.
            try await Task.sleep(for: .milliseconds(100))
            return nil
        }
    }

    /// Sends the refusal without waiting for the peer.
    private static func refuse(_ connection: Descriptor) {
        let answer = WebAnswer.line(.unavailable, "there are already \(mostConnections) connections; try again later")
        let web = WebConnection(input: connection.number, output: connection.number)
        web.send(answer.bytes(date: TimeText.http(.now)), within: .zero)
        shutdown(connection.number, Int32(SHUT_WR))
    }
}
