import Store
import SyncModel
import TextFormatting

/// What stands in the mirror for an entry of the account.
enum MirrorMark: String, Hashable, Sendable {
    /// The same revision.
    case same
    /// Another revision, or something of another kind or name.
    case other
    /// Nothing yet.
    case missing
    /// It failed and is tried again.
    case failing
    /// It cannot be mirrored as it is.
    case parked
    /// Patterns leave it out, or it lies outside of the mirrored folder.
    case excluded
    /// The state file cannot tell.
    case unknown

    /// The mark in front of a line.
    var sign: String {
        switch self {
        case .same: "="
        case .other: "~"
        case .missing: " "
        case .failing, .parked: "!"
        case .excluded: "-"
        case .unknown: "?"
        }
    }

    /// What is said of `node`; pure.
    ///
    /// - Parameters:
    ///   - node: what the account holds.
    ///   - standing: what is recorded of the mirror; nil if that cannot be known.
    ///   - match: what the patterns say.
    init(_ node: RemoteNode, _ standing: Standing?, _ match: Selection.Match) {
        let isNothing = standing?.node == nil && standing?.reason == nil
        switch (match, standing) {
        case (.outside, _): self = .excluded
        case (_, nil): self = .unknown
        case (.onTheWay, _?) where isNothing: self = .excluded
        case (_, let standing?) where standing.node?.satisfies(node) == true: self = .same
        case (_, let standing?) where standing.reason != nil: self = standing.isParked ? .parked : .failing
        case (_, let standing?): self = standing.node == nil ? .missing : .other
        }
    }
}

extension RemoteNode {
    /// An export of which the state knows the bytes, even if they did not come: nobody else does.
    func known(by standing: Standing) -> RemoteNode {
        guard case .export(let name, var file) = self, case .export(_, let stored)? = standing.want,
            stored.isSameExport(as: file)
        else { return self }
        file.content = stored.content
        return .export(name: name, file)
    }
}

/// An entry of the account with its mark: an element of `ls --json`.
struct ListedEntry: Sendable {
    /// Absolute, as displayed.
    let path: String
    /// What the account holds.
    let node: RemoteNode
    /// What stands in the mirror.
    let mark: MirrorMark
    /// Why it is unavailable, failing or parked.
    let reason: String?

    /// Describes an entry; `reason` is why it is failing or parked.
    init(_ node: RemoteNode, path: String, mark: MirrorMark, reason: String?) {
        (self.path, self.node, self.mark) = (path, node, mark)
        let told = mark == .failing || mark == .parked ? reason : nil
        if case .unavailable(_, let why, _) = node, mark != .same {
            self.reason = told ?? why.description
        } else {
            self.reason = told
        }
    }

    /// The version, if it is a file.
    var version: FileVersion? { node.version }

    /// `file`, `folder` or `unavailable`.
    var kind: String {
        switch node {
        case .file, .export: "file"
        case .folder: "folder"
        case .link, .unavailable: "unavailable"
        }
    }

    private var rev: String? { node.rev?.text }

    /// The line for people.
    ///
    /// - Parameters:
    ///   - name: what it is called in the listing.
    ///   - isLong: whether size, time and revision are shown.
    func line(_ name: String, isLong: Bool) -> String {
        let shown = escapingControls(name) + (kind == "folder" ? "/" : "")
        guard isLong else { return "\(mark.sign) \(shown)" }
        let size = HumanText.padded(version.map { HumanText.count($0.size) } ?? "-", to: 15, atStart: true)
        let time = HumanText.padded(version.map { TimeText.minute($0.modified) } ?? "-", to: 16)
        let rev = HumanText.padded(rev.map(escapingControls) ?? "-", to: 25)
        return "\(mark.sign) \(size)  \(time)  \(rev)  \(shown)"
    }

    /// A JSON object on one line; null for what there is not.
    var json: String {
        let fields = [
            ("path", quoted(path)), ("kind", quoted(kind)), ("size", version.map { "\($0.size)" }),
            ("rev", rev.map(quoted)), ("modified", version.map { quoted(TimeText.rfc3339($0.modified)) }),
            ("content_hash", version.map { quoted($0.hash.hex) }), ("mirror", quoted(mark.rawValue)),
            ("reason", reason.map(quoted)),
        ]
        return "{" + fields.map { "\"\($0)\": \($1 ?? "null")" }.joined(separator: ", ") + "}"
    }
}

/// The parts of what `ls` prints: no more than a page is ever in memory.
struct ListingText: Sendable {
    let isJSON: Bool
    let isLong: Bool
    private var files = 0
    private var folders = 0
    private var bytes: Int64 = 0
    /// Entries that could not be read.
    var unread = 0
    private var isFirst = true

    init(isJSON: Bool, isLong: Bool) {
        self.isJSON = isJSON
        self.isLong = isLong
    }

    /// What comes before all entries of `path`.
    func head(_ path: String) -> String {
        isJSON ? "{\"path\": \(quoted(path.isEmpty ? "/" : path)), \"entries\": [" : ""
    }

    /// An entry with the name that it has in the listing.
    mutating func entry(_ entry: ListedEntry, name: String) -> String {
        if entry.kind == "folder" { folders += 1 }
        if let version = entry.version { (files, bytes) = (files + 1, bytes.saturatingSum(version.size)) }
        guard isJSON else { return entry.line(name, isLong: isLong) + "\n" }
        defer { isFirst = false }
        return (isFirst ? "\n" : ",\n") + entry.json
    }

    /// What comes behind all entries.
    var tail: String {
        guard isJSON else { return "" }
        return "\n], \"files\": \(files), \"folders\": \(folders), \"bytes\": \(bytes), \"unread\": \(unread)}\n"
    }
}
