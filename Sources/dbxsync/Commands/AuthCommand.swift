import ArgumentParser
import Configuration
import Dropbox
import Glibc
import Store
import SyncModel
import TextFormatting
import Transport

/// `dbxsync auth`: signs in and out.
struct AuthCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "auth", abstract: "Signs in to Dropbox, or out.",
        discussion: """
            Prints the address of a page where you allow the access, and reads the code that the page shows. For \
            scripts: "--verifier V" prints the address for a verifier of your own (43 to 128 letters, digits, "-", ".", \
            "_", "~"), "--code CODE --verifier V" turns the code into a sign-in.
            """)

    @OptionGroup var common: CommonOptions

    // Both may begin with a hyphen, being Base64 for URLs.
    @Option(parsing: .unconditional, help: "The code that the page has shown; needs --verifier.")
    var code: String?

    @Option(parsing: .unconditional, help: "The PKCE verifier (RFC 7636) to use.")
    var verifier: String?

    @Flag(
        help:
            "Also ask for the permission to write files, which dbxsync put needs; always asked for if there is an [outbox]."
    )
    var uploads = false

    @Flag(help: "Sign out: the sign-in is ended at Dropbox and the credentials file is removed.")
    var revoke = false

    @Flag(help: "With --revoke: even if other mirrors of this machine use the same sign-in, which stop, too.")
    var shared = false

    @Flag(help: "Print the result as JSON.")
    var json = false

    @OptionGroup var machine: ConfigurationFolder

    func validate() throws {
        if revoke && (code != nil || verifier != nil || uploads) {
            throw ValidationError("--revoke takes neither --code, --verifier nor --uploads")
        }
        if shared && !revoke { throw ValidationError("--shared is for --revoke") }
        try PKCE.validate(code: code, verifier: verifier)
    }

    func run() async throws {
        try await exiting(common.config) {
            let config = try common.load()
            // Before it becomes another user: those of other mirrors are for others.
            if revoke && !shared,
                let refusal = SharedSignIn.refusal(
                    SharedSignIn.users(of: config, file: common.config, in: machine.path))
            {
                throw refusal
            }
            try Privileges.becomeOwner(of: config.state.directory)
            let log = LogOutput(config.log, config: common.config)
            let connection = Connection(config, calls: .oneShot, logger: log.logger())
            let file = Connection.credentialsFile(config)
            if revoke {
                try await signOut(connection, file)
            } else {
                try await signIn(config, connection: connection, file: file)
            }
            await connection.stop()
            return .done
        }
    }

    // MARK: Signing in

    /// An outbox needs the permission to write just as well.
    private func wantedScopes(_ config: Config) -> [String] {
        OAuthFlow.scopes(uploading: uploads || config.outbox.directory != nil)
    }

    private func signIn(_ config: Config, connection: Connection, file: CredentialsFile) async throws {
        guard !file.isReadOnly else {
            throw Failure(
                .signedOut, "the sign-in is the systemd credential dbxsync-credentials, which only systemd can replace")
        }
        let wantedScopes = wantedScopes(config)
        let pkce = verifier.flatMap { PKCE(verifier: $0) } ?? PKCE()
        let pasted = try code ?? ask(connection.oauth.authorizeURL(pkce, scopes: wantedScopes))
        let grant = try await connection.oauth.exchange(code: pasted, pkce)
        let credentials = Credentials(
            appKey: config.account.appKey, grant: grant, now: .now)
        let client = connection.client(TokenSource(credentials: credentials, oauth: connection.oauth))
        let account = try await client.account()
        try file.write(credentials)
        printOut(try described(account, credentials: credentials, file: file))
        await warnOfOtherOwner(account, config)
        let missing = wantedScopes.filter { !credentials.scopes.contains($0) }
        if credentials.scope != nil, !missing.isEmpty {
            throw Failure(
                .signedOut,
                "the app lacks the scope \(missing.joined(separator: ", ")): enable it under Permissions in the app "
                    + "console (https://www.dropbox.com/developers/apps), then run dbxsync auth\(uploads ? " --uploads" : "") again"
            )
        }
    }

    /// Standard output gets the address alone, so that a script can take it from there.
    private func ask(_ url: String) throws(Failure) -> String {
        let terminal = Terminal.standardError
        terminal.write(line: "Open this address, allow the access, and paste the code that the page shows:\n")
        printOut(url)
        fflush(nil)
        terminal.write(line: "\nCode:")
        guard let line = readLine(), let code = line.split(separator: " ").first else {
            throw Failure(.signedOut, "no code was entered; nothing was changed")
        }
        return String(code)
    }

    private func described(_ account: AccountInfo, credentials: Credentials, file: CredentialsFile) throws -> String {
        let scopes = credentials.scopes.sorted()
        if json {
            return try JSONText.of(
                SignIn(
                    accountId: account.accountID, name: account.displayName, email: account.email, scopes: scopes,
                    credentials: file.path))
        }
        return escapingControls("signed in as \(account.displayName) <\(account.email)>") + "\n"
            + "  scopes       \(escapingControls(scopes.joined(separator: " ")))\n  credentials  \(file.path)"
    }

    /// A sign-in to another account than the mirror's is refused by `run`; better to hear of it now.
    private func warnOfOtherOwner(_ account: AccountInfo, _ config: Config) async {
        guard let store = try? StateStore.openReadOnly(at: config.stateFile),
            let progress = try? await store.progress(), let owner = progress.origin, owner.account != account.accountID
        else { return }
        Terminal.standardError.write(
            line: "dbxsync: warning: the state in \(config.state.directory) belongs to "
                + escapingControls(owner.accountName) + "; dbxsync will not run with this account there")
    }

    // MARK: Signing out

    private func signOut(_ connection: Connection, _ file: CredentialsFile) async throws {
        guard !file.isReadOnly else {
            throw Failure(
                .signedOut, "the sign-in is the systemd credential dbxsync-credentials, which only systemd can remove")
        }
        let tokens = try connection.tokens()
        do {
            try await connection.oauth.revoke(accessToken: try await tokens.accessToken())
        } catch let error as DropboxError where error.disposition == .signedOut {
            // It had ended already: only the file is left to remove.
        }
        try file.remove()
        printOut(
            json ? "{\n  \"signed_out\" : true\n}" : "signed out; \(file.path) is removed, the mirror stays as it is")
    }
}

/// The JSON document of `auth --json`.
private struct SignIn: Encodable {
    let accountId, name, email: String
    let scopes: [String]
    let credentials: String
}

extension PKCE {
    /// What `--code` and `--verifier` have to be.
    static func validate(code: String?, verifier: String?) throws(ValidationError) {
        if code != nil && verifier == nil {
            throw ValidationError("--code needs the --verifier that the address was made with")
        }
        if let verifier, PKCE(verifier: verifier) == nil {
            throw ValidationError("--verifier must be 43 to 128 letters, digits, \"-\", \".\", \"_\" or \"~\"")
        }
    }
}
