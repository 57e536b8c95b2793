public import SyncModel

/// Removals, or replacements, that are held together until somebody decides.
public struct Hold: Hashable, Sendable {
    /// Its number.
    public var id: Int64
    /// Since when.
    public var began: Timestamp
    /// Why, in words.
    public var reason: String
    /// What was decided.
    public var status: Status
    /// Files that would be removed or replaced.
    public var files: Int
    /// Of these, files that would be replaced.
    public var replacements: Int
    /// Folders that would be removed.
    public var folders: Int
    /// Bytes of those files.
    public var bytes: Int64
    /// The lowest folder that all of them are in, with a slash in front.
    public var folder: String

    /// Files that would be removed; if there are no files, folders that would give way to no file.
    public var removals: Int { max(0, (files == 0 ? folders : files) - replacements) }

    /// What was decided about a hold.
    public enum Status: Int, Hashable, Sendable {
        /// Nothing yet.
        case held
        /// It is done with the next pass.
        case approved
        /// What was to be replaced stays; what was to be removed is nobody's business any more.
        case rejected
    }
}

/// A path that is held.
public struct HeldPath: Hashable, Sendable {
    /// Where it stands, with a slash in front.
    public var path: String
    /// Whether it is a folder.
    public var isFolder: Bool
    /// Whether it would be replaced, rather than removed.
    public var isReplacement: Bool
    /// Bytes.
    public var size: Int64
}

/// What is decided about a hold.
public enum Verdict: String, Hashable, Sendable {
    /// What was listed is removed, or replaced.
    case approve
    /// It stays.
    case reject
}
