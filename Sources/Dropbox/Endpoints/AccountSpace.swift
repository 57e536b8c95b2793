/// The part of what an account can see that paths are relative to (docs/dropbox-api.md#9-users-and-team-spaces).
public enum AccountSpace: Hashable, Sendable {
    /// The member's own folder.
    case own
    /// The team space.
    case team
    /// A namespace, such as a shared folder, by its id.
    case namespace(String)

    /// The id of the namespace that the paths of this part begin in.
    public func namespace(of account: AccountInfo) -> String {
        switch self {
        case .own: account.homeNamespace
        case .team: account.rootNamespace
        case .namespace(let id): id
        }
    }

    /// What clients of this part send; `nil` for the member's own folder.
    ///
    /// The team space is named as a root: so a membership that ends is a refusal, and not files that are gone.
    public func pathRoot(of account: AccountInfo) -> PathRoot? {
        switch self {
        case .own: nil
        case .team: .root(account.rootNamespace)
        case .namespace(let id): .namespace(id)
        }
    }
}
