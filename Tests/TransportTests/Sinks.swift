import Synchronization
import Transport

/// Collects a body and counts how it was called.
final class CollectingSink: BodySink {
    struct State {
        var heads: [Int] = []
        var bytes: [UInt8] = []
    }
    let state = Mutex(State())
    private let onWrite: @Sendable (Int) throws -> Void
    private let onBegin: @Sendable () throws -> Void

    init(
        onBegin: @escaping @Sendable () throws -> Void = {},
        onWrite: @escaping @Sendable (Int) throws -> Void = { _ in }
    ) {
        self.onBegin = onBegin
        self.onWrite = onWrite
    }

    func begin(_ head: HTTPResponse) throws {
        state.withLock { $0.heads.append(head.status) }
        try onBegin()
    }

    func hasRoom(for count: Int, orCall resume: @escaping @Sendable () -> Void) -> Bool { true }

    func write(_ bytes: UnsafeRawBufferPointer) throws {
        let count = state.withLock { state in
            state.bytes.append(contentsOf: bytes)
            return state.bytes.count
        }
        try onWrite(count)
    }

    var bytes: [UInt8] { state.withLock { $0.bytes } }
    var text: String { state.withLock { String(decoding: $0.bytes, as: UTF8.self) } }
    var heads: [Int] { state.withLock { $0.heads } }
    var count: Int { state.withLock { $0.bytes.count } }
}

/// Raised once, seen by any thread.
final class Flag: Sendable {
    private let state = Atomic<Bool>(false)

    var isUp: Bool { state.load(ordering: .acquiring) }

    func raise() { state.store(true, ordering: .releasing) }
}

/// Lets a test wait until something has happened elsewhere.
final class Signal: Sendable {
    private struct State {
        var count = 0
        var waiting: [(count: Int, continuation: CheckedContinuation<Void, Never>)] = []
    }
    private let state = Mutex(State())

    func fire() {
        let due = state.withLock { state in
            state.count += 1
            let due = state.waiting.filter { $0.count <= state.count }
            state.waiting.removeAll { $0.count <= state.count }
            return due
        }
        for waiter in due { waiter.continuation.resume() }
    }

    /// Returns when it was fired that often.
    func wait(for count: Int = 1) async {
        await withCheckedContinuation { continuation in
            let isDue = state.withLock { state in
                if state.count < count { state.waiting.append((count, continuation)) }
                return state.count >= count
            }
            if isDue { continuation.resume() }
        }
    }
}

extension CurlTransport {
    /// A transport that ignores the proxy of whoever runs the tests.
    static func direct(_ settings: TransportSettings = TransportSettings()) -> CurlTransport {
        var settings = settings
        settings.proxy = .none
        return CurlTransport(settings: settings)
    }
}

/// What `send` came to, for tables: the code of a `TransportError`, the status of an answer, or the error's type.
func outcome(_ transport: CurlTransport, _ request: HTTPRequest, sink: (any BodySink)? = nil) async -> String {
    do {
        return "\(try await transport.send(request, sink: sink).status)"
    } catch let error as TransportError {
        return "\(error.code)"
    } catch {
        return "\(type(of: error))"
    }
}
