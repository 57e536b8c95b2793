/// A request, as a value.
public struct HTTPRequest: Sendable {
    /// The methods in use.
    public enum Method: Sendable {
        /// Without a body.
        case get
        /// With a body, perhaps an empty one.
        case post
    }

    /// The method.
    public var method: Method
    /// The absolute URL, http or https.
    public var url: String
    /// The header lines.
    ///
    /// `Content-Type` is sent only if it stands here; line breaks in them are refused.
    public var headers: [Header]
    /// The body of a POST.
    public var body: HTTPBody
    /// The time for everything, the answer's last byte included; `nil` for no limit.
    public var timeout: Duration?
    /// How long nothing may move before the transfer counts as stalled; `nil` for no limit.
    public var stallLimit: Duration?
    /// Whether the answer may come compressed.
    ///
    /// Not for bodies whose exact bytes or ranges matter.
    public var acceptsCompression: Bool
    /// The expected size of the answer's body, for the size of buffers only.
    public var expectedSize: Int64?
    /// Whether no connection that is open already may serve it.
    public var needsNewConnection = false

    /// One header line.
    public struct Header: Hashable, Sendable {
        /// The name, in any case.
        public var name: String
        /// The value.
        public var value: String

        /// Creates a header line.
        public init(_ name: String, _ value: String) {
            self.name = name
            self.value = value
        }
    }

    /// Creates a request; stall detection after 60 seconds, no total time limit.
    public init(
        _ method: Method, _ url: String, headers: [Header] = [], body: HTTPBody = [], timeout: Duration? = nil,
        stallLimit: Duration? = .seconds(60), acceptsCompression: Bool = false, expectedSize: Int64? = nil
    ) {
        self.method = method
        self.url = url
        self.headers = headers
        self.body = body
        self.timeout = timeout
        self.stallLimit = stallLimit
        self.acceptsCompression = acceptsCompression
        self.expectedSize = expectedSize
    }

    /// The value of the first header of that name.
    public func header(_ name: String) -> String? {
        headers.first { $0.name.lowercased() == name.lowercased() }?.value
    }

    /// Host and path of the URL, for errors and logs: without the query, which may hold secrets.
    public var place: String {
        let rest = url.split(separator: "://", maxSplits: 1).last ?? ""
        let bare = rest.prefix { $0 != "?" && $0 != "#" }
        guard let at = bare.lastIndex(of: "@") else { return String(bare) }
        return String(bare[bare.index(after: at)...])
    }
}
