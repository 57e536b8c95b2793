import SyncModel

/// One entry of a listing as the API writes it: FileMetadata, FolderMetadata or DeletedMetadata (files.stone).
///
/// Nothing that stands in an entry makes the reading fail: what cannot be read whole is an entry that is unreadable.
struct EntryJSON {
    /// What the entry is.
    enum Kind {
        case present(RemoteNode)
        case deleted
    }

    /// Its `path_lower`.
    enum Path {
        case known(String)
        /// There is none that can be used, and why; `beginning` is what comes before the first damage.
        case unknown(String, beginning: String)
    }

    let kind: Kind
    let path: Path
    let pathDisplay: String?
    /// `id:…`; survives renames.
    let id: String?
    /// The id of the shared folder, if it is one.
    let sharedFolder: String?
    private let fields: EntryFields

    /// The largest size that is believed; Dropbox itself takes files up to 2 TB.
    static let largestSize: Int64 = 1 << 53

    /// Reads the next value.
    ///
    /// - Throws: what is wrong with the document, if it does not show where the entry ends.
    init(_ scanner: inout JSONScanner) throws(JSONProblem) {
        var fields = try EntryFields(&scanner)
        let tag = fields.text(.tag)
        let path = EntryJSON.path(&fields)
        pathDisplay = fields.optionalText(.pathDisplay)
        id = fields.optionalText(.id)
        sharedFolder = tag == "folder" ? fields.readable("shared_folder_id", in: .sharingInfo) : nil
        let read: Kind? =
            switch tag {
            case "file": EntryJSON.file(&fields).map { .present($0) }
            case "folder": EntryJSON.folder(&fields).map { .present($0) }
            case "deleted": .deleted
            default: nil
            }
        if read == nil, let tag { fields.note("it is of the unknown kind \"\(tag.shortened)\"") }
        if let read, fields.problem == nil {
            kind = read
        } else {
            kind = .present(EntryJSON.unreadable(fields, path))
        }
        self.path = path
        self.fields = fields
    }

    /// What it says of itself, for people.
    var label: String {
        let names = [fields.beginning(.pathLower), pathDisplay ?? "", fields.readable(.name) ?? "", id ?? ""]
        return (names.first { !$0.isEmpty } ?? fields.excerpt).shortened
    }

    private static func path(_ fields: inout EntryFields) -> Path {
        if let text = fields.readable(.pathLower) { return .known(text) }
        // Null is the API's "not mounted".
        let isMounted = fields.holds(.pathLower)
        _ = fields.text(.pathLower)
        return .unknown(
            isMounted ? "its path cannot be read" : "it has no path", beginning: fields.beginning(.pathLower))
    }

    private static func file(_ fields: inout EntryFields) -> RemoteNode? {
        let (name, rev) = (fields.text(.name), fields.text(.rev))
        let size = fields.size(.size, upTo: largestSize)
        let modified = fields.text(.clientModified).flatMap(TimestampText.parse)
        let isDownloadable = fields.optionalFlag(.isDownloadable)
        let target = fields.holds(.symlinkInfo) ? fields.text("target", in: .symlinkInfo) : nil
        let hex = fields.optionalText(.contentHash)
        let hash = hex.flatMap { ContentHash(hex: $0) }
        if modified?.nanoseconds == nil { fields.note("the field client_modified is not a time that a file can have") }
        if hex != nil && hash == nil { fields.note("the field content_hash is not a hash") }
        let formats = isDownloadable == false ? EntryJSON.exportFormats(&fields) : ExportFormats()
        guard fields.problem == nil, let name, let rev, let size, let modified else { return nil }
        let (file, revision) = (FileName(name), Rev(rev))
        if isDownloadable == false {
            let document = OnlineDocument(name: file, rev: revision, modified: modified, formats: formats)
            return .unavailable(name: file, .document(document, nil), rev: revision)
        }
        if let target {
            let link = SymbolicLink(target: target, rev: revision, modified: modified)
            return .unavailable(name: file, .symbolicLink(link, nil), rev: revision)
        }
        guard let hash else { return .unavailable(name: file, .noContentHash, rev: revision) }
        return .file(name: file, FileVersion(rev: revision, size: size, hash: hash, modified: modified))
    }

    private static func exportFormats(_ fields: inout EntryFields) -> ExportFormats {
        let standard = fields.optionalText("export_as", in: .exportInfo)
        return ExportFormats(exportAs: standard, options: fields.texts("export_options", in: .exportInfo))
    }

    private static func folder(_ fields: inout EntryFields) -> RemoteNode? {
        let noAccess = fields.optionalFlag("no_access", in: .sharingInfo) ?? false
        guard let name = fields.text(.name) else { return nil }
        return noAccess
            ? .unavailable(name: FileName(name), .noAccess, rev: nil) : .folder(name: FileName(name))
    }

    /// What cannot be read whole, under the name that it seems to have.
    private static func unreadable(_ fields: EntryFields, _ path: Path) -> RemoteNode {
        let known: String? = if case .known(let text) = path { text } else { nil }
        let names = [fields.readable(.name), fields.readable(.pathDisplay)?.lastComponent, known?.lastComponent]
        return .unavailable(
            name: FileName(names.compactMap(\.self).first { !$0.isEmpty } ?? ""),
            .unreadable(fields.problem ?? "it makes no sense"), rev: fields.readable(.rev).map { Rev($0) })
    }
}

extension EntryJSON {
    /// Reads a document that is one entry.
    ///
    /// - Throws: why it cannot be read whole.
    init(json: [UInt8]) throws(JSONProblem) {
        var scanner = JSONScanner(json)
        try self.init(&scanner)
        if scanner.peek() != nil { throw scanner.problem() }
        if let unreadable { throw JSONProblem(unreadable) }
    }

    /// Why it cannot be read whole, if it cannot.
    var unreadable: String? {
        if case .present(.unavailable(_, .unreadable(let what), _)) = kind { what } else { nil }
    }
}

extension String {
    /// The text as far as a line of a report has room for it; NUL bytes are shown by their symbol.
    var shortened: String {
        let start = String(String.UnicodeScalarView(unicodeScalars.prefix(200).map { $0.value == 0 ? "\u{2400}" : $0 }))
        return unicodeScalars.dropFirst(200).isEmpty ? start : start + "…"
    }

    /// What comes after the last slash.
    fileprivate var lastComponent: String {
        utf8.lastIndex(of: UInt8(ascii: "/")).map { String(self[utf8.index(after: $0)...]) } ?? self
    }
}
