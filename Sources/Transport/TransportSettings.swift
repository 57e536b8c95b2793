/// How the transport reaches the network.
public struct TransportSettings: Hashable, Sendable {
    /// Where the proxy's URL comes from.
    public enum Proxy: Hashable, Sendable {
        /// The environment (`https_proxy`, `no_proxy` and so on), as every program with libcurl does.
        case environment
        /// No proxy, whatever the environment says.
        case none
        /// This URL: http, https, socks5 or socks5h.
        case url(String)
    }

    /// The proxy.
    public var proxy: Proxy
    /// A PEM bundle to trust instead of the system's.
    public var caFile: String?
    /// The `User-Agent` header.
    public var userAgent: String
    /// The time for name look-up, connection and TLS handshake.
    public var connectTimeout: Duration
    /// Connections at most, and kept open when idle; requests beyond that wait for one.
    public var connections: Int
    /// Bytes per second for all bodies that go to sinks, together; `nil` for no limit.
    public var bandwidth: Int64?
    /// The largest body collected in memory, in bytes.
    public var memoryLimit: Int
    /// Whether requests may share a connection (HTTP/2), where the server offers that; else each has one of its own
    /// (HTTP/1.1), which is kept for the next.
    public var sharesConnections: Bool
    /// Requests that share a connection at most; more open another one.
    public var streams: Int

    /// Makes settings; the defaults suit the real service.
    public init(
        proxy: Proxy = .environment, caFile: String? = nil, userAgent: String = "dbxsync",
        connectTimeout: Duration = .seconds(30), connections: Int = 64, bandwidth: Int64? = nil,
        memoryLimit: Int = 64 << 20, sharesConnections: Bool = true, streams: Int = 100
    ) {
        self.proxy = proxy
        self.caFile = caFile
        self.userAgent = userAgent
        self.connectTimeout = connectTimeout
        self.connections = connections
        self.bandwidth = bandwidth
        self.memoryLimit = memoryLimit
        self.sharesConnections = sharesConnections
        self.streams = streams
    }
}
