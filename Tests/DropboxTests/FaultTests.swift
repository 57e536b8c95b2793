import Dropbox
import NetworkSupport
import Sandbox
import SyncModel
import Testing
import Transport

/// Each fault on each endpoint: what the call comes to, and that all is right once the fault is over.
@Suite(.timeLimit(.minutes(5)))
struct FaultTests {
    struct Case: Sendable, CustomTestStringConvertible {
        var name: String
        var effect: Fault.Effect
        /// The endpoints on which it does not pass unnoticed, with what it comes to when it lasts.
        var lasting: [String: Disposition?]
        var testDescription: String { name }

        init(_ name: String, _ effect: Fault.Effect, list: Disposition?, more: Disposition?, download: Disposition?) {
            (self.name, self.effect) = (name, effect)
            lasting = [
                "files/list_folder": list, "files/list_folder/continue": more, "files/download": download,
            ]
        }

        init(_ name: String, _ effect: Fault.Effect, _ all: Disposition?) {
            self.init(name, effect, list: all, more: all, download: all)
        }
    }

    private static let again = Disposition.retry(after: nil)
    private static let broken = Disposition.unreachable

    static let cases: [Case] = [
        Case("closed before the answer", .dropBefore(isReset: false), broken),
        Case("reset before the answer", .dropBefore(isReset: true), broken),
        Case("closed instead of the answer", .dropAfter(isReset: false), broken),
        Case("cut in the body", .cut(after: nil, isReset: false), broken),
        Case("reset in the body", .cut(after: 1, isReset: true), broken),
        Case("cut at the body's beginning", .cut(after: 0, isReset: false), broken),
        Case("a shorter body", .truncate(to: nil), again),
        Case("one byte missing", .wrongLength(by: 1), broken),
        Case("stalled", .stall(after: 3, seconds: 2), broken),
        Case("server trouble", .status(500, body: "oops", type: "text/plain", retryAfter: nil), again),
        Case(
            "overloaded", .status(503, body: "", type: "", retryAfter: 0), list: .retry(after: .zero),
            more: .retry(after: .zero), download: .retry(after: .zero)),
        Case("a page of a captive portal", .html, again),
        Case("half of the JSON", .malformed, list: again, more: again, download: nil),
        Case("no UTF-8", .invalidText, list: again, more: again, download: nil),
        Case("no cursor", .remove(member: "cursor"), list: again, more: again, download: nil),
        Case("no revision", .remove(member: "rev"), list: nil, more: nil, download: again),
        Case("another revision", .set(member: "rev", "ffffffffff"), list: nil, more: nil, download: .skipItem),
        Case(
            "a refusal", .error(409, tags: ["other"], retryAfter: nil), list: .abortPass, more: .cursorReset,
            download: .skipItem
        ),
        Case(
            "a bad request", .status(400, body: "no", type: "text/plain", retryAfter: nil), list: .abortPass,
            more: .cursorReset, download: .skipItem),
        Case(
            "no access", .error(403, tags: ["other"], retryAfter: nil), list: .signedOut, more: .signedOut,
            download: .skipItem),
        Case("a suspended user", .error(401, tags: ["user_suspended"], retryAfter: nil), .signedOut),
        Case("another path root", .error(422, tags: ["no_permission"], retryAfter: nil), .sourceGone),
        Case(
            "an unknown call", .status(404, body: "<html>", type: "text/html", retryAfter: nil), list: .abortPass,
            more: .abortPass, download: .skipItem),
    ]

    @Test("a fault that lasts is told as what it is; after it everything is right", arguments: cases)
    func lasting(_ given: Case) async throws {
        try await SandboxFixture.run(seed: Seed(files: 12, depth: 1)) { fixture in
            fixture.account.configure { $0.pageSize = 10 }
            let listing = try await fixture.list()
            let version = try #require(
                listing.nodes.values.compactMap { if case .file(_, let v) = $0 { v } else { nil } }.first)
            let first = try await fixture.client.changes(since: nil)
            // A machine under load is slow, too: only what is about stalling waits briefly.
            let isStall = if case .stall = given.effect { true } else { false }
            let settings = CallSettings(
                attempts: 2, firstDelay: .milliseconds(1), longestDelay: .milliseconds(1),
                stallLimit: .seconds(isStall ? 1 : 30))
            let client = DropboxClient(
                transport: fixture.transport, endpoints: Endpoints(base: fixture.server.url),
                tokens: TokenSource(credentials: Credentials(accessToken: Tokens.standing)), settings: settings)
            for (endpoint, expected) in given.lasting where expected != nil {
                if case .stall = given.effect, endpoint != "files/download" { continue }  // a listing waits for minutes
                fixture.server.faults.clear()
                fixture.server.faults.add(Fault(given.effect, endpoint: endpoint, times: nil))
                let error = try await refusal {
                    switch endpoint {
                    case "files/list_folder": _ = try await client.changes(since: nil)
                    case "files/list_folder/continue": _ = try await client.changes(since: first.cursor)
                    default: try await client.download(version, into: MemorySink())
                    }
                }
                // A body that is cut again and again still makes progress, until it is whole.
                if error == nil, endpoint == "files/download", given.makesProgress { continue }
                #expect(error?.disposition == expected, "\(endpoint): \(error.debugDescription)")
            }
            fixture.server.faults.clear()
            let after = try await fixture.list()
            #expect(after.nodes == listing.nodes)
            #expect(try await fixture.mirror(after.nodes) == fixture.truth())
        }
    }

    static let passing: [Fault.Effect] = [
        .dropBefore(isReset: false), .dropBefore(isReset: true), .dropAfter(isReset: false), .dropAfter(isReset: true),
        .cut(after: nil, isReset: false), .cut(after: 700, isReset: true), .truncate(to: nil), .corrupt(at: []),
        .wrongLength(by: 1), .wrongLength(by: -1), .slow(rate: 400_000), .delay(seconds: 0.01), .html, .malformed,
        .invalidText, .ignoreRange, .rateLimit(reason: "too_many_requests", retryAfter: 0),
        .status(500, body: "", type: "", retryAfter: nil),
        .status(502, body: "<html>", type: "text/html", retryAfter: nil),
        .error(401, tags: ["expired_access_token"], retryAfter: nil),
    ]

    @Test("one request in three failing, the mirror is exact", arguments: passing)
    func passingFaults(_ effect: Fault.Effect) async throws {
        let source: (SandboxServer, CurlTransport) -> TokenSource = { server, transport in
            let pair = server.tokens.issue()
            let oauth = OAuthFlow(
                transport: transport, endpoints: Endpoints(base: server.url), appKey: server.tokens.appKey,
                settings: SandboxFixture.patient)
            let credentials = Credentials(refreshToken: pair.refresh, accessToken: pair.access)
            return TokenSource(credentials: credentials, oauth: oauth)
        }
        try await SandboxFixture.run(seed: Seed(files: 20, depth: 2), tokens: source) { fixture in
            fixture.account.configure { $0.pageSize = 5 }
            var fault = Fault(effect, endpoint: "files/*", times: nil)
            fault.every = 3
            fixture.server.faults.add(fault)
            let listing = try await fixture.list()
            #expect(try await fixture.mirror(listing.nodes) == fixture.truth())
            #expect(fixture.server.log.counters.faults > 5)
        }
    }

    @Test("a download that is cut 50 times fetches each byte once")
    func manyCuts() async throws {
        try await SandboxFixture.run(seed: Seed(files: 0, largeFiles: 1, largeSize: 8 << 20)) { fixture in
            let nodes = try await fixture.list().nodes
            let version = try #require(
                nodes.values.compactMap { if case .file(_, let v) = $0 { v } else { nil } }.first)
            fixture.server.faults.add(
                Fault(.cut(after: 160_000, isReset: false), endpoint: "files/download", times: 50))
            let before = fixture.transport.counters.bytesReceived
            let bytes = try await fixture.fetch(version)
            #expect(hash(of: bytes) == version.hash)
            #expect(fixture.server.log.counters.endpoints.first { $0.key.hasSuffix("files/download") }?.value == 51)
            #expect(fixture.transport.counters.bytesReceived - before == 8 << 20)
        }
    }
}

extension FaultTests.Case {
    /// Whether each try of a download brings some bytes.
    fileprivate var makesProgress: Bool {
        switch effect {
        case .cut(let place, _): place != 0
        case .truncate, .wrongLength, .stall: true
        default: false
        }
    }
}
