/// An entry of the account that cannot be downloaded as it is, such as a Paper document or a Google Sheet.
public struct OnlineDocument: Hashable, Sendable {
    /// Its own name.
    public var name: FileName
    /// Its revision.
    public var rev: Rev
    /// `client_modified`.
    public var modified: Timestamp
    /// What it can be exported as.
    public var formats: ExportFormats

    /// Creates one.
    public init(name: FileName, rev: Rev, modified: Timestamp, formats: ExportFormats) {
        self.name = name
        self.rev = rev
        self.modified = modified
        self.formats = formats
    }

    /// How it stands with the file that is made of it.
    public enum Standing: Hashable, Sendable {
        /// It comes as a file of that name.
        case exported(as: FileName)
        /// The configuration leaves documents of its kind out.
        case off
        /// The service offers no format.
        case nothingOffered
        /// Something else of the account has the name that its file would have.
        case nameTaken(FileName)
    }

    /// The name of its file with an extension, which is not added twice.
    public func fileName(withExtension end: String) -> FileName {
        let text = name.text
        let (bytes, suffix) = (text.lowercased().utf8, ".\(end)".utf8)
        let endsSo = bytes.count > suffix.count && bytes.suffix(suffix.count).elementsEqual(suffix)
        return endsSo ? name : FileName("\(text).\(end)")
    }

    /// The key of its file with an extension.
    public func fileKey(withExtension end: String, at key: RemoteKey) -> RemoteKey {
        fileName(withExtension: end) == name ? key : RemoteKey("\(key.text).\(end)")
    }

    /// The key of the file beside the document at `key` that is called `name`; `nil` if that has no extension.
    public static func fileKey(named name: FileName, at key: RemoteKey) -> RemoteKey? {
        name.text.split(separator: ".").last.map { RemoteKey("\(key.text).\($0)") }
    }
}

/// The file that an online document becomes.
public struct ExportedFile: Hashable, Sendable {
    /// What it is made of.
    public var document: OnlineDocument
    /// The document's key.
    public var source: RemoteKey
    /// How it is made.
    public var form: Form
    /// What its bytes are, once this revision was exported; `nil` before.
    public var content: Content?

    /// How it is made.
    public enum Form: Hashable, Sendable {
        /// By `files/export`, in the format of that name; `isFallback` if another one is configured.
        case format(String, isFallback: Bool)
        /// Here: it holds the document's web address.
        case link(String)

        /// Whether both make the same of a revision, whatever is configured.
        public func makesSame(as other: Form) -> Bool {
            switch (self, other) {
            case (.format(let one, _), .format(let other, _)): one == other
            default: self == other
            }
        }
    }

    /// Size and hash of exported bytes.
    public struct Content: Hashable, Sendable {
        /// Bytes.
        public var size: Int64
        /// What they hash to.
        public var hash: ContentHash

        /// Creates one.
        public init(size: Int64, hash: ContentHash) {
            self.size = size
            self.hash = hash
        }
    }

    /// Creates one.
    public init(_ document: OnlineDocument, source: RemoteKey, form: Form, content: Content? = nil) {
        self.document = document
        self.source = source
        self.form = form
        self.content = content
    }

    /// The version that the file is to have; `nil` before it was exported.
    public var version: FileVersion? { content.map { version(with: $0) } }

    /// The version with some content.
    public func version(with content: Content) -> FileVersion {
        FileVersion(rev: document.rev, size: content.size, hash: content.hash, modified: document.modified)
    }

    /// The version, or, before it was exported, one that stands for it and that no bytes have.
    public var placedVersion: FileVersion { version(with: content ?? Self.unknown) }

    private static let unknown = Content(
        size: 0, hash: ContentHash(bytes: [UInt8](repeating: 0, count: 32)) ?? .empty)

    /// All of its bytes, if it holds the web address.
    public var linkBytes: [UInt8]? {
        if case .link(let address) = form { LinkFile.bytes(address) } else { nil }
    }

    /// Whether both are made in the same way of the same revision, whatever their bytes are.
    public func isSameExport(as other: ExportedFile) -> Bool {
        source == other.source && form.makesSame(as: other.form) && document.rev == other.document.rev
    }
}
