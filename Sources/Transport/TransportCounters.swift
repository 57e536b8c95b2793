import Synchronization

/// What went over the wire since the start, for status and tests.
///
/// Written by the transport's thread, read by anybody.
public final class TransportCounters: Sendable {
    private let received = Atomic<Int>(0)
    private let sent = Atomic<Int>(0)
    private let sentBytes = Atomic<Int>(0)
    private let opened = Atomic<Int>(0)

    init() {}

    /// Bytes of response bodies.
    public var bytesReceived: Int { received.load(ordering: .relaxed) }

    /// Bytes of request bodies that came from sources, those that were sent again included.
    public var bytesSent: Int { sentBytes.load(ordering: .relaxed) }

    /// Requests begun.
    public var requestsSent: Int { sent.load(ordering: .relaxed) }

    /// Connections opened for requests that have ended.
    public var connectionsOpened: Int { opened.load(ordering: .relaxed) }

    func countReceived(_ bytes: Int) { received.add(bytes, ordering: .relaxed) }

    func countSent(bytes: Int) { sentBytes.add(bytes, ordering: .relaxed) }

    func countSent() { sent.add(1, ordering: .relaxed) }

    func countOpened(_ connections: Int) {
        if connections > 0 { opened.add(connections, ordering: .relaxed) }
    }
}
