/// Whose mirror a directory is: an account and one of its folders.
public struct MirrorOwner: Hashable, Sendable {
    /// The account's id, `dbid:…`.
    public var account: String
    /// Whose account it is, for people.
    public var accountName: String
    /// The folder's id: `id:…`, or `ns:` and the namespace for everything; it survives renames.
    public var folderID: String
    /// The folder's path, "" for everything; for people.
    public var folder: String

    /// Creates an owner.
    public init(account: String, accountName: String, folderID: String, folder: String) {
        self.account = account
        self.accountName = accountName
        self.folderID = folderID
        self.folder = folder
    }

    /// Why the mirror of this owner at `path` must not be used for `other`; nil if it may.
    func refusal(of other: MirrorOwner, at path: String) -> MirrorError? {
        let giveUp =
            "; to give it up to this one, remove \(path)/\(MirrorTree.markerPath) and the state file: nothing is "
            + "removed from it, and what is right already is adopted"
        if account != other.account {
            return MirrorError(
                code: .otherOwner,
                message: "\(path) is the mirror of another account: of \(accountName) (\(account)), and the sign-in is "
                    + "that of \(other.accountName)",
                hint: "sign in to that account with \"dbxsync auth\", or give this one a mirror.directory of its own"
                    + giveUp)
        }
        if folderID != other.folderID {
            return MirrorError(
                code: .otherOwner,
                message: "\(path) is the mirror of another folder: of \(place) (\(folderID)), and the configuration "
                    + "names \(other.place) (\(other.folderID))",
                hint:
                    "set mirror.remote_root, account.namespace and account.team_space back, or give this one a mirror.directory of its own"
                    + giveUp)
        }
        return nil
    }

    private var place: String { folder.isEmpty ? "the whole Dropbox" : "the Dropbox folder \"\(folder)\"" }
}
