/// A document that exists online only: no bytes to download, but exports (docs/dropbox-api.md#43-filesexport).
public struct OnlineDocument: Hashable, Sendable {
    /// What made it.
    public enum Kind: String, Hashable, Sendable, CaseIterable {
        /// Dropbox Paper.
        case paper
        /// Google Docs.
        case gdoc
        /// Google Sheets.
        case gsheet
        /// Google Slides.
        case gslides
        /// A link to a web page, which has no export.
        case web
        /// Something that no client has heard of.
        case other

        /// The formats that the kind is exported in, the default first.
        public var formats: [String] {
            switch self {
            case .paper: return ["markdown", "html"]
            case .gdoc: return ["docx"]
            case .gsheet: return ["xlsx"]
            case .gslides: return ["pptx"]
            case .web: return []
            case .other: return ["pdf"]
            }
        }

        /// What the names of such documents end with, without the dot.
        public var ending: String { self == .other ? "sketch" : rawValue }
    }

    /// What made it.
    public var kind: Kind
    /// `export_info.export_as`; the service may leave it out.
    public var exportAs: String?
    /// `export_info.export_options`, which need not have `exportAs` among them; the service may leave them out.
    public var options: [String]?
    /// What each export holds, by format.
    public var exports: [String: Content]
    /// The bytes that listings tell, which are not those of any export.
    public var listedSize: Int64 = 0
    /// Whether listings tell a `content_hash`, which is not that of any export.
    public var listsHash = false
    /// How exports go wrong.
    public var trouble = ExportTrouble()

    /// A document of a kind with all the formats of it, each of which holds the name of the format and `text`.
    public init(_ kind: Kind, text: String = "") {
        self.kind = kind
        exportAs = kind.formats.first
        options = kind.formats.isEmpty ? nil : Array(kind.formats.dropFirst())
        exports = [:]
        for format in kind.formats { exports[format] = .text("\(format): \(text)") }
    }

    /// Whether it has an export in `format`.
    func offers(_ format: String) -> Bool {
        exports[format] != nil && (format == exportAs || options?.contains(format) == true)
    }

    /// The name of an export of the document called `name`: its last ending becomes that of the format.
    static func exportName(of name: String, in format: String) -> String {
        let ending = format == "markdown" ? "md" : format
        guard let dot = name.lastIndex(of: "."), dot > name.startIndex else { return "\(name).\(ending)" }
        return "\(name[..<dot]).\(ending)"
    }
}

/// How the exports of a document go wrong.
public struct ExportTrouble: Hashable, Sendable {
    /// What stands in `export_metadata.export_hash`.
    public enum Hash: String, Hashable, Sendable, CaseIterable {
        /// The hash of the bytes.
        case right
        /// Nothing.
        case none
        /// The hash of other bytes.
        case wrong
    }

    /// So many exports of each revision are not ready yet (`retry_error`); `nil` for all.
    public var notReady: Int? = 0
    /// What stands in `export_metadata.export_hash`.
    public var hash = Hash.right
    /// Each request for a revision gets other bytes, as of zips that hold the time; their number is the same.
    public var differs = false
    /// So many exports of what is the newest revision find that there is a newer one, and answer with that.
    public var changes = 0
    /// `export_metadata.name`, instead of a name that can be used.
    public var name: String?
    /// How the client learns where the bytes end.
    public var end = BodyEnd.length

    /// Exports as they should be.
    public init() {}
}

/// What `files/export` answers.
public struct Export: Sendable {
    /// `export_metadata.name`, which no client may trust.
    public var name: String
    /// `export_metadata.size`.
    public var size: Int64
    /// `export_metadata.export_hash`.
    public var hash: String?
    /// `export_metadata.paper_revision`.
    public var paperRevision: Int64?
    /// `file_metadata`: the revision that was exported.
    public var file: FileMetadata
    /// The bytes.
    public var content: Content
    /// How the client learns where they end.
    public var end: BodyEnd
}
