import AccountChecks
import Configuration
import Dropbox
import Logging
import SyncModel
import Outbox
import Uploading

extension CompositionRoot {
    /// The outbox that is configured; nil if there is none, and then nothing is made that could write to the account.
    ///
    /// - Throws: `Failure` if its folder or the sign-in does not allow it.
    func outbox(_ config: Config, logger: Logger) throws -> OutboxService? {
        guard let settings = config.outbox.settings else { return nil }
        try OutboxPlaces.check(config)
        try Self.checkScope(config)
        return OutboxService(
            settings: settings, store: store,
            connect: { [source, connection] in
                connection.uploads(try await source.outboxClient(), config: config, logger: logger)
            }, mirror: OutboxMirror(config, store, mirror), now: { .now }, logger: logger)
    }

    /// A sign-in that says what it covers is believed; another one is tried.
    private static func checkScope(_ config: Config) throws {
        let scope = OAuthFlow.writeScope
        guard let granted = try Connection.credentialsFile(config).read().scope,
            !granted.split(separator: " ").contains(Substring(scope))
        else { return }
        throw Failure(
            .signedOut,
            "the sign-in does not cover \(scope), which the outbox needs: allow it in Dropbox's App Console, then sign in "
                + "again with: dbxsync auth")
    }
}
