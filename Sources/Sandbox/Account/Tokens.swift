internal import Synchronization

/// The sign-ins of the account: codes, refresh tokens and access tokens.
public final class Tokens: Sendable {
    /// Every scope that the app has.
    public static let allScopes = [
        "account_info.read", "files.content.read", "files.content.write", "files.metadata.read",
    ]
    /// An access token with every scope that always works, for a quick try with curl.
    public static let standing = "sandbox-access-token"

    /// The key of the only app there is.
    public let appKey: String
    /// Its secret, for sign-ins without PKCE.
    public let appSecret: String
    private let state = Mutex(State())

    /// A pair of tokens.
    public struct Pair: Hashable, Sendable {
        /// Goes into `Authorization: Bearer …`.
        public var access: String
        /// Only with `token_access_type=offline`.
        public var refresh: String?
        /// What they may be used for.
        public var scopes: [String]
    }

    /// What a code was given for.
    struct Code {
        var scopes: [String]
        var challenge: String?
        var isPlainChallenge = false
        var redirect: String?
        var isOffline: Bool
        var end: Int64
    }

    private struct Access {
        var scopes: [String]
        var end: Int64
        var family: String
    }

    private struct State {
        var codes: [String: Code] = [:]
        var access: [String: Access] = [:]
        var refresh: [String: [String]] = [:]
        var standingWorks = true
    }

    /// Sign-ins for one app.
    public init(appKey: String = "sandboxappkey00", appSecret: String = "sandboxappsecret") {
        self.appKey = appKey
        self.appSecret = appSecret
    }

    // MARK: Handing out

    func makeCode(_ code: Code) -> String {
        let text = Self.random(24)
        state.withLock { $0.codes[text] = code }
        return text
    }

    /// The code's meaning; it is good for one use.
    func redeem(_ code: String) -> Code? {
        let found = state.withLock { $0.codes.removeValue(forKey: code) }
        return found.flatMap { $0.end > Timestamp.now ? $0 : nil }
    }

    /// New tokens without a sign-in.
    public func issue(scopes: [String] = Tokens.allScopes, life: Int64 = 14_400, offline: Bool = true) -> Pair {
        let family = Self.random(43)
        let access = "sl.u." + Self.random(130)
        state.withLock { state in
            if offline { state.refresh[family] = scopes }
            state.access[access] = Access(scopes: scopes, end: Timestamp.now + life, family: family)
        }
        return Pair(access: access, refresh: offline ? family : nil, scopes: scopes)
    }

    /// Another access token for a refresh token; `nil` when that is unknown or revoked, or lacks one of `scopes`.
    func refresh(_ refresh: String, scopes: [String]?, life: Int64) -> Pair? {
        let access = "sl.u." + Self.random(130)
        return state.withLock { state in
            guard let granted = state.refresh[refresh] else { return nil }
            let wanted = scopes ?? granted
            guard wanted.allSatisfy(granted.contains) else { return nil }
            state.access[access] = Access(scopes: wanted, end: Timestamp.now + life, family: refresh)
            return Pair(access: access, refresh: nil, scopes: wanted)
        }
    }

    // MARK: Looking at

    /// Refuses unless `token` is good for `scope`.
    func check(_ token: String, scope: String?) throws(Refusal) {
        let (found, standingWorks) = state.withLock { ($0.access[token], $0.standingWorks) }
        if token == Self.standing, standingWorks { return }
        guard let found else { throw .unauthorized("invalid_access_token") }
        guard found.end > Timestamp.now else { throw .unauthorized("expired_access_token") }
        guard let scope, !found.scopes.contains(scope) else { return }
        throw .unauthorized("missing_scope", [.init("required_scope", .string(scope))])
    }

    // MARK: Ending

    /// Makes every access token answer with `expired_access_token`; refresh tokens go on working.
    public func expireAccessTokens() {
        state.withLock { state in
            for token in state.access.keys { state.access[token]?.end = 0 }
        }
    }

    /// Ends the sign-in that an access token belongs to.
    public func revoke(_ token: String) {
        state.withLock { state in
            if token == Self.standing { state.standingWorks = false }
            guard let family = state.access[token]?.family else { return }
            state.refresh[family] = nil
            state.access = state.access.filter { $0.value.family != family }
        }
    }

    /// Ends every sign-in, also the standing one.
    public func revokeAll() { state.withLock { $0 = State(standingWorks: false) } }

    private static func random(_ length: Int) -> String {
        let letters = Array("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_".utf8)
        return String(decoding: (0..<length).map { _ in letters[Int.random(in: 0..<64)] }, as: UTF8.self)
    }
}
