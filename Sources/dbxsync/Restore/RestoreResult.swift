import SyncModel
import TextFormatting

/// What `dbxsync restore` has brought back: the JSON document of `--json`, sizes in bytes.
struct RestoreResult: Encodable, Sendable {
    /// What was asked for, as `status` writes it.
    var path: String
    /// Where it is now.
    var local: String
    /// Where it will stand in the account once it has gone up; null unless `--upload` was given.
    @Nullable var remote: String?
    /// The number of files that are new here.
    var restored = 0
    /// The number of files that were here already, byte for byte.
    var unchanged = 0
    var bytes: Int64 = 0
    /// The number of files of which Dropbox has only newer revisions, so that they were not there, or it has forgotten.
    var newer: Int
    var files: [File] = []
    var failed: [FailedPath]

    /// A file that is here.
    struct File: Encodable, Sendable {
        /// Where it stood, as `status` writes it.
        var path: String
        var local: String
        /// `mirror`, `trash` or `dropbox`.
        var source = ""
        /// Why it was in the trash; null if it does not come from there.
        @Nullable var reason: String?
        @Nullable var trashedAt: Moment?
        /// The revision; null for a local file that was set aside.
        @Nullable var rev: String?
        var size: Int64
        @Nullable var modified: Moment?
        @Nullable var contentHash: String?
        /// Whether its bytes were compared with its content hash.
        var verified: Bool
        /// Where it leads, of a symbolic link; null for a file.
        @Nullable var linkTarget: String?
        /// False when the local file had these bytes already.
        var isNew = true

        init(_ item: RestoreItem, local: String) {
            path = item.path
            self.local = local
            rev = item.version?.rev.text
            size = item.version?.size ?? 0
            modified = item.version.map { Moment($0.modified) }
            contentHash = item.version?.hash.hex
            verified = item.version != nil
        }
    }

    init(path: String, local: String, remote: String?, newer: Int, missing: [FailedPath]) {
        self.path = path
        self.local = local
        self.remote = remote
        self.newer = newer
        failed = missing
    }

    mutating func add(_ file: File) {
        files.append(file)
        if file.isNew {
            restored += 1
            bytes = bytes.saturatingSum(file.size)
        } else {
            unchanged += 1
        }
    }

    /// For people: what is where, and what is not; pure.
    var lines: [String] {
        var lines = files.count == 1 && failed.isEmpty ? [line(files[0])] : [summary]
        let unverified = files.filter { !$0.verified && $0.linkTarget == nil }
        for file in unverified.prefix(Self.mostPaths) {
            lines.append("  \(file.local): was set aside here, so that no hash is known to verify it by")
        }
        if newer > 0 {
            lines.append(
                "  \(HumanText.count(newer, "file")) left out: all that Dropbox still has of \(newer == 1 ? "it" : "them") "
                    + "is newer")
        }
        if let remote { lines.append("  goes up as \(remote)") }
        return lines.map(escapingControls)
    }

    private static let mostPaths = 50

    private func line(_ file: File) -> String {
        let content = file.linkTarget.map { "a symbolic link to \($0)" } ?? HumanText.bytes(file.size)
        let what = file.isNew ? content : "unchanged"
        return "\(file.local)  \(what)" + (file.rev.map { "  rev \($0)" } ?? "") + "  \(file.origin)"
    }

    private var summary: String {
        let sources = ["trash", "mirror", "dropbox"].compactMap { source -> String? in
            let count = files.count { $0.source == source && $0.isNew }
            let name = source == "dropbox" ? "Dropbox" : "the \(source)"
            return count > 0 ? "\(HumanText.count(count)) from \(name)" : nil
        }
        return "\(local)  \(HumanText.count(restored, "file")) restored"
            + (sources.isEmpty ? "" : " (\(sources.joined(separator: ", ")))") + ", \(HumanText.bytes(bytes)); "
            + "\(HumanText.count(unchanged)) unchanged, \(HumanText.count(failed.count)) failed"
    }
}

extension RestoreResult.File {
    fileprivate var origin: String {
        switch source {
        case "trash":
            let word =
                switch reason.flatMap(KeptReason.init) {
                case .removed: "removed"
                case .replaced: "replaced"
                case .aside: "set aside"
                case .found, nil: "found"
                }
            return "from the trash (\(word)\(trashedAt.map { " \(TimeText.local($0.time))" } ?? ""))"
        case "mirror": return "from the mirror"
        default: return "from Dropbox"
        }
    }
}
