/// Where the API is.
public struct Endpoints: Hashable, Sendable {
    /// Base URL of RPC calls and of `/oauth2/token`.
    public let api: String
    /// Base URL of uploads and downloads.
    public let content: String
    /// Base URL of longpoll.
    public let notify: String
    /// Base URL of the page where a person signs in.
    public let authorize: String

    /// Dropbox itself.
    public static let dropbox = Endpoints(
        api: "https://api.dropboxapi.com", content: "https://content.dropboxapi.com",
        notify: "https://notify.dropboxapi.com", authorize: "https://www.dropbox.com")

    /// Makes endpoints from base URLs without a slash at the end.
    public init(api: String, content: String, notify: String, authorize: String) {
        self.api = api
        self.content = content
        self.notify = notify
        self.authorize = authorize
    }

    /// One base URL for everything: the sandbox or a gateway.
    ///
    /// Slashes at its end are dropped.
    public init(base: String) {
        var base = base
        while base.hasSuffix("/") { base.removeLast() }
        self.init(api: base, content: base, notify: base, authorize: base)
    }
}

/// What paths are relative to: the value of the header `Dropbox-API-Path-Root`.
public enum PathRoot: Hashable, Sendable {
    /// The team space, or whatever the account's root namespace is; a stale id is answered with 422.
    case root(String)
    /// This namespace.
    case namespace(String)

    /// The header's JSON.
    var headerValue: String {
        switch self {
        case .root(let id): APIArgument([".tag": .text("root"), "root": .text(id)]).text
        case .namespace(let id): APIArgument([".tag": .text("namespace_id"), "namespace_id": .text(id)]).text
        }
    }
}
