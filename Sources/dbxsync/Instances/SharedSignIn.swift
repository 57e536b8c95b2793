import Configuration
import Dropbox

/// Whose sign-in ends with another mirror's.
enum SharedSignIn {
    /// The other mirrors of the machine that use the same sign-in: the same file, or the same token in another one, as far
    /// as who asks may read that.
    ///
    /// - Parameters:
    ///   - config: whose sign-in it is.
    ///   - file: where that stands.
    ///   - folder: where the configurations of the machine are.
    static func users(of config: Config, file: String, in folder: String) -> [Instance] {
        let own = config.account.credentials
        let (ownFile, ownToken, ownConfig) = (Neighbours.real(own), token(in: own), Neighbours.real(file))
        let all = (try? Instance.all(in: folder)) ?? []  // who may not see them cannot know
        return all.filter { instance in
            guard !Neighbours.real(instance.file).utf8.elementsEqual(ownConfig.utf8),
                let other = credentials(of: instance)
            else { return false }
            return Neighbours.real(other).utf8.elementsEqual(ownFile.utf8)
                || ownToken.map { $0 == token(in: other) } ?? false
        }
    }

    /// Also what is wrong in a way that has nothing to do with the sign-in has one.
    private static func credentials(of instance: Instance) -> String? {
        if case .success(let config) = ConfigFile.load(instance.file) { return config.account.credentials }
        guard case .success(let text?) = ConfigFile.text(of: instance.file) else { return nil }
        return ConfigEdit.value(of: "account.credentials", in: text) ?? Config().account.credentials
    }

    private static func token(in file: String) -> String? {
        let credentials = try? CredentialsFile(path: file).read()
        return credentials?.refreshToken ?? credentials?.accessToken
    }

    /// That a sign-in is that of others, too.
    static func refusal(_ others: [Instance]) -> Failure? {
        if others.isEmpty { return nil }
        let names = others.map { "\($0.name) (\($0.file))" }.joined(separator: ", ")
        return Failure(
            .usage,
            "the sign-in is also that of \(names), which would stop, too; nothing was changed\n"
                + "to end it for all of them: dbxsync auth --revoke --shared")
    }
}
