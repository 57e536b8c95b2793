/// Why something was kept; the raw value is its name in the state and in JSON.
public enum KeptReason: String, Hashable, Sendable, CaseIterable {
    /// Dropbox removed it.
    case removed
    /// Dropbox replaced it.
    case replaced
    /// It was not from Dropbox and stood in the way, or was changed locally.
    case aside
    /// It was found there, and nobody knows why it was kept.
    case found
}

/// Something that left the mirror and is kept for a while.
public struct KeptItem: Hashable, Sendable {
    /// Where it stood, as `status` writes it: from the mirrored folder on, with a slash in front.
    public var path: String
    /// Where it is now, below `.dbxsync`.
    public var place: String
    /// Why it is kept.
    public var reason: KeptReason
    /// Whether it is a folder with all that is in it.
    public var isFolder: Bool
    /// What it holds, if that is known.
    public var version: FileVersion?
    /// Bytes, of a folder with all that is in it.
    public var size: Int64

    /// Creates an item.
    public init(
        path: String, place: String, reason: KeptReason, isFolder: Bool = false, version: FileVersion? = nil,
        size: Int64
    ) {
        self.path = path
        self.place = place
        self.reason = reason
        self.isFolder = isFolder
        self.version = version
        self.size = size
    }
}

/// What a transaction records of effects besides their outcomes.
public struct EffectRecord: Sendable {
    /// The pass.
    public var pass: Int
    /// Rows for the history.
    public var changes: [MirrorChange]
    /// What was kept.
    public var kept: [KeptItem]

    /// Creates a record.
    public init(pass: Int = 0, changes: [MirrorChange] = [], kept: [KeptItem] = []) {
        self.pass = pass
        self.changes = changes
        self.kept = kept
    }
}
