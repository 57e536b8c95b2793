public import Logging
public import SyncModel

/// Hands out access tokens and renews them: ahead of their end, and when the server refuses one. One renewal at a time.
public actor TokenSource {
    /// How long before its end a token is renewed.
    private static let margin: Int64 = 300

    private var credentials: Credentials
    private let file: CredentialsFile?
    private let oauth: OAuthFlow?
    private let now: @Sendable () -> Timestamp
    private let logger: Logger
    /// Why renewed credentials could not be kept the last time.
    private var notKept: String?
    private var renewal: Task<Credentials, any Error>?

    /// Creates a source.
    ///
    /// - Parameters:
    ///   - credentials: The sign-in to begin with.
    ///   - file: Where renewed credentials are kept; `nil` for nowhere.
    ///   - oauth: Renews; `nil` if the app key is not known, so that the access token has to do.
    ///   - now: The time of day.
    ///   - logger: Is told when renewed credentials cannot be kept.
    public init(
        credentials: Credentials, file: CredentialsFile? = nil, oauth: OAuthFlow? = nil,
        now: @escaping @Sendable () -> Timestamp = { .now },
        logger: Logger = Logger(label: "dbxsync.tokens")
    ) {
        self.credentials = credentials
        self.file = file
        self.oauth = oauth
        self.now = now
        self.logger = logger
    }

    /// A token that holds for some minutes at least.
    public func accessToken() async throws -> String {
        guard let token = credentials.accessToken else { return try await renewed() }
        if !isEnding || !canRenew { return token }
        do {
            return try await renewed()
        } catch  where disposition(of: error) != .signedOut && !isOver {
            return token  // the server of the tokens may be back before this one's end
        }
    }

    /// Replaces a token that the server refused; `false` if there is no way to get another.
    func replace(rejected token: String) async throws -> Bool {
        if let current = credentials.accessToken, current != token { return true }
        guard canRenew else { return false }
        _ = try await renewed()
        return true
    }

    private var canRenew: Bool { credentials.refreshToken != nil && oauth != nil }

    private var isEnding: Bool { ends(within: TokenSource.margin) }

    private var isOver: Bool { ends(within: 0) }

    private func ends(within seconds: Int64) -> Bool {
        credentials.expiresAt.map { $0 - seconds <= now() } ?? false
    }

    /// Unstructured on purpose: a renewal that was begun is kept, even if who asked for it is cancelled.
    ///
    /// A server that rotates refresh tokens has already forgotten the old one.
    private func renewed() async throws -> String {
        let task = renewal ?? Task { try await renew() }
        renewal = task
        let token = try await task.value.accessToken
        guard let token else { throw TokenSource.noSignIn }
        return token
    }

    private func renew() async throws -> Credentials {
        defer { renewal = nil }
        guard let oauth, let refreshToken = credentials.refreshToken else { throw TokenSource.noSignIn }
        do {
            try await keep(oauth.refresh(refreshToken, appKey: credentials.appKey), for: refreshToken)
        } catch let error as DropboxError where error.code == .signIn {
            // Another process may have signed in anew, or renewed first and got a new refresh token.
            guard let other = try? file?.read(), let token = other.refreshToken, token != refreshToken else {
                throw error
            }
            credentials = other
            try await keep(oauth.refresh(token, appKey: other.appKey), for: token)
        }
        return credentials
    }

    /// Keeps a grant, unless somebody has signed in anew or signed out since it was asked for.
    private func keep(_ grant: Grant, for refreshToken: String) {
        credentials.take(grant, now: now())
        guard let file, file.exists else { return }
        if let other = try? file.read(), other.refreshToken != refreshToken, other.accessToken != nil {
            credentials = other
            return
        }
        do {
            try file.write(credentials)
            notKept = nil
        } catch {
            let cause = "\(error)"
            logger.log(
                level: cause == notKept ? .debug : .warning,
                "the renewed sign-in could not be kept, so that a restart may have to sign in again: \(cause)")
            notKept = cause
        }
    }

    private static var noSignIn: DropboxError {
        DropboxError(
            .signIn, "oauth2/token", "there is no token to sign in with", disposition: .signedOut,
            hint: "sign in with: dbxsync auth")
    }
}
