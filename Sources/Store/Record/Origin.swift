/// What a mirror is a mirror of: an account and one of its folders.
public struct Origin: Hashable, Sendable {
    /// The account's id, `dbid:…`.
    public var account: String
    /// Whose account it is, name and address, for people.
    public var accountName: String
    /// The folder's path, "" for everything.
    public var folder: String
    /// The folder's `id:…`, or `ns:` and the namespace for everything: survives renames, differs after a new creation.
    public var folderID: String

    /// Creates an origin.
    public init(account: String, accountName: String, folder: String, folderID: String) {
        self.account = account
        self.accountName = accountName
        self.folder = folder
        self.folderID = folderID
    }

    /// Why a state that is about this origin must not be used for `other`; `nil` if it may.
    ///
    /// What the other one does not hold would be removed from the mirror. A folder that has only got another path is the
    /// same.
    public func refusal(of other: Origin) -> StoreError? {
        if account != other.account {
            return StoreError(
                code: .otherOwner,
                message: "the state file belongs to the account of \(accountName), the sign-in to \(other.accountName)",
                hint: "sign in to that account, or give this one a mirror and a state directory of its own")
        }
        if folderID != other.folderID && folder != other.folder {
            return StoreError(
                code: .otherOwner,
                message: "the state file is about the Dropbox folder \"\(folder)\", the configuration names "
                    + "\"\(other.folder)\"",
                hint: "set mirror.remote_root back, or use another mirror and state directory")
        }
        if folderID != other.folderID {
            let what = folder.isEmpty ? "what the account is mirrored from" : "the Dropbox folder \"\(folder)\""
            let keys = folder.isEmpty ? "if account.namespace or account.team_space was changed, set it back; " : ""
            return StoreError(
                code: .otherOwner,
                message: "\(what) is another one than the one that was mirrored here so far (\(other.folderID), it was "
                    + "\(folderID))",
                hint:
                    "nothing was removed; \(keys)if the new one is wanted, remove the state file and .dbxsync/mirror-id in "
                    + "the mirror: what it holds and what is already in the mirror is adopted, and nothing that is in "
                    + "the mirror is removed")
        }
        return nil
    }
}
