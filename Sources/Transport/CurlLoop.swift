import CCurl
import FileSystem
import Glibc

/// The thread that drives curl_multi.
///
/// After `start`, every member is touched by that thread only.
final class CurlLoop: @unchecked Sendable {
    private let multi: UnsafeMutableRawPointer
    private let mailbox: Mailbox
    private let settings: TransportSettings
    private let counters: TransportCounters

    private var running: [UnsafeMutableRawPointer: CurlTransfer] = [:]
    private let throttle: Throttle
    private var isStopping = false
    private var waitingForStop: [CheckedContinuation<Void, Never>] = []

    init(
        multi: UnsafeMutableRawPointer, mailbox: Mailbox, settings: TransportSettings, bandwidth: Bandwidth,
        counters: TransportCounters
    ) {
        self.multi = multi
        self.mailbox = mailbox
        self.settings = settings
        self.counters = counters
        self.throttle = Throttle(bandwidth)
        let connections = max(settings.connections, 1)
        // The default cache of idle connections is too small for many parallel requests and keeps reopening them.
        ccurl_multi_set_long(multi, CURLMOPT_MAXCONNECTS, connections)
        ccurl_multi_set_long(multi, CURLMOPT_MAX_TOTAL_CONNECTIONS, connections)
        ccurl_multi_set_long(multi, CURLMOPT_MAX_CONCURRENT_STREAMS, max(settings.streams, 1))
    }

    /// Starts the detached thread, which keeps this object alive until it is told to stop.
    func start() {
        do {
            try startThread { self.run() }
        } catch {
            preconditionFailure("no thread for HTTP: \(error)")
        }
    }

    private func run() {
        blockSignals()
        while !isStopping {
            mailbox.take().forEach(obey)
            throttle.resume(resume)
            var count: Int32 = 0
            check(curl_multi_perform(multi, &count))
            finishDone()
            if !isStopping { check(curl_multi_poll(multi, nil, 0, throttle.patience(longest: 60_000), nil)) }
        }
        shutDown()
    }

    /// With CURLOPT_NOSIGNAL libcurl leaves SIGPIPE alone (its manual), and TLS writes to a dead peer raise it.
    private func blockSignals() {
        var all = sigset_t()
        sigfillset(&all)
        pthread_sigmask(SIG_BLOCK, &all, nil)
    }

    private func check(_ code: CURLMcode) {
        precondition(code == CURLM_OK, "curl_multi: \(String(cString: curl_multi_strerror(code)))")
    }

    private func obey(_ command: Command) {
        switch command {
        case .start(let transfer, let continuation): start(transfer, continuation)
        case .cancel(let transfer): cancel(transfer)
        case .resume(let transfer): resume(transfer)
        case .wake: break
        case .answer(let continuation): continuation.resume(returning: true)
        case .stop: isStopping = true
        case .stopped(let continuation):
            isStopping = true
            waitingForStop.append(continuation)
        }
    }

    /// Begins a transfer on an easy handle of its own.
    ///
    /// Handles are not reused: one whose transfer has failed, or has shared an HTTP/2 connection, may still hold its
    /// receive buffer and then refuses CURLOPT_BUFFERSIZE (CURLE_BAD_FUNCTION_ARGUMENT, seen with 7.88.1). Connections,
    /// TLS sessions and looked-up names belong to the multi handle, so that a new handle costs next to nothing.
    private func start(_ transfer: CurlTransfer, _ continuation: CheckedContinuation<HTTPResponse, any Error>) {
        if transfer.isCancelled { return continuation.resume(throwing: CancellationError()) }
        guard let easy = curl_easy_init() else { preconditionFailure("out of memory for HTTP") }
        do {
            try transfer.prepare(easy, settings: settings, throttle: throttle, continuation: continuation)
        } catch {
            transfer.finish(throwing: error)
            return curl_easy_cleanup(easy)
        }
        running[easy] = transfer
        check(curl_multi_add_handle(multi, easy))
        counters.countSent()
    }

    private func cancel(_ transfer: CurlTransfer) {
        guard let easy = transfer.easy, running[easy] === transfer else { return }
        remove(easy)
        transfer.finish(throwing: CancellationError())
        curl_easy_cleanup(easy)
    }

    private func finishDone() {
        var result = CURLE_OK
        while let easy = ccurl_multi_next_done(multi, &result) {
            guard let transfer = running[easy] else { continue }
            finish(transfer, easy: easy, result: result)
        }
    }

    private func finish(_ transfer: CurlTransfer, easy: UnsafeMutableRawPointer, result: CURLcode) {
        remove(easy)
        counters.countOpened(ccurl_get_long(easy, CURLINFO_NUM_CONNECTS))
        transfer.finish(result)
        curl_easy_cleanup(easy)
    }

    /// Lets a paused transfer go on, which receives at once what libcurl holds of it.
    ///
    /// Its callbacks ask again for everything that may pause it: one reason may be gone, and another there. Commands are
    /// obeyed between calls of libcurl, so that the pause has taken effect when its end comes; one that has ended
    /// otherwise is no longer known.
    ///
    /// An error of the sink comes out here, and libcurl does not end the transfer for it.
    private func resume(_ transfer: CurlTransfer) {
        guard let easy = transfer.easy, running[easy] === transfer else { return }
        let result = curl_easy_pause(easy, CURLPAUSE_CONT)
        if result != CURLE_OK { finish(transfer, easy: easy, result: result) }
    }

    private func remove(_ easy: UnsafeMutableRawPointer) {
        curl_multi_remove_handle(multi, easy)
        running[easy] = nil
    }

    private func shutDown() {
        let late = mailbox.close()
        for (easy, transfer) in running {
            curl_multi_remove_handle(multi, easy)
            transfer.finish(throwing: TransportError.stopped(transfer.request))
            curl_easy_cleanup(easy)
        }
        running = [:]
        curl_multi_cleanup(multi)
        late.forEach(refuse)
        waitingForStop.forEach { $0.resume() }
    }

    private func refuse(_ command: Command) {
        switch command {
        case .start(let transfer, let continuation):
            continuation.resume(throwing: TransportError.stopped(transfer.request))
        case .answer(let continuation): continuation.resume(returning: false)
        case .stopped(let continuation): continuation.resume()
        case .cancel, .resume, .wake, .stop: break
        }
    }
}
