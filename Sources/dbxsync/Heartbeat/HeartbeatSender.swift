import Configuration
import Transport

/// Sends heartbeats: a GET of the URL when all is well, else a POST to `/fail` below it with the reason.
///
/// What the server says is not read. The URL is a secret: no message holds it.
struct HeartbeatSender: Sendable {
    private let transport: CurlTransport
    /// How long one may take.
    private let limit: Duration

    /// Starts a transport of its own, with the proxy and certificates that are configured for Dropbox.
    init(_ config: Config, limit: Duration = .seconds(10)) {
        var settings = TransportSettings(config.account)
        (settings.connectTimeout, settings.connections) = (limit, 1)
        (settings.memoryLimit, settings.sharesConnections) = (64 << 10, false)
        transport = CurlTransport(settings: settings)
        self.limit = limit
    }

    /// Why a heartbeat did not arrive.
    struct Failure: Error, CustomStringConvertible {
        /// The same for failures that differ in numbers only, such as the milliseconds that they took.
        let kind: String
        let description: String
    }

    /// Tells how the mirror stands; nothing is sent of what is unknown.
    ///
    /// - Throws: `Failure`; `CancellationError`.
    func send(_ health: Health, to url: String) async throws {
        switch health {
        case .well: try await send(HTTPRequest(.get, url, timeout: limit))
        case .failing(let reason):
            let headers = [HTTPRequest.Header("Content-Type", "text/plain; charset=utf-8")]
            try await send(
                HTTPRequest(
                    .post, Self.failing(url), headers: headers, body: .bytes(Array(reason.utf8)), timeout: limit))
        case .unknown: break
        }
    }

    /// Ends what is under way.
    func stop() async { await transport.stop() }

    /// The URL with `/fail` at the end of its path.
    static func failing(_ url: String) -> String {
        let parts = url.split(separator: "?", maxSplits: 1, omittingEmptySubsequences: false)
        let path = (parts.first ?? "").hasSuffix("/") ? (parts.first ?? "").dropLast() : parts.first ?? ""
        return path + "/fail" + (parts.count > 1 ? "?" + parts[1] : "")
    }

    /// libcurl's words without the name of the server, which is part of the URL.
    static func withoutHost(_ reason: String, of url: String) -> String {
        let authority = HTTPRequest(.get, url).place.prefix { $0 != "/" }
        let isIPv6 = authority.hasPrefix("[")
        let host = isIPv6 ? authority.dropFirst().prefix { $0 != "]" } : authority.prefix { $0 != ":" }
        return host.isEmpty ? reason : reason.replacing(host, with: "the server of heartbeat.url")
    }

    private func send(_ request: HTTPRequest) async throws {
        let status: Int
        do {
            status = try await transport.send(request, sink: HeadOnly()).status
        } catch let head as HeadOnly.Head {
            status = head.status
        } catch let error as TransportError {
            throw Failure(kind: "\(error.code)", description: Self.withoutHost(error.reason, of: request.url))
        }
        guard (200..<300).contains(status) else {
            throw Failure(kind: "\(status)", description: "the server answered with \(status)")
        }
    }
}

/// Ends a transfer as soon as its status is known.
private final class HeadOnly: BodySink {
    /// All that is wanted of an answer.
    struct Head: Error {
        let status: Int
    }

    func begin(_ head: HTTPResponse) throws { throw Head(status: head.status) }

    func hasRoom(for count: Int, orCall resume: @escaping @Sendable () -> Void) -> Bool { true }

    func write(_ bytes: UnsafeRawBufferPointer) {}
}
