import Configuration
import Dropbox
import Glibc
import Logging
import SyncModel
import TextFormatting

/// The way to an account that somebody is signed in to.
struct AccountSignIn: Sendable {
    let connection: Connection
    let account: AccountInfo
    /// Sees the whole account.
    let client: DropboxClient
    /// A sign-in that is not kept yet; nil for the one that is.
    let new: Credentials?

    /// The folder that an answer means: a number of the list, if one was shown, or a path; "" for everything.
    ///
    /// - Throws: `SetupRefusal` if there is no such folder, and what the client throws.
    func folder(_ answer: String, _ folders: [String]) async throws -> String {
        if !folders.isEmpty, answer.allSatisfy(\.isASCII), let number = Int(answer) {
            if number == 0 { return "" }
            if folders.indices.contains(number - 1) { return "/" + folders[number - 1] }
        }
        let path = RemotePath.absolute(answer)
        if path.isEmpty { return "" }
        do {
            let entry = try await client.metadata(of: path)
            guard case .folder = entry.node else { throw SetupRefusal("\(path) is no folder in Dropbox") }
            return entry.pathDisplay
        } catch let error as DropboxError where error.code == .refused || error.code == .badRequest {
            throw SetupRefusal("there is no folder \(path) in Dropbox")
        }
    }
}

/// Signs in for `dbxsync setup`, or finds that somebody has.
struct SigningIn: Sendable {
    let config: Config
    let dialogue: Dialogue
    let answers: SetupAnswers
    /// What names the configuration on a command line.
    private let option: String
    private let connection: Connection

    init(config: Config, dialogue: Dialogue, answers: SetupAnswers, option: String) {
        (self.config, self.dialogue, self.answers, self.option) = (config, dialogue, answers, option)
        connection = Connection(
            config, calls: .oneShot, logger: .silent)
    }

    /// The sign-in of another file.
    func takeOver(_ credentials: Credentials) async throws -> AccountSignIn {
        try await signIn(TokenSource(credentials: credentials, oauth: connection.oauth), new: credentials)
    }

    /// The sign-in that is there; nil if there is none that holds.
    func present() async throws -> AccountSignIn? {
        let file = Connection.credentialsFile(config)
        guard access(file.path, F_OK) == 0 else { return nil }
        do {
            let credentials = try file.read()
            if let key = credentials.appKey, key != config.account.appKey {
                dialogue.say("  the sign-in in \(file.path) was made with another app key")
                return nil
            }
            return try await signIn(try connection.tokens(), new: nil)
        } catch let error as DropboxError where error.disposition == .signedOut {
            dialogue.say("  the sign-in in \(file.path) does not hold any more: \(error.reason)")
            guard dialogue.isInteractive || answers.verifier != nil else { throw error }
            return nil
        }
    }

    private func signIn(_ tokens: TokenSource, new: Credentials?) async throws -> AccountSignIn {
        let own = connection.client(tokens)
        let account = try await own.account()
        dialogue.say(
            "  signed in\(new == nil ? " already" : "") as \(account.displayName) <\(account.email)>"
                + (new == nil ? " (as somebody else: dbxsync auth\(option))" : ""))
        let client =
            config.account.space == .own
            ? own : connection.client(tokens, pathRoot: config.account.space.pathRoot(of: account))
        return AccountSignIn(connection: connection, account: account, client: client, new: new)
    }

    // MARK: A new one

    /// What the sign-in has to cover.
    private var scopes: [String] {
        OAuthFlow.scopes(uploading: config.outbox.directory != nil)
    }

    /// Has somebody allow the access, until a code is right.
    func anew() async throws -> AccountSignIn {
        let pkce = answers.verifier.flatMap { PKCE(verifier: $0) } ?? PKCE()
        if let code = answers.code { return try await exchange(code, pkce) }
        let address = connection.oauth.authorizeURL(pkce, scopes: scopes)
        guard dialogue.isInteractive else {
            printOut(address)
            throw Failure(
                .signedOut, "open this address, allow the access, and call this again with --code and the code it shows"
            )
        }
        dialogue.say("  Open this address in any browser, allow the access, and paste the code that the page shows:\n")
        printOut(address)
        fflush(nil)
        dialogue.say()
        while true {
            guard let code = try dialogue.line("  Code: ").split(separator: " ").first else { continue }
            do {
                return try await exchange(String(code), pkce)
            } catch {
                if (error as? DropboxError)?.code == .signIn {
                    dialogue.say("  Dropbox does not take this code: each is good once, and for some minutes only.")
                } else {
                    let failure = Failure.of(error)
                    guard [.signedOut, .unreachable, .incomplete].contains(failure.exitCode) else { throw error }
                    dialogue.say("  \(failure.message)")
                    if failure.exitCode == .unreachable {
                        dialogue.say("  The code may still be good: paste it once more when Dropbox can be reached.")
                        continue
                    }
                }
                dialogue.say("  Open the address again for another code.")
            }
        }
    }

    private func exchange(_ code: String, _ pkce: PKCE) async throws -> AccountSignIn {
        let grant = try await connection.oauth.exchange(code: code, pkce)
        let credentials = Credentials(appKey: config.account.appKey, grant: grant, now: .now)
        let missing = scopes.filter { !credentials.scopes.contains($0) }
        guard credentials.scope == nil || missing.isEmpty else {
            throw Failure(
                .signedOut,
                "the app lacks \(missing.joined(separator: ", ")): tick it under Permissions on the app's page, press Submit"
            )
        }
        return try await signIn(TokenSource(credentials: credentials, oauth: connection.oauth), new: credentials)
    }
}
