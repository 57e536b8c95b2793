import FoundationEssentials
import GRDB
import SyncModel

/// Row ↔ value coding.
///
/// Column order is fixed by the constants here, so that rows are read by index.
enum Rows {
    static let folder = 0
    static let file = 1
    static let unavailable = 2
    /// A file that an online document becomes, before its bytes are known; of want only.
    static let unexported = 3
    /// An online document that comes as a file under another key; of want only.
    static let exported = 4

    /// A symbolic link that is made; size and hash are those of its target.
    static let link = 5

    /// Columns name, kind, rev, size, hash, modified, reason.
    static let wantColumns = "w.name, w.kind, w.rev, w.size, w.hash, w.modified, w.reason"
    /// Columns name, kind, rev, size, hash, modified, inode, mtime_ns.
    static let haveColumns = "h.name, h.kind, h.rev, h.size, h.hash, h.modified, h.inode, h.mtime_ns"

    /// Whether what is not in want may be removed (`Progress.isComplete`).
    static let isCompleteSQL = "(SELECT listing = 0 AND has_more = 0 FROM state)"

    /// The sum of sizes, 0 for none; where 64 bits do not hold it, the largest number that they do.
    static func sumSQL(_ sizes: String) -> String { "CAST(total(\(sizes)) AS INTEGER)" }

    /// The want in columns `at` and following; `nil` where the row has none.
    static func want(_ row: Row, at start: Int) throws -> RemoteNode? {
        guard let name: String = row[start], let kind: Int = row[start + 1] else { return nil }
        switch kind {
        case folder: return .folder(name: FileName(name))
        case unavailable, exported:
            let rev: String? = row[start + 2]
            let why = Unavailable(
                stored: row[start + 6] ?? "", name: FileName(name), rev: rev.map { Rev($0) }, modified: row[start + 5])
            return .unavailable(name: FileName(name), why, rev: rev.map { Rev($0) })
        case link:
            guard let rev: String = row[start + 2], let text: String = row[start + 6],
                let link = LinkText.link(text, rev: Rev(rev), modified: row[start + 5])?.link
            else { throw StoreError(code: .damaged, message: "a link's row lacks its target") }
            return .link(name: FileName(name), link)
        case unexported: return .export(name: FileName(name), try export(row, at: start, content: nil))
        default:
            let version = try version(row, at: start + 2)
            if row.hasNull(atIndex: start + 6) { return .file(name: FileName(name), version) }
            let content = ExportedFile.Content(size: version.size, hash: version.hash)
            return .export(name: FileName(name), try export(row, at: start, content: content))
        }
    }

    private static func export(_ row: Row, at start: Int, content: ExportedFile.Content?) throws -> ExportedFile {
        guard let rev: String = row[start + 2], let modified: Timestamp = row[start + 5],
            let text: String = row[start + 6],
            let file = DocumentText.file(text, rev: Rev(rev), modified: modified, content: content)
        else { throw StoreError(code: .damaged, message: "an export's row lacks what it is made of") }
        return file
    }

    /// The have in columns `at` and following; `nil` where the row has none.
    static func have(_ row: Row, at start: Int) throws -> LocalNode? {
        guard let name: String = row[start], let kind: Int = row[start + 1] else { return nil }
        let inode = UInt64(bitPattern: row[start + 6] ?? 0)
        if kind == folder { return .folder(name: FileName(name), inode: inode) }
        let held = try version(row, at: start + 2)
        if kind == link { return .link(name: FileName(name), held, inode: inode) }
        let print = Fingerprint(inode: inode, size: held.size, modifiedNanoseconds: row[start + 7] ?? 0)
        return .file(name: FileName(name), held, print)
    }

    private static func version(_ row: Row, at start: Int) throws -> FileVersion {
        guard let rev: String = row[start], let size: Int64 = row[start + 1],
            let bytes: Data = row[start + 2], let hash = ContentHash(bytes: [UInt8](bytes)),
            let modified: Timestamp = row[start + 3]
        else { throw StoreError(code: .damaged, message: "a file's row lacks its revision, size, hash or time") }
        return FileVersion(rev: Rev(rev), size: size, hash: hash, modified: modified)
    }

    /// Gives the values of name, kind, rev, size, hash, modified, reason.
    static func bind(_ node: RemoteNode, to row: inout RowValues) {
        row.bind(node.name.text)
        switch node {
        case .folder:
            row.bind(Int64(folder))
            row.bindNull(times: 5)
        case .file(_, let version):
            row.bind(Int64(file))
            bind(version, to: &row)
            row.bindNull()
        case .export(_, let made):
            row.bind(Int64(made.content == nil ? unexported : file))
            row.bind(made.document.rev.text)
            if let content = made.content {
                row.bind(content.size)
                row.bind(content.hash)
            } else {
                row.bindNull(times: 2)
            }
            row.bind(made.document.modified)
            row.bind(DocumentText.text(of: made))
        case .link(_, let made):
            row.bind(Int64(link))
            bind(made.version, to: &row)
            row.bind(LinkText.text(of: made, nil))
        case .unavailable(_, let why, let rev):
            row.bind(Int64(why.isExported ? exported : unavailable))
            if let rev { row.bind(rev.text) } else { row.bindNull() }
            row.bindNull(times: 2)
            if case .symbolicLink(let link, _) = why { row.bind(link.modified) } else { row.bindNull() }
            row.bind(why.stored)
        }
    }

    /// Gives the values of name, kind, rev, size, hash, modified, inode, mtime_ns.
    static func bind(_ node: LocalNode, to row: inout RowValues) {
        row.bind(node.name.text)
        switch node {
        case .folder(_, let inode):
            row.bind(Int64(folder))
            row.bindNull(times: 4)
            row.bind(Int64(bitPattern: inode))
            row.bindNull()
        case .file(_, let version, let print):
            row.bind(Int64(file))
            bind(version, to: &row)
            row.bind(Int64(bitPattern: print.inode))
            row.bind(print.modifiedNanoseconds)
        case .link(_, let version, let inode):
            row.bind(Int64(link))
            bind(version, to: &row)
            row.bind(Int64(bitPattern: inode))
            row.bindNull()
        }
    }

    private static func bind(_ version: FileVersion, to row: inout RowValues) {
        row.bind(version.rev.text)
        row.bind(version.size)
        row.bind(version.hash)
        row.bind(version.modified)
    }
}

extension Unavailable {
    /// `name`, `rev` and `modified` are those of the row.
    fileprivate init(stored: String, name: FileName, rev: Rev?, modified: Timestamp?) {
        if let (link, refusal) = LinkText.link(stored, rev: rev ?? Rev(""), modified: modified) {
            self = .symbolicLink(link, refusal)
            return
        }
        if let document = DocumentText.document(stored, name: name, rev: rev ?? Rev("")) {
            self = document
            return
        }
        switch stored {
        case "no_content_hash": self = .noContentHash
        case "no_access": self = .noAccess
        case "nul_in_name": self = .nulInName
        case let text where text.hasPrefix("unreadable:"): self = .unreadable(String(text.dropFirst(11)))
        default: self = .notDownloadable
        }
    }

    fileprivate var stored: String {
        switch self {
        case .notDownloadable: "not_downloadable"
        case .document(let document, let standing): DocumentText.text(of: document, standing)
        case .noContentHash: "no_content_hash"
        case .noAccess: "no_access"
        case .nulInName: "nul_in_name"
        case .symbolicLink(let link, let refusal): LinkText.text(of: link, refusal)
        case .unreadable(let what): "unreadable:" + what
        }
    }
}

extension ContentHash {
    /// The hash as a BLOB.
    var data: Data { Data(bytes) }
}
