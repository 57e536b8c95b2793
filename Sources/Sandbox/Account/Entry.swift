/// What the API calls metadata: one entry of a listing.
public enum Entry: Hashable, Sendable {
    /// A file, or something listed like one.
    case file(FileMetadata)
    /// A folder.
    case folder(FolderMetadata)
    /// Something that is not there any more.
    case deleted(DeletedMetadata)

    /// The identity of the entry: its path in the server's lower case.
    public var pathLower: String {
        switch self {
        case .file(let file): return file.pathLower
        case .folder(let folder): return folder.pathLower
        case .deleted(let gone): return gone.pathLower
        }
    }
}

/// FileMetadata.
public struct FileMetadata: Hashable, Sendable {
    /// The last component, in its true case.
    public var name: String
    /// The path that identifies the file.
    public var pathLower: String
    /// The path for display, of which only the last component is dependable.
    public var pathDisplay: String
    /// `id:…`, the same over moves and revisions.
    public var id: String
    /// The revision; `rev:` plus this downloads exactly these bytes.
    public var rev: String
    /// The number of bytes.
    public var size: Int64
    /// The content hash in hexadecimal; absent for some files.
    public var contentHash: String?
    /// The time that the uploader stated, in seconds since 1970.
    public var clientModified: Int64
    /// The time of this revision, in seconds since 1970.
    public var serverModified: Int64
    /// What is unusual about the file.
    public var traits: FileTraits
    /// `sharing_info`.
    public var sharing: Sharing?
}

/// What may be unusual about a file.
public struct FileTraits: Hashable, Sendable {
    /// False for a document that exists online only.
    public var isDownloadable = true
    /// What such a document can be exported as; `nil` when nothing is known about that.
    public var document: OnlineDocument? {
        get { box?.document }
        set { box = newValue.map(Box.init) }
    }
    private var box: Box?
    /// The target, when the file is a symbolic link.
    public var symlinkTarget: String?
    /// Listed without `content_hash`, as very old files are.
    public var hidesHash = false
    /// `download` refuses it with `restricted_content`.
    public var isRestricted = false

    /// An ordinary file.
    public init() {}

    /// What an online document is listed with.
    public init(_ document: OnlineDocument) {
        isDownloadable = false
        hidesHash = !document.listsHash
        self.document = document
    }

    /// A document on the heap: nearly no file is one, and there may be a million files.
    private final class Box: Hashable, Sendable {
        let document: OnlineDocument

        init(_ document: OnlineDocument) { self.document = document }

        static func == (left: Box, right: Box) -> Bool { left.document == right.document }

        func hash(into hasher: inout Hasher) { hasher.combine(document) }
    }
}

/// FolderMetadata.
public struct FolderMetadata: Hashable, Sendable {
    /// The last component, in its true case.
    public var name: String
    /// The path that identifies the folder.
    public var pathLower: String
    /// The path for display, of which only the last component is dependable.
    public var pathDisplay: String
    /// `id:…`, the same over moves.
    public var id: String
    /// `sharing_info`.
    public var sharing: Sharing?
}

/// DeletedMetadata: neither an id nor what it was.
public struct DeletedMetadata: Hashable, Sendable {
    /// The last component.
    public var name: String
    /// The path that identified the entry.
    public var pathLower: String
    /// The path for display.
    public var pathDisplay: String
}

/// One entry of the whole tree as it truly is, for comparing with a mirror.
public struct TreeEntry: Hashable, Sendable {
    /// The path with the true name of every component.
    public var path: String
    /// The path that identifies the entry.
    public var pathLower: String
    /// False for a folder.
    public var isFile: Bool
    /// The number of bytes of a file.
    public var size: Int64
    /// The content hash of a file; never hidden here.
    public var contentHash: String?
    /// The time that the uploader stated, in seconds since 1970.
    public var clientModified: Int64
    /// The id.
    public var id: String
    /// The revision of a file.
    public var rev: String?
    /// What is unusual about the file.
    public var traits: FileTraits
    /// `sharing_info`.
    public var sharing: Sharing?
}

/// One answer of `list_folder` or `list_folder/continue`.
public struct Page: Hashable, Sendable {
    /// The entries, in the order in which they must be applied.
    public var entries: [Entry]
    /// Where the next call goes on.
    public var cursor: String
    /// Whether there is more to read at once.
    public var hasMore: Bool
}
