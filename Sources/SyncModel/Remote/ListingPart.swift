/// A folder that is listed side by side with others, as a part of one listing of the account.
public struct ListingPart: Hashable, Sendable {
    /// The folder; `.root` for the mirrored one.
    public var folder: RemoteKey
    /// Whether everything below belongs to it, or only what is in the folder itself.
    public var isRecursive: Bool
    /// Where it goes on; `nil` at its beginning.
    public var cursor: Cursor?

    /// Makes a part.
    public init(_ folder: RemoteKey, isRecursive: Bool, cursor: Cursor? = nil) {
        self.folder = folder
        self.isRecursive = isRecursive
        self.cursor = cursor
    }
}
