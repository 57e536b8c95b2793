/// What the mirror loses when it becomes what is wanted under a key.
public enum Loss: Int, Hashable, Sendable {
    /// A file that is no longer in the account.
    case removal = 1
    /// What a file holds: it is to hold something else.
    case replacement
    /// A file where the account holds something of another kind.
    case fileGivesWay
    /// A folder where the account holds something of another kind; what is in it counts for itself.
    case folderGivesWay
}
