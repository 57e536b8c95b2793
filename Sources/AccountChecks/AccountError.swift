public import SyncModel

/// Why the account cannot be listed: what stands at the mirrored folder's path is not what it was.
public struct AccountError: Classified, Hashable, CustomStringConvertible {
    /// How the error is handled.
    public var disposition: Disposition
    /// What happened and what to do.
    public var description: String
    /// Whether the team space is another one than the one that the state is about.
    public var isOtherRoot: Bool

    init(_ disposition: Disposition, _ description: String, isOtherRoot: Bool = false) {
        self.isOtherRoot = isOtherRoot
        self.disposition = disposition
        self.description = description
    }
}
