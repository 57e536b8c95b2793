public import SyncModel

/// A sign-in, as the credentials file holds it.
public struct Credentials: Hashable, Sendable {
    /// The key of the app that was signed in to; needed to renew the access token.
    public var appKey: String?
    /// Gives new access tokens, until it is revoked.
    public var refreshToken: String?
    /// Stands in requests, for about four hours.
    public var accessToken: String?
    /// When the access token ends.
    public var expiresAt: Timestamp?
    /// The scopes, with blanks between them.
    public var scope: String?
    /// Whose sign-in it is.
    public var accountID: String?

    /// The scopes one by one; none if they are not known.
    public var scopes: [String] { (scope ?? "").split(separator: " ").map(String.init) }

    /// Makes credentials.
    public init(
        appKey: String? = nil, refreshToken: String? = nil, accessToken: String? = nil, expiresAt: Timestamp? = nil,
        scope: String? = nil, accountID: String? = nil
    ) {
        self.appKey = appKey
        self.refreshToken = refreshToken
        self.accessToken = accessToken
        self.expiresAt = expiresAt
        self.scope = scope
        self.accountID = accountID
    }

    /// The credentials that a fresh sign-in gives.
    public init(appKey: String, grant: Grant, now: Timestamp) {
        self.init(appKey: appKey)
        take(grant, now: now)
    }

    /// Takes over what a grant says; what it does not mention stays.
    ///
    /// A refresh brings no new refresh token, normally.
    mutating func take(_ grant: Grant, now: Timestamp) {
        accessToken = grant.accessToken
        expiresAt = grant.expiresIn.map { now + min(max($0, 0), 1 << 40) }
        refreshToken = grant.refreshToken ?? refreshToken
        scope = grant.scope ?? scope
        accountID = grant.accountID ?? accountID
    }
}

extension Credentials: CustomStringConvertible, CustomDebugStringConvertible, CustomReflectable {
    /// Whose they are, without any secret.
    public var description: String { "credentials of \(accountID ?? "an unnamed account")" }

    /// The same: secrets do not get into a dump either.
    public var debugDescription: String { description }

    /// Shows nothing.
    public var customMirror: Mirror { Mirror(self, children: [:]) }
}

/// What the token endpoint hands out.
public struct Grant: Hashable, Sendable {
    /// The access token.
    public var accessToken: String
    /// Its life in seconds.
    public var expiresIn: Int64?
    /// The refresh token; a renewal brings none, normally.
    public var refreshToken: String?
    /// The scopes, with blanks between them.
    public var scope: String?
    /// Whose sign-in it is.
    public var accountID: String?
}

extension Grant: CustomStringConvertible, CustomDebugStringConvertible, CustomReflectable {
    /// Whose it is, without any secret.
    public var description: String { "grant for \(accountID ?? "an unnamed account")" }

    /// The same: secrets do not get into a dump either.
    public var debugDescription: String { description }

    /// Shows nothing.
    public var customMirror: Mirror { Mirror(self, children: [:]) }
}

/// The credentials file's JSON.
struct CredentialsJSON: Codable {
    var app_key: String?
    var refresh_token: String?
    var access_token: String?
    var expires_at: String?
    var scope: String?
    var account_id: String?

    init(_ credentials: Credentials) {
        app_key = credentials.appKey
        refresh_token = credentials.refreshToken
        access_token = credentials.accessToken
        expires_at = credentials.expiresAt.map(TimestampText.text)
        scope = credentials.scope
        account_id = credentials.accountID
    }

    /// The credentials; `nil` if `expires_at` is not a time.
    var credentials: Credentials? {
        let expiry = expires_at.flatMap(TimestampText.parse)
        if expires_at != nil && expiry == nil { return nil }
        return Credentials(
            appKey: app_key, refreshToken: refresh_token, accessToken: access_token, expiresAt: expiry, scope: scope,
            accountID: account_id)
    }
}
