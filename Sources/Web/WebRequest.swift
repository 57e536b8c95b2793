/// The statuses that are answered with (RFC 9110, section 15; RFC 6585, section 5).
public enum WebStatus: Int, Hashable, Sendable {
    /// The content follows.
    case ok = 200
    /// Malformed, or it uses something that is not supported.
    case badRequest = 400
    /// None of the four paths.
    case notFound = 404
    /// Neither GET nor HEAD.
    case methodNotAllowed = 405
    /// The request took too long to arrive.
    case requestTimeout = 408
    /// The page does not answer to this host name.
    case misdirected = 421
    /// The request exceeds the size limit.
    case headersTooLarge = 431
    /// Not in step, the state cannot be read, or too many connections.
    case unavailable = 503

    /// The reason phrase.
    public var phrase: String {
        switch self {
        case .ok: "OK"
        case .badRequest: "Bad Request"
        case .notFound: "Not Found"
        case .methodNotAllowed: "Method Not Allowed"
        case .requestTimeout: "Request Timeout"
        case .misdirected: "Misdirected Request"
        case .headersTooLarge: "Request Header Fields Too Large"
        case .unavailable: "Service Unavailable"
        }
    }
}

/// Why a request is refused.
public struct WebRefusal: Error, Hashable, Sendable {
    /// What it is answered with.
    public var status: WebStatus
    /// Why, in a line without its end.
    public var text: String

    /// Refuses with a reason.
    public init(_ status: WebStatus, _ text: String) {
        self.status = status
        self.text = text
    }
}

/// A request as far as it matters here.
public struct WebRequest: Hashable, Sendable {
    /// What is asked for.
    public enum Method: String, Hashable, Sendable {
        /// The content.
        case get = "GET"
        /// Its headers alone.
        case head = "HEAD"
    }

    /// What is asked for.
    public var method: Method
    /// The path, as it was sent: it is only compared, so nothing in it is decoded.
    public var path: String
    /// What follows the question mark: names and values, decoded, in order.
    public var query: [Parameter]
    /// The header Host; nil if there is none, which HTTP/1.0 allows.
    public var host: String?
    /// The headers Accept, one behind the other; empty if there are none.
    public var accept: String

    /// A name of the query and its value; both may hold anything.
    public struct Parameter: Hashable, Sendable {
        /// The name.
        public var name: String
        /// The value; empty if there is none.
        public var value: String

        /// Creates one.
        public init(_ name: String, _ value: String) {
            self.name = name
            self.value = value
        }
    }

    /// Creates a request.
    public init(
        _ method: Method, _ path: String, query: [Parameter] = [], host: String? = nil, accept: String = ""
    ) {
        self.method = method
        self.accept = accept
        self.path = path
        self.query = query
        self.host = host
    }

    /// The first value of a name in the query; nil if it is not there or empty.
    public subscript(name: String) -> String? {
        query.first { $0.name == name }.flatMap { $0.value.isEmpty ? nil : $0.value }
    }
}
