public import SyncModel
public import Transport

/// The hosts of the API.
public enum DropboxHost: String, Hashable, Sendable, CaseIterable {
    /// Listings, tokens, everything with a short answer.
    case api
    /// Downloads and uploads.
    case content
    /// Longpoll.
    case notify
}

/// What a host has answered.
public struct HostAnswer: Hashable, Sendable {
    /// The HTTP status.
    public var status: Int
    /// The server's clock, by the header `Date`.
    public var date: Timestamp?
    /// Whether the answer has `X-Dropbox-Request-Id`: what stands between here and Dropbox and answers in its place, as
    /// a captive portal does, has none.
    public var isDropbox: Bool

    /// Describes an answer.
    public init(status: Int, date: Timestamp?, isDropbox: Bool) {
        (self.status, self.date, self.isDropbox) = (status, date, isDropbox)
    }
}

/// Asks a host for something small that needs no sign-in, so that it is refused: name look-up, proxy, connection, TLS and
/// HTTP have to work for that, and nothing else.
public struct HostProbe: Sendable {
    private let transport: any HTTPTransport
    private let endpoints: Endpoints

    /// Asks the hosts of `endpoints` by `transport`.
    public init(transport: any HTTPTransport, endpoints: Endpoints) {
        self.transport = transport
        self.endpoints = endpoints
    }

    /// Asks a host once.
    ///
    /// - Throws: `TransportError` if no answer comes within `limit`.
    public func ask(_ host: DropboxHost, within limit: Duration) async throws -> HostAnswer {
        let request = HTTPRequest(
            .post, url(host), headers: [.init("Content-Type", host == .content ? "text/plain" : "application/json")],
            body: .bytes(host == .content ? [] : Array(Self.argument(host).utf8)), timeout: limit, stallLimit: nil)
        let answer = try await transport.send(request)
        return HostAnswer(
            status: answer.status, date: answer.headers["Date"].flatMap(HTTPDate.parse),
            isDropbox: answer.headers["X-Dropbox-Request-Id"] != nil)
    }

    /// The address that is asked, without its path.
    public func base(_ host: DropboxHost) -> String {
        switch host {
        case .api: endpoints.api
        case .content: endpoints.content
        case .notify: endpoints.notify
        }
    }

    private func url(_ host: DropboxHost) -> String {
        switch host {
        case .api: endpoints.api + "/2/check/user"
        case .content: endpoints.content + "/2/files/download"
        case .notify: endpoints.notify + "/2/files/list_folder/longpoll"
        }
    }

    /// A cursor that is none is refused at once.
    private static func argument(_ host: DropboxHost) -> String {
        host == .notify ? #"{"cursor": "none", "timeout": 30}"# : #"{"query": "dbxsync"}"#
    }
}
