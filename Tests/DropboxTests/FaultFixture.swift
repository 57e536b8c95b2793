import Dropbox
import NetworkSupport
import Sandbox
import SyncModel
import Transport

/// An account of the sandbox, a fault, and calls that meet with it.
struct FaultFixture {
    private let row: FaultMatrix.Row
    private let server: SandboxServer
    private let transport: CurlTransport
    /// Where the calls go while the fault lasts, and afterwards.
    private let places: (broken: String, sound: String)
    private let version: FileVersion
    private let cursor: Cursor
    private let reference: [FaultMatrix.Column: String]

    /// Runs `body` with the fault of `row`, in a world of its own.
    static func run(_ row: FaultMatrix.Row, _ body: (FaultFixture) async throws -> Void) async throws {
        try await SandboxFixture.run(seed: Seed(files: 25, minSize: 3_000, maxSize: 3_000, depth: 1)) { fixture in
            let tls = row.needsTLS ? try FaultyTLS(row, in: fixture.server) : nil
            let transport = CurlTransport(
                settings: TransportSettings(proxy: .none, caFile: tls?.authority, memoryLimit: 2 << 20))
            let places = (row.elsewhere ?? tls?.broken.url ?? fixture.server.url, tls?.sound.url ?? fixture.server.url)
            do {
                try await body(try await FaultFixture(row, fixture, transport, places))
            } catch {
                await transport.stop()
                throw error
            }
            await transport.stop()
            withExtendedLifetime(tls) {}
        }
    }

    private init(
        _ row: FaultMatrix.Row, _ fixture: SandboxFixture, _ transport: CurlTransport,
        _ places: (broken: String, sound: String)
    ) async throws {
        fixture.account.configure { $0.pageSize = 4 }
        try fixture.account.put("/folder/one.txt", "one")
        let page = try await fixture.client.changes(since: nil)
        let versions = page.changes.compactMap { change -> FileVersion? in
            if case .put(_, .file(_, let version), _) = change { version } else { nil }
        }
        guard let version = versions.first, page.hasMore else { throw FaultMatrix.Problem("the account is empty") }
        (self.row, self.server, self.transport, self.places) = (row, fixture.server, transport, places)
        (self.version, cursor) = (version, page.cursor)
        var reference: [FaultMatrix.Column: String] = [:]
        for column in FaultMatrix.Column.allCases {
            let calls = FaultCalls(fixture.server, transport: fixture.transport, base: fixture.server.url, row: row)
            reference[column] = try await calls.make(column, version, cursor)
        }
        self.reference = reference
    }

    /// What a page comes to with entries that cannot be read.
    fileprivate static let apart = "apart"

    /// What the call comes to while the fault lasts.
    func cell(_ column: FaultMatrix.Column) async throws -> String {
        let isPage = [.list, .more].contains(column)
        // Where it hits a page decides what becomes of it: here it spoils entries, and not the page.
        let effect = row == .flippedByte && isPage ? .set(member: "size", "5\u{FFFD}") : row.effect
        if let effect { server.faults.add(Fault(effect, endpoint: column.endpoint, times: nil)) }
        defer { server.faults.clear() }
        let counting = CountingTransport(transport)
        let calls = FaultCalls(server, transport: counting, base: places.broken, row: row)
        let word = try await outcome(column, calls)
        let asked = counting.count(of: column.endpoint)
        return asked == 1 ? word : "\(word) \(asked)"
    }

    /// What the same call comes to when the fault is over.
    func afterwards(_ column: FaultMatrix.Column) async throws -> String {
        try await outcome(column, FaultCalls(server, transport: transport, base: places.sound, row: row))
    }

    private func outcome(_ column: FaultMatrix.Column, _ calls: FaultCalls) async throws -> String {
        do {
            let answer = try await calls.make(column, version, cursor)
            if answer == reference[column] { return "ok" }
            if answer == Self.apart { return answer }
            return switch column {
            case .download, .segment, .zip: "bytes"
            case .longpoll: "none"
            default: "wrong"
            }
        } catch let error as DropboxError {
            return error.disposition.word
        }
    }
}

/// The calls of all columns, each as a value that tells whether it was answered rightly.
private struct FaultCalls {
    private let server: SandboxServer
    private let client: DropboxClient
    private let oauth: OAuthFlow
    private let refreshToken: String?
    private let longpollLimit: Duration

    init(_ server: SandboxServer, transport: any HTTPTransport, base: String, row: FaultMatrix.Row) {
        let limit: Duration = row == .stall ? .seconds(3) : .seconds(30)  // a machine under load is slow, too
        let settings = CallSettings(
            attempts: 2, pausePatience: .seconds(12), pageLimit: 4, stallLimit: limit, answerStallLimit: limit)
        let clock = SteppingClock()
        self.server = server
        longpollLimit = row == .stall ? .seconds(3) : .seconds(29)
        let signIn = server.tokens.issue()
        oauth = OAuthFlow(
            transport: transport, endpoints: Endpoints(base: base), appKey: server.tokens.appKey, settings: settings,
            clock: clock, jitter: { 1 })
        refreshToken = signIn.refresh
        client = DropboxClient(
            transport: transport, endpoints: Endpoints(base: base),
            tokens: TokenSource(
                credentials: Credentials(refreshToken: signIn.refresh, accessToken: signIn.access), oauth: oauth),
            settings: settings, clock: clock, jitter: { 1 })
    }

    private func entries(_ page: ChangePage) -> String {
        page.unreadable > 0 ? FaultFixture.apart : "\(page.changes)"
    }

    func make(_ column: FaultMatrix.Column, _ version: FileVersion, _ cursor: Cursor) async throws -> String {
        switch column {
        case .list: return entries(try await client.changes(since: nil))
        case .more: return entries(try await client.changes(since: cursor))
        case .longpoll: return "\(try await client.awaitChange(after: cursor, for: longpollLimit))"
        case .download:
            let sink = MemorySink()
            try await client.download(version, into: sink)
            return "\(hash(of: sink.bytes))"
        case .segment:
            let sink = MemorySink()
            try await client.downloadSegment(version, upTo: 2_000, into: sink)
            return "\(hash(of: sink.bytes))"
        case .zip:
            let sink = MemorySink()
            try await client.downloadZip(of: RemoteKey("/folder"), into: sink)
            return "\(hash(of: sink.bytes))"
        case .metadata: return "\(try await client.metadata(of: "rev:\(version.rev.text)"))"
        case .account: return "\(try await client.account())"
        case .space: return "\(try await client.spaceUsage())"
        case .check:
            try await client.check()
            return "echo"
        case .token:
            let tokens = TokenSource(credentials: Credentials(refreshToken: refreshToken), oauth: oauth)
            return try await tokens.accessToken().isEmpty ? "empty" : "a token"
        case .revoke:
            let signIn = server.tokens.issue()
            try await oauth.revoke(accessToken: signIn.access)
            return "signed out"
        }
    }
}

/// Two servers in front of the sandbox, one of which has a certificate that is not in order.
private struct FaultyTLS {
    let broken: TLSRelay
    let sound: TLSRelay
    let authority: String

    init(_ row: FaultMatrix.Row, in server: SandboxServer) throws {
        let openssl = try OpenSSL()
        let port = Int(server.url.split(separator: ":").last ?? "") ?? 0
        try openssl.makeAuthority("ca")
        try openssl.makeCertificate("sound", of: "ca", host: "127.0.0.1")
        try openssl.makeCertificate(
            "broken", of: "ca", host: row == .wrongName ? "127.0.0.2" : "127.0.0.1",
            until: row == .expiredCertificate ? "20200102000000Z" : "20490101000000Z")
        broken = try TLSRelay(openssl, "broken", to: port)
        sound = try TLSRelay(openssl, "sound", to: port)
        authority = openssl.path("ca.pem")
        self.openssl = openssl
    }

    /// Keeps the files.
    private let openssl: OpenSSL
}

extension FaultMatrix.Row {
    /// Whether it is the server's certificate that is wrong.
    var needsTLS: Bool { self == .wrongName || self == .expiredCertificate }

    /// Where the calls go if it is no server that fails.
    fileprivate var elsewhere: String? {
        switch self {
        case .refused: "http://127.0.0.1:1"
        case .noName: "http://name.invalid"
        default: nil
        }
    }
}

extension Disposition {
    /// The word that stands for it in the matrix.
    fileprivate var word: String {
        switch self {
        case .retry: "retry"
        case .unreachable: "away"
        case .skipItem: "item"
        case .parked: "parked"
        case .cursorReset: "reset"
        case .sourceGone: "gone"
        case .signedOut: "out"
        case .abortPass: "pass"
        case .fatal: "fatal"
        }
    }
}
