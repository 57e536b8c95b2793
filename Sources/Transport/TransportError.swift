import CCurl

/// Why a request got no complete answer.
///
/// Names host and path of the URL, never its query, nor headers or bodies.
public struct TransportError: Error, Hashable, Sendable {
    /// What went wrong, as far as callers have to tell.
    public enum Code: Hashable, Sendable {
        /// The name could not be looked up.
        case resolve
        /// No connection came about.
        case connect
        /// The server's certificate, or the bundle to check it with, is not in order. Never worked around.
        case untrusted
        /// Nothing moved for too long, or the whole took too long.
        case timeout
        /// The connection ended before the answer did, or what came over it is no HTTP.
        case cut
        /// The answer is larger than what may be collected in memory.
        case tooLarge
        /// The request cannot be sent as it is.
        case unusable
        /// The transport was stopped.
        case stopped
    }

    /// What went wrong.
    public let code: Code
    /// What happened, in libcurl's words.
    public let reason: String
    /// Host and path of the URL.
    public let place: String
    /// Whether it was TLS on which both sides did not agree.
    public let isHandshake: Bool

    /// Creates an error.
    public init(code: Code, reason: String, place: String, isHandshake: Bool = false) {
        self.code = code
        self.reason = reason
        self.place = place
        self.isHandshake = isHandshake
    }

    /// Whether the same request may succeed later, without anybody changing anything.
    public var isTransient: Bool {
        switch code {
        case .resolve, .connect, .timeout, .cut: true
        case .untrusted, .tooLarge, .unusable, .stopped: false
        }
    }

    /// Reads libcurl's result; `detail` is what it wrote into CURLOPT_ERRORBUFFER.
    init(curl: CURLcode, detail: String, place: String) {
        // libcurl has the same number for an answer whose headers are larger than it takes.
        let outOfMemory = "the answer has more header lines than can be taken, or memory is short"
        let known = curl == CURLE_OUT_OF_MEMORY ? outOfMemory : String(cString: curl_easy_strerror(curl))
        let text = detail.isEmpty || curl == CURLE_OUT_OF_MEMORY ? known : detail
        self.init(
            code: Code(curl), reason: "\(text) (curl \(curl.rawValue))", place: place,
            isHandshake: curl == CURLE_SSL_CONNECT_ERROR)
    }
}

extension TransportError: CustomStringConvertible {
    /// Place and reason in one line.
    public var description: String { "\(place): \(reason)" }
}

extension TransportError.Code {
    init(_ code: CURLcode) {
        switch code {
        case CURLE_COULDNT_RESOLVE_HOST, CURLE_COULDNT_RESOLVE_PROXY: self = .resolve
        case CURLE_COULDNT_CONNECT, CURLE_SSL_CONNECT_ERROR, CURLE_PROXY: self = .connect
        case CURLE_OPERATION_TIMEDOUT: self = .timeout
        case CURLE_PEER_FAILED_VERIFICATION, CURLE_SSL_CACERT_BADFILE, CURLE_SSL_ISSUER_ERROR,
            CURLE_SSL_CRL_BADFILE, CURLE_SSL_CERTPROBLEM, CURLE_SSL_INVALIDCERTSTATUS, CURLE_SSL_PINNEDPUBKEYNOTMATCH:
            self = .untrusted
        case CURLE_PARTIAL_FILE, CURLE_GOT_NOTHING, CURLE_SEND_ERROR, CURLE_RECV_ERROR, CURLE_HTTP2,
            CURLE_HTTP2_STREAM, CURLE_AGAIN, CURLE_SEND_FAIL_REWIND, CURLE_BAD_CONTENT_ENCODING,
            CURLE_NO_CONNECTION_AVAILABLE, CURLE_WEIRD_SERVER_REPLY:
            self = .cut
        default: self = .unusable
        }
    }
}
