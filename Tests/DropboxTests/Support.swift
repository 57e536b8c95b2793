import Dropbox
import Foundation
import SyncModel
import Synchronization
import Transport

/// A client over a script, with time and chance in the test's hand.
struct MirrorFixture {
    let transport: ScriptedTransport
    let clock = SteppingClock()
    let client: DropboxClient

    init(
        _ transport: ScriptedTransport, tokens: TokenSource? = nil, remoteRoot: String = "", rootKey: String? = nil,
        pathRoot: PathRoot? = nil, settings: CallSettings = CallSettings(), jitter: Double = 0.5,
        meter: (any CallMeter)? = nil
    ) {
        self.transport = transport
        client = DropboxClient(
            transport: transport, endpoints: Endpoints(base: "https://server"),
            tokens: tokens ?? TokenSource(credentials: Credentials(accessToken: "T0")), remoteRoot: remoteRoot,
            rootKey: rootKey, pathRoot: pathRoot, settings: settings, clock: clock, jitter: { jitter },
            meter: meter)
    }

    init(
        _ replies: ScriptedTransport.Reply..., settings: CallSettings = CallSettings(), remoteRoot: String = "",
        rootKey: String? = nil
    ) {
        self.init(
            ScriptedTransport { _, number in replies[min(number, replies.count - 1)] }, remoteRoot: remoteRoot,
            rootKey: rootKey, settings: settings)
    }
}

/// The `DropboxError` that `body` throws; `nil` if it throws none.
func refusal(_ body: () async throws -> Void) async throws -> DropboxError? {
    do {
        try await body()
        return nil
    } catch let error as DropboxError {
        return error
    }
}

/// Keeps a body in memory.
final class MemorySink: ByteSink {
    private let state = Mutex<(bytes: [UInt8], restarts: Int)>(([], 0))

    init(_ text: String = "") { state.withLock { $0.bytes = Array(text.utf8) } }

    var offset: Int64 { state.withLock { Int64($0.bytes.count) } }
    var text: String { state.withLock { String(decoding: $0.bytes, as: UTF8.self) } }
    var bytes: [UInt8] { state.withLock { $0.bytes } }
    var restarts: Int { state.withLock { $0.restarts } }

    func write(_ bytes: UnsafeRawBufferPointer) throws { state.withLock { $0.bytes.append(contentsOf: bytes) } }

    func restart() throws {
        state.withLock {
            $0.bytes = []
            $0.restarts += 1
        }
    }
}

/// The content hash of a text.
func hash(of text: String) -> ContentHash { hash(of: Array(text.utf8)) }

/// The content hash of bytes.
func hash(of bytes: [UInt8]) -> ContentHash {
    let hasher = ContentHasher()
    bytes.withUnsafeBytes { hasher.update($0) }
    return hasher.finish()
}

/// The bodies of sent requests as text.
func bodies(_ requests: [HTTPRequest]) throws -> [String] {
    try requests.map { String(decoding: try $0.body.collected(), as: UTF8.self) }
}

/// An empty last page.
let emptyPage = #"{"entries":[],"cursor":"C","has_more":false}"#
