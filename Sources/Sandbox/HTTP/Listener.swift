internal import FlyingSocks
internal import Glibc

/// A listening socket on the loopback address, with the event loop of its connections.
///
/// FlyingFox's own HTTP server hands over neither sockets nor bytes before and after a message, and spends most of the
/// time of a small request on headers; its sockets and event loop are all that is used here.
struct Listener: Sendable {
    private let socket: Socket
    private let pool = SocketPool.ePoll(maxEvents: 64)
    /// The TCP port.
    let port: UInt16

    /// Listens on `port`, or on a free one for 0.
    init(port: UInt16) throws {
        socket = try Socket(domain: AF_INET)
        do {
            try socket.setValue(true, for: .localAddressReuse)
            // Accepted connections inherit it. With Nagle's algorithm a second write would wait for the client's
            // delayed acknowledgement.
            try socket.setValue(true, for: BoolSocketOption(level: Int32(IPPROTO_TCP), name: TCP_NODELAY))
            try socket.bind(to: sockaddr_in.inet(ip4: "127.0.0.1", port: port))
            try socket.listen()
            try Self.prepare(socket)
            guard case .ip4(_, let port) = try socket.sockname() else { throw SocketError.unsupportedAddress }
            self.port = port
        } catch {
            try? socket.close()
            throw error
        }
    }

    /// Hands every connection to `serve`, each in a task of its own, until it is cancelled.
    func run(_ serve: @escaping @Sendable (Connection) async -> Void) async {
        defer { try? socket.close() }
        try? await pool.prepare()
        await withTaskGroup(of: Void.self) { group in
            group.addTask { try? await pool.run() }
            group.addTask {
                await withDiscardingTaskGroup { group in
                    while !Task.isCancelled {
                        guard let connection = await accept() else { continue }
                        group.addTask {
                            await serve(connection)
                            connection.close()
                        }
                    }
                }
            }
            await group.waitForAll()
        }
    }

    /// The next connection; `nil` when it was gone before it was taken, or there was no room for it.
    private func accept() async -> Connection? {
        do {
            let (file, address) = try socket.accept()
            let accepted = Socket(file: file)
            try Self.prepare(accepted)
            let peer = withUnsafeBytes(of: address) { $0.load(as: sockaddr_in.self).sin_port }
            return Connection(socket: accepted, pool: pool, peer: UInt16(bigEndian: peer))
        } catch SocketError.blocked {
            try? await pool.suspendSocket(socket, untilReadyFor: .connection)
        } catch {
            try? await Task.sleep(for: .milliseconds(10))
        }
        return nil
    }

    private static func prepare(_ socket: Socket) throws {
        try socket.setFlags(.nonBlocking)
        guard fcntl(socket.file.rawValue, F_SETFD, FD_CLOEXEC) == 0 else { throw SocketError.makeFailed("CloseOnExec") }
    }
}
