public import Dropbox
public import Sandbox
public import Transport

/// An account of the sandbox behind real sockets, and a client of it.
public struct SandboxFixture: Sendable {
    /// The account.
    public let account: Account
    /// Serves the account.
    public let server: SandboxServer
    /// What the client sends its requests with.
    public let transport: CurlTransport
    /// Asks the server.
    public let client: DropboxClient

    /// Starts a server and connects to it; the caller ends it.
    ///
    /// - Parameters:
    ///   - seed: what the account holds.
    ///   - remoteRoot: the folder of the account that the client sees.
    ///   - pathRoot: the namespace that the client asks for.
    ///   - settings: how the client tries again.
    ///   - tokens: where the client's access tokens come from; one that never expires if `nil`.
    /// - Throws: if the server cannot listen.
    public static func start(
        seed: Seed? = nil, remoteRoot: String = "", pathRoot: PathRoot? = nil, settings: CallSettings = patient,
        tokens: ((SandboxServer, CurlTransport) -> TokenSource)? = nil
    ) async throws -> SandboxFixture {
        let account = Account(seed: seed)
        let server = SandboxServer(account: account)
        try await server.start()
        let transport = CurlTransport(settings: TransportSettings(proxy: .none, userAgent: "dbxsync/test"))
        let source = tokens?(server, transport) ?? TokenSource(credentials: Credentials(accessToken: Tokens.standing))
        let client = DropboxClient(
            transport: transport, endpoints: Endpoints(base: server.url), tokens: source, remoteRoot: remoteRoot,
            pathRoot: pathRoot, settings: settings, jitter: { 1 })
        return SandboxFixture(account: account, server: server, transport: transport, client: client)
    }

    /// Ends client and server.
    public func end() async {
        await transport.stop()
        await server.stop()
    }

    /// Runs `body` with a fixture of its own, which ends afterwards.
    ///
    /// - Throws: what `body` throws, or if the server cannot listen.
    public static func run(
        seed: Seed? = nil, remoteRoot: String = "", pathRoot: PathRoot? = nil,
        tokens: ((SandboxServer, CurlTransport) -> TokenSource)? = nil, _ body: (SandboxFixture) async throws -> Void
    ) async throws {
        let fixture = try await start(seed: seed, remoteRoot: remoteRoot, pathRoot: pathRoot, tokens: tokens)
        do {
            try await body(fixture)
        } catch {
            await fixture.end()
            throw error
        }
        await fixture.end()
    }

    /// Many tries, short delays, so that faults are over soon.
    public static let patient = CallSettings(
        attempts: 6, patience: .seconds(60), firstDelay: .milliseconds(1), longestDelay: .milliseconds(4),
        pageLimit: 10, stallLimit: .seconds(30))
}
