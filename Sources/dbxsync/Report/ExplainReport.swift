import Configuration
import Dropbox
import MirrorFS
import Store
import SyncModel

/// What `dbxsync explain` knows of one path: the JSON document of `--json`, sizes in bytes.
struct ExplainReport: Encodable, Sendable {
    /// The path, as `status` writes it.
    var path: String
    /// Whether what stands is what is wanted.
    var asWanted = false
    /// In a word: `in_step`, `left_out`, `held`, `parked`, `accepted`, `failing`, `waiting`, `exported`, `drift`, `unproven`,
    /// `unread`, `changed`, `removed`, `stranger` or `unknown`.
    var state = ""
    /// What Dropbox had there when it was asked for changes last; null if nothing.
    @Nullable var dropbox: Content?
    /// When that was.
    @Nullable var checkedAt: Moment?
    /// Whether Dropbox was asked now, and what it has there; null without `--ask`.
    @Nullable var asked: Answer?
    /// What stands in the mirror, as recorded; null if nothing.
    @Nullable var mirror: Content?
    /// The path on this machine.
    var local: String
    /// How the disk differs from that: `as_recorded`, `missing`, `kind`, `changed`, `replaced`, `stranger`, `nothing`, or
    /// why it could not be looked at.
    var disk: String
    /// Whether that is a reason rather than a word.
    var isDiskUnknown = false
    var selection: Selected
    /// What is still to be done; null if nothing.
    @Nullable var pending: Pending?
    /// The number of paths below it that differ.
    var pendingBelow: Int
    @Nullable var hold: Held?
    /// The number of paths below it that are held.
    var heldBelow: Int
    /// Why its last look by the daemon told nothing; null if it did.
    @Nullable var unproven: String?
    /// Why what Dropbox says of it cannot be read, so that what stands stays as it is; null if it can, or if it is parked
    /// for that.
    @Nullable var unread: String?
    /// The last change at or below it.
    @Nullable var lastChange: Change?
    /// When the whole disk was last compared.
    @Nullable var sweptAt: Moment?
    /// Whether a running daemon watches all folders.
    var watched: Bool
    /// When its bytes were last seen to be right.
    @Nullable var hashedAt: Moment?
    /// How much of it, or below it, is in the trash, and the last of that, newest first.
    var kept: Int
    var lastKept: [TrashList.Item]
    /// Folders above it that matter.
    var above: [Folder]
    /// Names near by.
    var similar: [String]
    /// The file that an online document becomes, or the document that a file is made of; null for others.
    @Nullable var document: Document?
    /// What is said of the file of an online document, and whether it stands; for people only.
    var fileHeading = ""
    var fileStands = false

    private enum CodingKeys: CodingKey {
        case path, asWanted, state, dropbox, checkedAt, asked, mirror, local, disk, isDiskUnknown, selection, pending
        case pendingBelow, hold, heldBelow, unproven, unread, lastChange, sweptAt, watched, hashedAt, kept, lastKept,
            above
        case similar, document
    }

    /// A file, a folder or something else.
    struct Content: Encodable, Sendable, Equatable {
        /// `file`, `folder`, or why it is neither.
        var kind: String
        @Nullable var rev: String?
        @Nullable var size: Int64?
        @Nullable var modified: Moment?
        @Nullable var contentHash: String?

        static func == (a: Content, b: Content) -> Bool {
            a.kind == b.kind && a.rev == b.rev && a.size == b.size && a.modified == b.modified
                && a.contentHash == b.contentHash
        }
    }

    /// Where an online document stands, or what an export is made of.
    struct Document: Encodable, Sendable {
        /// The path of the other one.
        var path: String
        /// Whether that one is the file.
        var isFile: Bool
        /// Of a file: its `state`, and whether it is as wanted.
        @Nullable var state: String?
        var asWanted = true
    }

    /// What Dropbox says now.
    struct Answer: Encodable, Sendable {
        @Nullable var content: Content?
        /// Why it said nothing; null if it did.
        @Nullable var failure: String?
    }

    /// What the patterns say.
    struct Selected: Encodable, Sendable {
        /// `selected`, `outside`, or `on_the_way` to something that is.
        var verdict: String
        /// `mirror.exclude` or `mirror.include`; null if no pattern decides.
        @Nullable var key: String?
        @Nullable var pattern: String?
        /// Where that is written: file and line.
        @Nullable var place: String?
        /// What the pattern is about: the path, or a folder above it.
        var about: String
        /// Whether the patterns have changed since the last pass.
        var isNew: Bool
    }

    /// What is still to be done.
    struct Pending: Encodable, Sendable {
        /// `parked`, `accepted`, `failing` or `waiting`.
        var state: String
        @Nullable var reason: String?
        var attempts: Int
        @Nullable var nextTry: Moment?
    }

    /// What holds it.
    struct Held: Encodable, Sendable {
        var id: Int64
        var since: Moment
        var reason: String
        /// `held`, `approved` or `rejected`.
        var status: String
    }

    /// A row of the history.
    struct Change: Encodable, Sendable {
        var n: Int64
        var time: Moment
        var event: String
        var path: String
        @Nullable var oldPath: String?
        @Nullable var rev: String?
        @Nullable var reason: String?
    }

    /// A folder above.
    struct Folder: Encodable, Sendable {
        var path: String
        var why: String
    }
}

extension ExplainReport {
    /// Sets `state` and `asWanted` from all the rest.
    mutating func conclude() {
        (state, asWanted) = conclusion
    }

    private var conclusion: (String, Bool) {
        let isNothing = dropbox == nil && mirror == nil
        if let asked, asked.failure == nil, asked.content != dropbox { return ("changed", false) }
        if isNothing, checkedAt == nil { return ("unknown", false) }
        if isNothing, disk == "nothing", lastChange == nil, kept == 0 { return ("unknown", false) }
        if selection.verdict == "outside", !isNothing { return ("left_out", true) }
        if let hold, hold.status != "approved" { return ("held", false) }
        if heldBelow > 0, pending?.reason == nil { return ("held", false) }
        if let pending { return (pending.state, pending.state == "accepted") }
        if unread != nil { return ("unread", false) }
        if let document, document.isFile, mirror == nil { return ("exported", document.asWanted) }
        if isDiskUnknown || unproven != nil { return ("unproven", false) }
        if isNothing { return disk == "nothing" ? ("removed", true) : ("stranger", true) }
        if disk != "as_recorded" { return ("drift", false) }
        if pendingBelow > 0 { return ("waiting", false) }
        return dropbox == nil ? ("left_out", true) : ("in_step", true)
    }
}

extension ExplainReport.Content {
    init(_ node: RemoteNode) {
        switch node {
        case .folder: self.init(kind: "folder")
        case .file(_, let version): self.init(version)
        case .export(_, let file):
            self.init(
                kind: file.linkBytes == nil ? "export" : "link", rev: file.document.rev.text, size: file.content?.size,
                modified: Moment(file.document.modified), contentHash: file.content?.hash.hex)
        case .link(_, let link):
            self.init(
                kind: link.description, rev: link.rev.text, size: link.version.size, modified: Moment(link.modified),
                contentHash: link.version.hash.hex)
        case .unavailable(_, .document, let rev), .unavailable(_, .notDownloadable, let rev):
            self.init(kind: "online document", rev: rev?.text, size: nil, modified: nil, contentHash: nil)
        case .unavailable(_, let why, let rev):
            self.init(kind: why.description, rev: rev?.text, size: nil, modified: nil, contentHash: nil)
        }
    }

    /// - Parameter want: what is wanted there; it tells where a link leads that has the same target.
    init(_ node: LocalNode, like want: RemoteNode? = nil) {
        switch node {
        case .folder: self.init(kind: "folder")
        case .file(_, let version, _): self.init(version)
        case .link(_, let version, _):
            var kind = "a symbolic link"
            if case .link(_, let link)? = want, link.version.hash == version.hash { kind = link.description }
            self.init(
                kind: kind, rev: version.rev.known?.text, size: version.size, modified: Moment(version.modified),
                contentHash: version.hash.hex)
        }
    }

    private init(_ version: FileVersion) {
        self.init(
            kind: "file", rev: version.rev.known?.text, size: version.size, modified: Moment(version.modified),
            contentHash: version.hash.hex)
    }

    private init(kind: String) { self.init(kind: kind, rev: nil, size: nil, modified: nil, contentHash: nil) }
}
