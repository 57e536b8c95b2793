/// What kind of change a row of the history tells of; the raw value is its name in the journal and in JSON.
public enum ChangeKind: String, Hashable, Sendable, CaseIterable {
    /// A file was put in place, or has another revision now.
    case filePlaced = "file_placed"
    /// A file was removed.
    case fileRemoved = "file_removed"
    /// A folder was made.
    case folderMade = "folder_made"
    /// A folder was removed.
    case folderRemoved = "folder_removed"
    /// A symbolic link was made, or leads elsewhere now.
    case linkMade = "link_made"
    /// A symbolic link was removed.
    case linkRemoved = "link_removed"
    /// A file or folder was renamed.
    case moved
    /// Something that was not dbxsync's went into `.dbxsync/aside`.
    case setAside = "set_aside"
    /// What a file held before it was replaced went into the trash.
    case trashed
    /// Something was brought back with `dbxsync restore`.
    case restored
    /// Removals or replacements are held.
    case held
    /// What was held was approved, or need not be held any more.
    case released
    /// What was held was rejected.
    case rejected
    /// Files of a folder that the first mirror has put in place, with those of the same batch.
    case folderFilled = "folder_filled"
    /// A pass has ended, and with it the batch of changes before this row.
    case passDone = "pass_done"
}

/// One change of the mirror, as the history keeps it.
public struct MirrorChange: Hashable, Sendable {
    /// What has happened.
    public var kind: ChangeKind
    /// Where, as `status` writes it: from the mirrored folder on, with a slash in front.
    public var path: String
    /// Where it stood before, if it was moved.
    public var oldPath: String?
    /// Bytes; of a folder that was filled, of all files.
    public var size: Int64?
    /// How many files, if there may be several.
    public var files: Int?
    /// The revision that stood there before.
    public var oldRev: Rev?
    /// The revision that stands there now.
    public var rev: Rev?
    /// What it holds, or what the file that was removed held.
    public var hash: ContentHash?
    /// What else is to be said.
    public var reason: String?
    /// Its key, if the guard counts it; not kept.
    public var key: RemoteKey?
    /// What was lost by it, for the guard to count; not kept.
    public var loss: Loss?

    /// The reason of a row that tells of another revision of what stood there.
    public static let sameContent = "same content"
    /// The reason of a row that tells of a file that was not put there by dbxsync.
    public static let stoodThere = "it stood there already"

    /// Creates a change.
    public init(
        _ kind: ChangeKind, path: String, oldPath: String? = nil, size: Int64? = nil, files: Int? = nil,
        oldRev: Rev? = nil, rev: Rev? = nil, hash: ContentHash? = nil, reason: String? = nil, key: RemoteKey? = nil,
        loss: Loss? = nil
    ) {
        self.kind = kind
        self.path = path
        self.oldPath = oldPath
        self.size = size
        self.files = files
        self.oldRev = oldRev
        self.rev = rev
        self.hash = hash
        self.reason = reason
        self.key = key
        self.loss = loss
    }
}

extension Array where Element == MirrorChange {
    /// The same, with the files that were put in place summed up by folder, and without the folders that were made: a
    /// first mirror needs no row for each.
    public var summedUpByFolder: [MirrorChange] {
        var sums: [RemoteKey: MirrorChange] = [:]
        var order: [RemoteKey] = []
        var others: [MirrorChange] = []
        for change in self {
            switch change.kind {
            case .folderMade: continue
            case .filePlaced where change.oldRev == nil:
                let folder = RemoteKey(change.folder)
                if sums[folder] == nil { order.append(folder) }
                var sum = sums[folder] ?? MirrorChange(.folderFilled, path: folder.text, size: 0, files: 0)
                sum.files = (sum.files ?? 0) + 1
                sum.size = (sum.size ?? 0).saturatingSum(change.size ?? 0)
                sums[folder] = sum
            default: others.append(change)
            }
        }
        return order.compactMap { sums[$0] } + others
    }
}

extension MirrorChange {
    /// The folder that holds it; "/" for the top.
    fileprivate var folder: String {
        guard let slash = path.lastIndex(of: "/"), slash != path.startIndex else { return "/" }
        return String(path[..<slash])
    }
}
