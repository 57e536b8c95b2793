import CCurl

/// Sets options on one easy handle and remembers the first refusal.
struct EasyOptions {
    private let easy: UnsafeMutableRawPointer
    private(set) var result = CURLE_OK

    init(_ easy: UnsafeMutableRawPointer) { self.easy = easy }

    private mutating func note(_ code: CURLcode) {
        if result == CURLE_OK { result = code }
    }

    mutating func set(_ option: CURLoption, _ value: Int) { note(ccurl_set_long(easy, option, value)) }

    mutating func set(_ option: CURLoption, text: String) { note(ccurl_set_text(easy, option, text)) }

    mutating func set(_ option: CURLoption, pointer: UnsafeMutableRawPointer?) {
        note(ccurl_set_pointer(easy, option, pointer))
    }

    mutating func set(_ option: CURLoption, callback: ccurl_data_callback) {
        note(ccurl_set_data_callback(easy, option, callback))
    }

    mutating func set(rewind callback: ccurl_seek_callback) { note(ccurl_set_seek_callback(easy, callback)) }

    /// What concerns the way to the server.
    mutating func setConnection(_ settings: TransportSettings, isTLS: Bool) {
        set(CURLOPT_NOSIGNAL, 1)
        note(ccurl_restrict_protocols(easy))
        set(CURLOPT_FOLLOWLOCATION, 0)
        ccurl_leave_lookups_behind(easy)
        note(ccurl_check_certificates(easy))
        if let file = settings.caFile { note(ccurl_trust_only(easy, file)) }
        switch settings.proxy {
        case .environment: break
        case .none: set(CURLOPT_PROXY, text: "")
        case .url(let url): set(CURLOPT_PROXY, text: url)
        }
        set(CURLOPT_SUPPRESS_CONNECT_HEADERS, 1)
        set(CURLOPT_USERAGENT, text: settings.userAgent)
        set(CURLOPT_CONNECTTIMEOUT_MS, settings.connectTimeout.milliseconds)
        set(CURLOPT_TCP_KEEPALIVE, 1)
        set(CURLOPT_TCP_KEEPIDLE, 30)
        set(CURLOPT_TCP_KEEPINTVL, 15)
        guard isTLS, settings.sharesConnections else { return note(ccurl_insist_on_http1(easy)) }
        note(ccurl_offer_http2(easy))
        set(CURLOPT_PIPEWAIT, 1)  // a burst waits for one connection to tell whether it multiplexes
    }

    /// What concerns the request itself.
    mutating func setRequest(_ request: HTTPRequest, headers: UnsafeMutablePointer<curl_slist>?) {
        set(CURLOPT_URL, text: request.url)
        note(ccurl_set_list(easy, CURLOPT_HTTPHEADER, headers))
        if request.method == .post { setBody(request.body) }
        if request.needsNewConnection { set(CURLOPT_FRESH_CONNECT, 1) }
        if request.acceptsCompression { set(CURLOPT_ACCEPT_ENCODING, text: "") }
        if let limit = request.timeout { set(CURLOPT_TIMEOUT_MS, max(limit.milliseconds, 1)) }
        if request.stallLimit != nil {
            set(CURLOPT_LOW_SPEED_LIMIT, 1)
            watchForStalls(of: request)
        }
        let expected = request.expectedSize ?? 64 << 10
        // libcurl copies what is left of a buffer at each pause.
        set(CURLOPT_BUFFERSIZE, Int(min(max(expected, 16 << 10), 256 << 10)))
    }

    /// Ends the transfer when nothing moves for as long as the request says; while it runs, too, where that is not.
    ///
    /// libcurl takes no pause of its receiving for a stall, but every pause of its sending.
    mutating func watchForStalls(of request: HTTPRequest, _ isOn: Bool = true) {
        guard let limit = request.stallLimit else { return }
        set(CURLOPT_LOW_SPEED_TIME, isOn ? max((limit.milliseconds + 999) / 1000, 1) : 0)
    }

    private mutating func setBody(_ body: HTTPBody) {
        set(CURLOPT_POST, 1)
        switch body {
        case .bytes(let bytes):
            bytes.withUnsafeBytes {
                note(ccurl_set_body(easy, $0.baseAddress ?? EasyOptions.nothing, Int64($0.count)))
            }
        case .source(let source):
            note(ccurl_set_size(easy, CURLOPT_POSTFIELDSIZE_LARGE, source.size))
            set(CURLOPT_UPLOAD_BUFFERSIZE, 512 << 10)
        }
    }

    /// An address for a body of no bytes: libcurl takes a null pointer for "read it by callback".
    private nonisolated(unsafe) static let nothing = UnsafeRawPointer(
        UnsafeMutableRawPointer.allocate(byteCount: 1, alignment: 1))
}

/// Header lines as libcurl wants them.
enum HeaderList {
    /// The list for `request`; freed by the caller.
    static func make(for request: HTTPRequest) throws(TransportError) -> UnsafeMutablePointer<curl_slist>? {
        if request.url.utf8.contains(where: isControl) {
            throw TransportError(code: .unusable, reason: "the URL holds a control character", place: "")
        }
        var lines = request.headers.map { "\($0.name): \($0.value)" }
        for line in lines where line.utf8.contains(where: { isControl($0) && $0 != 0x09 }) {
            let name = line.prefix { $0 != ":" }.filter { $0.isLetter || $0 == "-" }
            throw TransportError(
                code: .unusable, reason: "the header \(name) holds a control character", place: request.place)
        }
        lines.append("Expect:")
        if request.method == .post, request.header("Content-Type") == nil { lines.append("Content-Type:") }
        var list: UnsafeMutablePointer<curl_slist>?
        for line in lines {
            guard let longer = curl_slist_append(list, line) else { preconditionFailure("out of memory for HTTP") }
            list = longer
        }
        return list
    }

    private static func isControl(_ byte: UInt8) -> Bool { byte < 0x20 || byte == 0x7F }
}

extension Duration {
    /// Whole milliseconds, rounded down.
    var milliseconds: Int {
        Int(components.seconds) * 1000 + Int(components.attoseconds / 1_000_000_000_000_000)
    }
}
