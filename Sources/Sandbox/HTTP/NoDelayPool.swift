internal import FlyingSocks
internal import Glibc
internal import Synchronization

/// FlyingFox's event loop, with Nagle's algorithm switched off.
///
/// Headers and body go out in two writes; with Nagle each small answer would wait for the client's delayed
/// acknowledgement. Accepted connections take the option over from the listening socket, the first one seen here.
final class NoDelayPool: AsyncSocketPool {
    private let base = SocketPool.ePoll(maxEvents: 64)
    private let isSet = Atomic(false)

    func prepare() async throws { try await base.prepare() }

    func run() async throws { try await base.run() }

    func suspendSocket(_ socket: Socket, untilReadyFor events: Socket.Events) async throws {
        if !isSet.exchange(true, ordering: .relaxed) {
            var on: Int32 = 1
            setsockopt(
                socket.file.rawValue, Int32(IPPROTO_TCP), TCP_NODELAY, &on, socklen_t(MemoryLayout<Int32>.size))
        }
        try await base.suspendSocket(socket, untilReadyFor: events)
    }
}

/// Makes the end of the connection from local port `peer` a reset instead of a close.
func makeResetOnClose(peer: UInt16) {
    for file in Int32(3)..<4096 {
        var address = sockaddr_in()
        var length = socklen_t(MemoryLayout<sockaddr_in>.size)
        let isConnection = withUnsafeMutablePointer(to: &address) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) { getpeername(file, $0, &length) } == 0
        }
        guard isConnection, Int32(address.sin_family) == AF_INET, UInt16(bigEndian: address.sin_port) == peer else {
            continue
        }
        var option = linger(l_onoff: 1, l_linger: 0)
        setsockopt(file, SOL_SOCKET, SO_LINGER, &option, socklen_t(MemoryLayout<linger>.size))
    }
}
