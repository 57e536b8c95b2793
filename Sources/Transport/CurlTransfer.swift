import CCurl
import Glibc
import Synchronization

/// One request on one easy handle.
///
/// Touched by the curl thread only, but for `cancel`.
final class CurlTransfer: @unchecked Sendable {
    let request: HTTPRequest
    /// The easy handle while the transfer runs.
    private(set) var easy: UnsafeMutableRawPointer?
    private let sink: (any BodySink)?
    private let counters: TransportCounters
    private let mailbox: Mailbox
    private let cancelled = Atomic<Bool>(false)
    private var continuation: CheckedContinuation<HTTPResponse, any Error>?
    private var headerList: UnsafeMutablePointer<curl_slist>?
    private var errorText: UnsafeMutablePointer<CChar>?
    private var memoryLimit = 0
    private var throttle: Throttle?
    /// Whether the throttle knows that it waits.
    var waitsForCredit = false
    /// What sink and source call when they have room or bytes again; whoever keeps it keeps no transfer.
    private lazy var resume: @Sendable () -> Void = { [weak self, mailbox] in
        if let self { _ = mailbox.post(.resume(self)) }
    }
    private var headIsComplete = false
    private var response = HTTPResponse(status: 0)
    private var failure: (any Error)?
    private var target = Target.unknown
    /// How much of the request's body libcurl has taken.
    private var sent: Int64 = 0
    /// Whether the body waits for its source, or for the limit on bandwidth.
    private var sendingIsPaused = false {
        didSet {
            guard sendingIsPaused != oldValue, let easy else { return }
            var options = EasyOptions(easy)
            options.watchForStalls(of: request, !sendingIsPaused)
        }
    }

    /// The largest head of an answer, in bytes; libcurl's own limit is 300 KiB.
    private static let headLimit = 128 << 10

    /// Where the body goes: known with its first byte.
    private enum Target { case unknown, memory, sink(any BodySink) }

    init(request: HTTPRequest, sink: (any BodySink)?, counters: TransportCounters, mailbox: Mailbox) {
        self.request = request
        self.sink = sink
        self.counters = counters
        self.mailbox = mailbox
    }

    deinit { freeLists() }

    /// Marks the transfer as no longer wanted; from any thread.
    func cancel() { cancelled.store(true, ordering: .sequentiallyConsistent) }

    var isCancelled: Bool { cancelled.load(ordering: .sequentiallyConsistent) }

    /// Sets up `easy` for the request.
    func prepare(
        _ easy: UnsafeMutableRawPointer, settings: TransportSettings, throttle: Throttle,
        continuation: CheckedContinuation<HTTPResponse, any Error>
    ) throws {
        self.continuation = continuation
        self.easy = easy
        memoryLimit = settings.memoryLimit
        self.throttle = throttle
        let buffer = UnsafeMutablePointer<CChar>.allocate(capacity: Int(CURL_ERROR_SIZE))
        buffer.initialize(repeating: 0, count: Int(CURL_ERROR_SIZE))
        errorText = buffer
        headerList = try HeaderList.make(for: request)
        var options = EasyOptions(easy)
        options.set(CURLOPT_ERRORBUFFER, pointer: buffer)
        options.setConnection(settings, isTLS: request.url.lowercased().hasPrefix("https:"))
        options.setRequest(request, headers: headerList)
        let context = Unmanaged.passUnretained(self).toOpaque()
        options.set(CURLOPT_HEADERFUNCTION, callback: receiveHeaderLine)
        options.set(CURLOPT_HEADERDATA, pointer: context)
        options.set(CURLOPT_WRITEFUNCTION, callback: receiveBody)
        options.set(CURLOPT_WRITEDATA, pointer: context)
        if case .source = request.body {
            options.set(CURLOPT_READFUNCTION, callback: sendBody)
            options.set(CURLOPT_READDATA, pointer: context)
            options.set(rewind: rewindBody)
            options.set(CURLOPT_SEEKDATA, pointer: context)
        }
        if options.result != CURLE_OK { throw error(options.result) }
    }

    /// Takes a header line; a status line begins another answer (100, a proxy's answer, then the real one).
    fileprivate func receive(headerLine line: UnsafeRawBufferPointer) -> Bool {
        if line.starts(with: "HTTP/".utf8) {
            response.headers.removeAll()
            headIsComplete = false
        } else if line.count <= 2 {
            headIsComplete = true  // the empty line, with or without a carriage return
            if sendingIsPaused { resume() }  // libcurl wants no more of a body that is refused, and has to look again
        }
        response.headers.append(line: line)
        guard response.headers.byteCount <= CurlTransfer.headLimit else {
            let reason = "the headers exceed \(CurlTransfer.headLimit) bytes"
            failure = TransportError(code: .tooLarge, reason: reason, place: request.place)
            return false
        }
        return true
    }

    /// Takes a piece of the body and tells libcurl how many bytes of it; 0 ends the transfer, with `failure` telling why.
    fileprivate func receive(_ bytes: UnsafeRawBufferPointer) -> Int {
        do {
            switch try bodyTarget() {
            case .sink(let sink):
                guard sink.hasRoom(for: bytes.count, orCall: resume), throttle?.admits(bytes.count, self) ?? true else {
                    return Int(CURL_WRITEFUNC_PAUSE)  // the same bytes come again
                }
                try sink.write(bytes)
            default: try collect(bytes)
            }
            counters.countReceived(bytes.count)
            return bytes.count
        } catch {
            failure = error
            return 0
        }
    }

    /// Gives libcurl the next bytes of the request's body and tells how many; `failure` tells why it ends the transfer.
    fileprivate func send(into buffer: UnsafeMutableRawBufferPointer) -> Int {
        guard case .source(let source) = request.body, sent < source.size else { return 0 }
        let wanted = Int(min(Int64(buffer.count), source.size - sent))
        sendingIsPaused = !(source.isReady(at: sent, orCall: resume) && throttle?.admits(wanted, self) ?? true)
        if sendingIsPaused { return Int(CURL_READFUNC_PAUSE) }
        do {
            let count = try source.read(at: sent, into: UnsafeMutableRawBufferPointer(rebasing: buffer[..<wanted]))
            guard count > 0 else { throw bodyEnded(at: sent, of: source.size) }
            throttle?.giveBack(wanted - count)
            sent += Int64(count)
            counters.countSent(bytes: count)
            return count
        } catch {
            failure = error
            return Int(CURL_READFUNC_ABORT)
        }
    }

    /// Goes back in the request's body: the connection was an old one that had ended, and another takes its place.
    fileprivate func rewind(to offset: Int64) { sent = offset }

    private func bodyEnded(at offset: Int64, of size: Int64) -> TransportError {
        let reason = "the body to be sent ends at byte \(offset) of \(size)"
        return TransportError(code: .unusable, reason: reason, place: request.place)
    }

    private func bodyTarget() throws -> Target {
        if case .unknown = target {
            response.status = easy.map { ccurl_get_long($0, CURLINFO_RESPONSE_CODE) } ?? 0
            if let sink, response.status == 200 || response.status == 206 {
                target = .sink(sink)
                try sink.begin(response)
            } else {
                target = .memory
            }
        }
        return target
    }

    private func collect(_ bytes: UnsafeRawBufferPointer) throws {
        guard response.body.count + bytes.count <= memoryLimit else {
            let isRound = memoryLimit.isMultiple(of: 1 << 20)
            let limit = isRound ? "\(memoryLimit >> 20) MiB" : "\(memoryLimit) bytes"
            let reason = "the answer is larger than \(limit), the most that is kept in memory"
            throw TransportError(code: .tooLarge, reason: reason, place: request.place)
        }
        response.body.append(contentsOf: bytes)
    }

    /// Ends the transfer with libcurl's result.
    func finish(_ result: CURLcode) {
        do {
            if let failure { throw failure }
            if result != CURLE_OK { throw error(result) }
            guard headIsComplete else { throw cutInHead }
            _ = try bodyTarget()  // of an empty body, which came with no call of `receive`
            let continuation = close()
            continuation?.resume(returning: response)
        } catch {
            finish(throwing: error)
        }
    }

    /// Ends the transfer without an answer.
    func finish(throwing error: any Error) {
        close()?.resume(throwing: error)
    }

    private func close() -> CheckedContinuation<HTTPResponse, any Error>? {
        defer { continuation = nil }
        if let easy { ccurl_set_pointer(easy, CURLOPT_ERRORBUFFER, nil) }
        easy = nil
        freeLists()
        return continuation
    }

    private func freeLists() {
        curl_slist_free_all(headerList)
        headerList = nil
        errorText?.deallocate()
        errorText = nil
    }

    /// A connection that ends among the headers is a complete answer to libcurl.
    private var cutInHead: TransportError {
        TransportError(code: .cut, reason: "the connection ended among the headers", place: request.place)
    }

    /// libcurl has one code for a URL it does not support and for an answer that is no HTTP, such as a byte too many
    /// behind the answer before it; the latter is a connection that went wrong.
    private func error(_ result: CURLcode) -> TransportError {
        let isAnswer = result == CURLE_UNSUPPORTED_PROTOCOL && request.url.lowercased().hasPrefix("http")
        return TransportError(
            curl: isAnswer ? CURLE_WEIRD_SERVER_REPLY : result, detail: errorText.map { String(cString: $0) } ?? "",
            place: request.place)
    }
}

private func receiveHeaderLine(
    data: UnsafeMutablePointer<CChar>?, size: Int, count: Int, context: UnsafeMutableRawPointer?
) -> Int {
    guard let context else { return 0 }
    let transfer = Unmanaged<CurlTransfer>.fromOpaque(context).takeUnretainedValue()
    return transfer.receive(headerLine: UnsafeRawBufferPointer(start: data, count: size * count)) ? size * count : 0
}

private func receiveBody(
    data: UnsafeMutablePointer<CChar>?, size: Int, count: Int, context: UnsafeMutableRawPointer?
) -> Int {
    guard let context else { return 0 }
    let transfer = Unmanaged<CurlTransfer>.fromOpaque(context).takeUnretainedValue()
    return transfer.receive(UnsafeRawBufferPointer(start: data, count: size * count))
}

private func sendBody(
    data: UnsafeMutablePointer<CChar>?, size: Int, count: Int, context: UnsafeMutableRawPointer?
) -> Int {
    guard let context else { return Int(CURL_READFUNC_ABORT) }
    let transfer = Unmanaged<CurlTransfer>.fromOpaque(context).takeUnretainedValue()
    return transfer.send(into: UnsafeMutableRawBufferPointer(start: data, count: size * count))
}

private func rewindBody(context: UnsafeMutableRawPointer?, offset: Int64, origin: Int32) -> Int32 {
    guard let context, origin == SEEK_SET else { return CURL_SEEKFUNC_CANTSEEK }
    Unmanaged<CurlTransfer>.fromOpaque(context).takeUnretainedValue().rewind(to: offset)
    return CURL_SEEKFUNC_OK
}
