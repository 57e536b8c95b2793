import CCurl
import Glibc

/// HTTP by libcurl: every request of the process over one curl_multi on one thread.
public final class CurlTransport: HTTPTransport {
    /// What went over the wire so far.
    public let counters = TransportCounters()

    private let mailbox: Mailbox
    private let bandwidth: Bandwidth

    private static let libcurlIsReady: Bool = ccurl_global_start() == CURLE_OK

    /// Starts the thread.
    ///
    /// - Parameters:
    ///   - settings: how the network is reached.
    ///   - bandwidth: a limit that is shared with other transports; `nil` for the one of the settings.
    public init(settings: TransportSettings = TransportSettings(), bandwidth: Bandwidth? = nil) {
        precondition(CurlTransport.libcurlIsReady, "libcurl cannot be initialised")
        guard let multi = curl_multi_init() else { preconditionFailure("out of memory for a curl_multi handle") }
        mailbox = Mailbox(multi: multi)
        self.bandwidth = bandwidth ?? Bandwidth(rate: settings.bandwidth)
        CurlLoop(
            multi: multi, mailbox: mailbox, settings: settings, bandwidth: self.bandwidth, counters: counters
        ).start()
    }

    deinit {
        _ = mailbox.post(.stop)
    }

    /// Sends `request` once; see `HTTPTransport`.
    ///
    /// Cancelling the task ends the transfer at once.
    ///
    /// - Throws: `TransportError`, and what the sink throws.
    public func send(_ request: HTTPRequest, sink: (any BodySink)?) async throws -> HTTPResponse {
        let transfer = CurlTransfer(request: request, sink: sink, counters: counters, mailbox: mailbox)
        return try await withTaskCancellationHandler {
            try await withCheckedThrowingContinuation { continuation in
                if !mailbox.post(.start(transfer, continuation)) {
                    continuation.resume(throwing: TransportError.stopped(request))
                }
            }
        } onCancel: {
            transfer.cancel()
            _ = mailbox.post(.cancel(transfer))
        }
    }

    /// Changes the limit for all bodies that go to sinks, together; running ones included.
    public func limit(bandwidth: Int64?) {
        self.bandwidth.set(bandwidth)
        _ = mailbox.post(.wake)
    }

    /// Has transfers that wait look at the limit again.
    public func wake() { _ = mailbox.post(.wake) }

    /// Returns after a round trip through the thread: `true` if it runs, `false` if it was stopped.
    @discardableResult
    public func alive() async -> Bool {
        await withCheckedContinuation { continuation in
            if !mailbox.post(.answer(continuation)) { continuation.resume(returning: false) }
        }
    }

    /// Ends the thread; open requests fail with `TransportError.Code.stopped`.
    ///
    /// Returns when it has ended.
    public func stop() async {
        await withCheckedContinuation { continuation in
            if !mailbox.post(.stopped(continuation)) { continuation.resume() }
        }
    }
}

extension TransportError {
    static func stopped(_ request: HTTPRequest) -> TransportError {
        TransportError(code: .stopped, reason: "the transport was stopped", place: request.place)
    }
}
