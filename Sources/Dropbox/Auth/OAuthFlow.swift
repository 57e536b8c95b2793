public import Logging
import SyncModel
public import Transport

/// Signing in and out: OAuth 2 code flow with PKCE, offline, the code pasted by the user.
public struct OAuthFlow: Sendable {
    /// The scopes that mirroring needs, and no others.
    public static let readScopes = ["account_info.read", "files.metadata.read", "files.content.read"]

    /// The scope that uploading needs in addition.
    public static let writeScope = "files.content.write"

    /// The scopes that a sign-in has to cover.
    public static func scopes(uploading: Bool) -> [String] { readScopes + (uploading ? [writeScope] : []) }

    /// The key of the app.
    public let appKey: String

    private let appSecret: String?
    private let endpoints: Endpoints
    private let runner: RequestExecutor

    /// Creates a flow for one app.
    ///
    /// - Parameters:
    ///   - transport: Sends the requests.
    ///   - endpoints: Where the API is.
    ///   - appKey: The key of the app.
    ///   - appSecret: The secret of the app; `nil` for apps with PKCE, as it should be.
    ///   - settings: How patient calls are.
    ///   - clock: Measures and waits.
    ///   - jitter: Random numbers in 0..<1, for delays.
    ///   - logger: Is told of failed tries, at debug level.
    ///   - meter: Is told of every attempt.
    public init(
        transport: any HTTPTransport, endpoints: Endpoints = .dropbox, appKey: String, appSecret: String? = nil,
        settings: CallSettings = CallSettings(), clock: any Clock<Duration> = ContinuousClock(),
        jitter: @escaping @Sendable () -> Double = { Double.random(in: 0..<1) },
        logger: Logger = Logger(label: "dbxsync.oauth"), meter: (any CallMeter)? = nil
    ) {
        let time = TimeSource(clock)
        self.appKey = appKey
        self.appSecret = appSecret
        self.endpoints = endpoints
        runner = RequestExecutor(
            transport: transport, tokens: nil, pathRoot: nil, gate: RequestGate(clock: clock), settings: settings,
            time: time, jitter: jitter, logger: logger, meter: meter)
    }

    /// The page where the user allows the access and gets the code.
    public func authorizeURL(_ pkce: PKCE, scopes: [String] = OAuthFlow.readScopes) -> String {
        let query = Form([
            ("client_id", appKey), ("response_type", "code"), ("token_access_type", "offline"),
            ("code_challenge", pkce.challenge), ("code_challenge_method", "S256"),
            ("scope", scopes.joined(separator: " ")),
        ])
        return "\(endpoints.authorize)/oauth2/authorize?\(query.text)"
    }

    /// Turns the pasted code into tokens.
    public func exchange(code: String, _ pkce: PKCE) async throws -> Grant {
        try await grant(
            Form([
                ("grant_type", "authorization_code"), ("code", code), ("code_verifier", pkce.verifier),
                ("client_id", appKey),
            ]))
    }

    /// Gets a new access token.
    ///
    /// `appKey` is the key the sign-in was made with, if it is known.
    func refresh(_ refreshToken: String, appKey: String?) async throws -> Grant {
        try await grant(
            Form([
                ("grant_type", "refresh_token"), ("refresh_token", refreshToken), ("client_id", appKey ?? self.appKey),
            ]))
    }

    /// Ends the sign-in at the server: the access token, its siblings and the refresh token are of no use afterwards.
    ///
    /// - Throws: `DropboxError` if the call fails.
    public func revoke(accessToken: String) async throws {
        var call = Call.rpc("auth/token/revoke", role: .token, base: endpoints.api, argument: .null)
        call.request.headers.append(.init("Authorization", "Bearer \(accessToken)"))
        try await runner.run(call) { response in
            guard case .null = try DropboxClient.decode(JSONValue.self, response: response, call: call) else {
                throw DropboxError.malformed(call, response: response, complaint: "it is not the null that says done")
            }
        }
    }

    private func grant(_ form: Form) async throws -> Grant {
        var form = form
        if let appSecret { form.fields.append(("client_secret", appSecret)) }
        let request = HTTPRequest(
            .post, "\(endpoints.api)/oauth2/token",
            headers: [.init("Content-Type", "application/x-www-form-urlencoded")], body: .bytes(Array(form.text.utf8)),
            timeout: .seconds(120), stallLimit: nil)
        let call = Call(endpoint: "oauth2/token", role: .token, request: request)
        return try await runner.run(call) { try DropboxClient.decode(GrantJSON.self, response: $0, call: call).grant }
    }
}

/// The answer of the token endpoint (docs/dropbox-api.md#82-token-endpoint).
private struct GrantJSON: Decodable {
    let access_token: String
    let expires_in: Int64?
    let refresh_token: String?
    let scope: String?
    let account_id: String?

    var grant: Grant {
        Grant(
            accessToken: access_token, expiresIn: expires_in, refreshToken: refresh_token, scope: scope,
            accountID: account_id)
    }
}

/// Fields of a form or a query.
struct Form {
    var fields: [(name: String, value: String)]

    init(_ fields: [(name: String, value: String)]) { self.fields = fields }

    /// The fields with everything but unreserved characters (RFC 3986) escaped.
    var text: String {
        fields.map { "\(Form.escaped($0.name))=\(Form.escaped($0.value))" }.joined(separator: "&")
    }

    private static func escaped(_ text: String) -> String {
        text.utf8.reduce(into: "") { out, byte in
            let scalar = Unicode.Scalar(byte)
            if scalar.isASCII
                && (scalar.properties.isAlphabetic || ("0"..."9").contains(scalar)
                    || "-._~".unicodeScalars.contains(scalar))
            {
                out.unicodeScalars.append(scalar)
            } else {
                out += (byte < 16 ? "%0" : "%") + String(byte, radix: 16, uppercase: true)
            }
        }
    }
}
