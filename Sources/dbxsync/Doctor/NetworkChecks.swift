import Configuration
import Dropbox
import Logging
import Store
import SyncModel
import TextFormatting
import Transport

/// Whether Dropbox can be reached and lets this sign-in read what is to be mirrored; asks for real, and only reads.
struct NetworkChecks: Sendable {
    let config: Config
    let environment: [String: String]

    static let hostNames = ["proxy"] + DropboxHost.allCases.map { "host \($0.rawValue)" } + ["clock"]
    static let accountNames = ["sign-in", "scopes", "folder"]

    /// How long a host may take to answer.
    private static let patience = Duration.seconds(15)
    /// By how many seconds the clock may be wrong before that is told, and before it does harm: access tokens are renewed
    /// five minutes before their end.
    private static let (slightly, badly) = (60 as Int64, 300 as Int64)

    private func connection() -> Connection {
        let calls = CallSettings(attempts: 2, patience: .seconds(8), pausePatience: .seconds(5))
        return Connection(
            config, calls: calls, logger: .silent)
    }

    // MARK: Hosts

    /// Of one host.
    private struct Answer: Sendable {
        var host: DropboxHost
        var finding: Finding
        var clock: Finding?
    }

    /// The proxy, the hosts and the clock.
    func hosts() async -> [Finding] {
        let connection = connection()
        let probe = connection.probe
        let answers = await withTaskGroup(of: Answer.self) { group in
            for host in DropboxHost.allCases { group.addTask { await ask(host, probe) } }
            var answers: [Answer] = []
            for await answer in group { answers.append(answer) }
            return answers
        }
        await connection.stop()
        let inOrder = DropboxHost.allCases.compactMap { host in answers.first { $0.host == host } }
        let clock = inOrder.compactMap(\.clock).first ?? .skipped("clock", "no server has told the time")
        return [proxy] + inOrder.map(\.finding) + [clock]
    }

    private func ask(_ host: DropboxHost, _ probe: HostProbe) async -> Answer {
        let name = "host \(host.rawValue)"
        let place = probe.base(host)
        let start = ContinuousClock.now
        do {
            let answer = try await probe.ask(host, within: Self.patience)
            let milliseconds = Int64((ContinuousClock.now - start) / .milliseconds(1))
            let clock = answer.date.map { Self.clock($0, now: .now) }
            return Answer(host: host, finding: Self.finding(name, place, answer, milliseconds), clock: clock)
        } catch let error as TransportError {
            let advice = Self.advice(error, proxy: usedProxy, place: place)
            return Answer(host: host, finding: .problem(name, error.description, do: advice))
        } catch {
            return Answer(host: host, finding: .problem(name, "\(place): \(error)"))
        }
    }

    /// Judges what a host has answered.
    static func finding(_ name: String, _ place: String, _ answer: HostAnswer, _ milliseconds: Int64) -> Finding {
        if answer.status >= 500 {
            return .problem(
                name, "\(place) answers with HTTP \(answer.status)",
                do: "wait: https://status.dropbox.com tells of outages")
        }
        guard answer.isDropbox else {
            return .problem(
                name, "something else than Dropbox answers in the place of \(place) (HTTP \(answer.status))",
                do: "look at the proxy, or at what filters the network here")
        }
        return .ok(name, "\(place) answers in \(milliseconds) ms")
    }

    /// Judges this machine's clock by a server's.
    static func clock(_ server: Timestamp, now: Timestamp) -> Finding {
        let name = "clock"
        let ahead = now.seconds(since: server)
        let span = HumanText.duration(.seconds(Int64(clamping: ahead.magnitude)))
        let found = "this machine's clock is \(span) \(ahead < 0 ? "behind" : "ahead of") Dropbox's"
        let advice = "timedatectl set-ntp true"
        if ahead.magnitude >= badly.magnitude { return .problem(name, found, do: advice) }
        if ahead.magnitude >= slightly.magnitude { return .warning(name, found, do: advice) }
        return .ok(name, ahead.magnitude <= 1 ? "as Dropbox's" : found)
    }

    private var proxy: Finding {
        let name = "proxy"
        if let proxy = config.account.shownProxy { return .ok(name, "\(proxy) (account.proxy)") }
        return .ok(name, proxyVariable.map { "the one of \($0) in the environment" } ?? "none")
    }

    private var proxyVariable: String? {
        ["https_proxy", "HTTPS_PROXY", "all_proxy", "ALL_PROXY"].first { !(environment[$0] ?? "").isEmpty }
    }

    /// The proxy in use, in words; nil if there is none.
    private var usedProxy: String? {
        if let proxy = config.account.shownProxy { return proxy.isEmpty ? nil : "the proxy \(proxy) (account.proxy)" }
        return proxyVariable.map { "the proxy of \($0) in the environment" }
    }

    // MARK: The sign-in

    /// The sign-in, what it covers, and the folder.
    ///
    /// - Parameter origin: what the state is about, if that is known.
    func account(_ origin: Origin?) async -> [Finding] {
        let connection = connection()
        let findings = await examine(connection, origin)
        await connection.stop()
        return findings
    }

    private func examine(_ connection: Connection, _ origin: Origin?) async -> [Finding] {
        let file = Connection.credentialsFile(config)
        let (credentials, client): (Credentials, DropboxClient)
        do {
            credentials = try file.read()
            client = connection.client(try connection.tokens())
        } catch {
            // What is wrong with the file's owner or mode is cured by what the message says, and not by another sign-in.
            let advice = file.exists ? nil : "dbxsync auth"
            return [.problem("sign-in", Failure.of(error).message, do: advice)] + Self.skipped("not signed in")
        }
        if let key = credentials.appKey, key != config.account.appKey {
            return [
                .problem(
                    "sign-in",
                    "the sign-in in \(file.path) was made with the app key \(key), and account.app_key is another",
                    do: "put the old key back, or sign in with the new one: dbxsync auth")
            ] + Self.skipped("the sign-in belongs to another app")
        }
        let account: AccountInfo
        do {
            account = try await client.account()
        } catch {
            let why = Failure.of(error)
            let advice = why.exitCode == .signedOut ? "dbxsync auth" : nil
            return [.problem("sign-in", why.message, do: advice)] + Self.skipped("it is not known who is signed in")
        }
        let who = "\(account.displayName) <\(account.email)>"
        var findings = [signIn(who, credentials, account, origin)]
        findings.append(await scopes(client, credentials))
        findings.append(await folder(connection, account, origin))
        return findings
    }

    private static func skipped(_ why: String) -> [Finding] {
        accountNames.dropFirst().map { .skipped($0, why) }
    }

    private func signIn(
        _ who: String, _ credentials: Credentials, _ account: AccountInfo, _ origin: Origin?
    ) -> Finding {
        if let origin, origin.account != account.accountID {
            return .problem(
                "sign-in", "\(who) is signed in, and the state is about the account of \(origin.accountName)",
                do: "dbxsync auth, with that account; or give this one a mirror and a state directory of its own")
        }
        guard credentials.refreshToken != nil else {
            return .warning(
                "sign-in", "\(who); the sign-in cannot be renewed, and ends within hours", do: "dbxsync auth")
        }
        return .ok("sign-in", who)
    }

    private var wantedScopes: [String] {
        OAuthFlow.scopes(uploading: config.outbox.directory != nil)
    }

    private func scopes(_ client: DropboxClient, _ credentials: Credentials) async -> Finding {
        if let lacking = await lackingScope(client) {
            return Self.finding(granted: [], wanted: [lacking], isKnown: true)
        }
        return Self.finding(granted: credentials.scopes, wanted: wantedScopes, isKnown: credentials.scope != nil)
    }

    /// A scope that Dropbox says is missing when metadata and content are asked for; what is asked for does not exist.
    private func lackingScope(_ client: DropboxClient) async -> String? {
        let nothing = FileVersion(
            rev: Rev("0000000000000"), size: 1, hash: ContentHash.empty, modified: .epoch)
        for ask in [
            { _ = try await client.metadata(of: "/.dbxsync does not exist") },
            { try await client.download(nothing, into: NoSink()) },
        ] as [@Sendable () async throws -> Void] {
            do {
                try await ask()
            } catch let error as DropboxError {
                if case .missingScope(let scope) = error.code { return scope }
            } catch {
                continue
            }
        }
        return nil
    }

    /// Judges the scopes of a sign-in.
    static func finding(granted: [String], wanted: [String], isKnown: Bool) -> Finding {
        let name = "scopes"
        let missing = wanted.filter { !granted.contains($0) }
        if isKnown && !missing.isEmpty {
            return .problem(
                name, "the sign-in lacks \(missing.joined(separator: ", "))",
                do: """
                    enable it under Permissions of your app on https://www.dropbox.com/developers/apps
                    dbxsync auth
                    """)
        }
        // What can only read the account's name harms nobody.
        let more = granted.filter { !wanted.contains($0) && ($0.hasSuffix(".write") || !$0.hasPrefix("account_info")) }
        if !more.isEmpty {
            return .warning(
                name, "the sign-in covers more than is needed: \(more.joined(separator: ", "))",
                do: "fine if you use \"dbxsync put\"; otherwise disable it in the app, and: dbxsync auth")
        }
        return .ok(name, isKnown ? granted.joined(separator: " ") : "not written down with the sign-in; reading works")
    }

    // MARK: The folder

    private func folder(_ connection: Connection, _ account: AccountInfo, _ origin: Origin?) async -> Finding {
        let name = "folder"
        let root = config.mirror.remoteRoot
        let namespace = config.account.space.namespace(of: account)
        var found = Origin(
            account: account.accountID, accountName: account.email, folder: root, folderID: "ns:" + namespace)
        do {
            let client = connection.client(
                try connection.tokens(), pathRoot: config.account.space.pathRoot(of: account))
            if !root.isEmpty {
                let entry = try await client.metadata(of: root)
                guard case .folder = entry.node else {
                    return .problem(name, "\(root) is no folder in Dropbox", do: "set mirror.remote_root to a folder")
                }
                found.folderID = entry.id
            } else {
                _ = try await client.latestCursor()
            }
        } catch let error as DropboxError where error.summary?.hasPrefix("path/not_found") == true {
            return .problem(
                name, "there is no folder \(root) in Dropbox", do: "set mirror.remote_root to its path, or make it")
        } catch {
            return .problem(name, Failure.of(error).message)
        }
        if let refusal = origin?.refusal(of: found) { return .problem(name, refusal.description) }
        return .ok(name, config.account.space.folder(root))
    }
}

/// Takes nothing: what is asked for is not there.
private final class NoSink: ByteSink {
    var offset: Int64 { 0 }
    var mayBeFull: Bool { false }
    func write(_ bytes: UnsafeRawBufferPointer) throws {}
    func restart() throws {}
}
