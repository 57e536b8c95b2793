internal import Glibc

/// A listening socket on the loopback address, with the event loop of its connections.
struct Listener: Sendable {
    private let file: Int32
    private let loop: EventLoop
    /// The TCP port.
    let port: UInt16

    /// Listens on `port`, or on a free one for 0.
    init(port: UInt16) throws(SystemFailure) {
        let file = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        guard file >= 0 else { throw SystemFailure("socket") }
        do {
            self.port = try Self.listen(file, port)
            loop = try EventLoop()
        } catch {
            close(file)
            throw error
        }
        self.file = file
    }

    private static func listen(_ file: Int32, _ port: UInt16) throws(SystemFailure) -> UInt16 {
        // Accepted connections inherit it. With Nagle's algorithm a second write would wait for the client's delayed
        // acknowledgement.
        var on: Int32 = 1
        let size = socklen_t(MemoryLayout<Int32>.size)
        setsockopt(file, Int32(IPPROTO_TCP), TCP_NODELAY, &on, size)
        setsockopt(file, SOL_SOCKET, SO_REUSEADDR, &on, size)
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_port = port.bigEndian
        address.sin_addr.s_addr = INADDR_LOOPBACK.bigEndian
        var length = socklen_t(MemoryLayout<sockaddr_in>.size)
        let failed: String? = withUnsafeMutablePointer(to: &address) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) { address in
                guard bind(file, address, length) == 0 else { return "bind" }
                guard Glibc.listen(file, SOMAXCONN) == 0 else { return "listen" }
                return getsockname(file, address, &length) == 0 ? nil : "getsockname"
            }
        }
        if let failed { throw SystemFailure(failed) }
        try prepare(file)
        return UInt16(bigEndian: address.sin_port)
    }

    private static func prepare(_ file: Int32) throws(SystemFailure) {
        guard fcntl(file, F_SETFL, O_NONBLOCK) == 0, fcntl(file, F_SETFD, FD_CLOEXEC) == 0 else {
            throw SystemFailure("fcntl")
        }
    }

    /// Hands every connection to `serve`, each in a task of its own, until it is cancelled.
    func run(_ serve: @escaping @Sendable (Connection) async -> Void) async {
        await withDiscardingTaskGroup { group in
            while !Task.isCancelled {
                guard let connection = await accept() else { continue }
                group.addTask {
                    await serve(connection)
                    connection.close()
                }
            }
            group.cancelAll()
        }
        loop.stop()
        close(file)
    }

    /// The next connection; `nil` when there is none yet, or no room for it.
    private func accept() async -> Connection? {
        var address = sockaddr_in()
        var length = socklen_t(MemoryLayout<sockaddr_in>.size)
        let accepted = withUnsafeMutablePointer(to: &address) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) { Glibc.accept(file, $0, &length) }
        }
        if accepted >= 0 {
            try? Self.prepare(accepted)
            return Connection(file: accepted, loop: loop, peer: UInt16(bigEndian: address.sin_port))
        }
        if errno == EAGAIN || errno == EWOULDBLOCK {
            try? await loop.wait(for: POLLIN, on: file)
        } else {
            // Too many open files, as a rule: room comes when a connection ends.
            try? await Task.sleep(for: .milliseconds(10))
        }
        return nil
    }
}
