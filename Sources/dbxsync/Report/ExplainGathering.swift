import Configuration
import Dropbox
import MirrorFS
import Store
import SyncModel
import TextFormatting

extension ExplainReport {
    /// What is looked at for one report.
    struct Sources {
        var store: StateStore
        var config: Config
        /// The configuration's file.
        var file: String
        /// The mirror, or why it cannot be looked at.
        var mirror: Result<MirrorTree, Failure>
        /// Whether a running daemon watches all folders.
        var isWatched: Bool
        var now: Timestamp
    }

    /// What is kept that is listed.
    private static let mostKept = 3
    /// Names that are looked at for a similar one.
    private static let mostNames = 2000

    /// Reads everything but what Dropbox says now.
    static func gather(_ path: String, _ sources: Sources, asked: Answer? = nil) async throws -> ExplainReport {
        let (store, config) = (sources.store, sources.config)
        let key = path.pathKey
        let all = try await store.facts(of: [key] + key.ancestors)
        let facts = all[0]
        let shown = facts.want == nil && facts.have == nil ? path : facts.path
        var progress = try await store.progress()
        progress.forgetFuture(now: sources.now)
        let (disk, isDiskUnknown) = look(facts, shown, sources.mirror)
        let kept = try await store.trash(at: path == "/" ? nil : path)
        var report = ExplainReport(
            path: shown,
            dropbox: key == .root ? Content(RemoteNode.folder(name: FileName(""))) : facts.want.map(Content.init),
            checkedAt: progress.checkedAt.map(Moment.init), asked: asked,
            mirror: key == .root
                ? Content(LocalNode.folder(name: FileName(""), inode: 0))
                : facts.have.map { Content($0.node, like: facts.want) },
            local: config.mirror.directory + (shown == "/" ? "" : shown), disk: disk, isDiskUnknown: isDiskUnknown,
            selection: Selected(facts, config, sources.file, isNew: store.selection != config.selection),
            pending: facts.pending.map { Pending($0, facts, Acceptance(config.mirror.accept)) },
            pendingBelow: facts.pendingBelow, hold: facts.hold.map(Held.init), heldBelow: facts.heldBelow,
            unproven: facts.unproven, unread: facts.unread,
            lastChange: try await lastChange(path, store, stands: facts.have != nil),
            sweptAt: try await store.sweptAt().flatMap { Store.Progress.known($0, now: sources.now) }.map(Moment.init),
            watched: sources.isWatched, hashedAt: facts.provenAt.map(Moment.init), kept: kept.count,
            lastKept: kept.suffix(mostKept).reversed().map(TrashList.Item.init),
            above: all.dropFirst().reversed().compactMap { Folder($0, sources) }, similar: [], document: nil)
        report.document = Document(facts)
        if var document = report.document, document.isFile {
            // What there is to say of a document stands at its file.
            let file = try await gather(document.path, sources)
            (document.state, document.asWanted) = (file.state, file.asWanted)
            report.document = document
            (report.local, report.mirror, report.disk) = (file.local, nil, file.disk)
            report.fileHeading = ExplainText.heading(file)
            report.fileStands = file.mirror != nil
            report.conclude()
            (report.pending, report.hold) = (report.pending ?? file.pending, report.hold ?? file.hold)
            if report.kept == 0 { (report.kept, report.lastKept) = (file.kept, file.lastKept) }
        } else {
            report.conclude()
        }
        if report.state == "unknown" {
            let names = try await store.knownNames(in: key.parent ?? .root, limit: mostNames)
            let folder = path.folderOfPath
            report.similar = SimilarNames.of(path.nameOfPath, among: names).map {
                folder == "/" ? "/\($0)" : "\(folder)/\($0)"
            }
        }
        return report
    }

    /// What stands on the disk, compared with what is recorded.
    private static func look(_ facts: PathFacts, _ path: String, _ mirror: Result<MirrorTree, Failure>) -> (
        String, Bool
    ) {
        if facts.key == .root { return ("as_recorded", false) }
        do {
            let tree = try mirror.get()
            if let have = facts.have { return (try tree.drift(of: have)?.rawValue ?? "as_recorded", false) }
            guard let place = MirrorPath(text: path) else { return ("nothing", false) }
            return (try tree.observe(place, exactly: true) == .nothing ? "nothing" : "stranger", false)
        } catch {
            return (Failure.of(error).message, true)
        }
    }

    private static func lastChange(_ path: String, _ store: StateStore, stands: Bool) async throws -> Change? {
        var query = try await store.query(HistoryQuery(), at: path)
        query.kinds = Set(ChangeKind.allCases).subtracting([.passDone])
        query.limit = 1
        var last = try await store.history(query).last
        if last == nil && stands {
            // The first mirror is summed up by folder.
            (query.path, query.files) = (path.folderOfPath, [])
            query.kinds = [.folderFilled]
            query.limit = nil
            last = try await store.history(query).last { $0.change.path.pathKey == path.folderOfPath.pathKey }
        }
        return last.map { row in
            Change(
                n: row.number, time: Moment(row.time), event: row.change.kind.rawValue, path: row.change.path,
                oldPath: row.change.oldPath, rev: row.change.rev?.text, reason: row.change.reason)
        }
    }
}

extension ExplainReport.Selected {
    fileprivate init(_ facts: PathFacts, _ config: Config, _ file: String, isNew: Bool) {
        let reason = config.selection.reason(
            for: facts.key, isFolder: facts.isFolder, size: facts.size, alsoNamed: facts.otherKey)
        let patterns = reason.list == .exclude ? config.mirror.exclude : config.mirror.include
        let key = reason.key
        var place: String?
        if let key {
            place = ConfigFile.line(of: key, element: reason.index, in: file).map { "\(file):\($0)" } ?? file
        }
        let verdict =
            switch reason.match {
            case .outside: "outside"
            case .selected: "selected"
            case .onTheWay: "on_the_way"
            }
        self.init(
            verdict: verdict, key: key, pattern: reason.index.map { patterns[$0].text } ?? config.limit(key),
            place: place,
            about: reason.about.text.isEmpty ? "/" : reason.about.text, isNew: isNew)
    }
}

extension Config {
    /// The largest size, as the key of that name has it; nil for other keys.
    fileprivate func limit(_ key: String?) -> String? {
        key == SelectionReason.sizeKey ? mirror.maxSize.map(HumanText.bytes) : nil
    }
}

extension PathFacts {
    /// Bytes of the file, as far as they are known.
    fileprivate var size: Int64? { want == nil ? have?.version?.size : want?.version?.size }

    /// The other key that patterns count for; nil if there is none, or if something stands here that has to go first.
    fileprivate var otherKey: RemoteKey? {
        if case .unavailable? = want, have != nil { return nil }
        return want?.otherKey(at: key)
    }

    /// Whether it is taken for a folder by patterns.
    fileprivate var isFolder: Bool {
        switch want {
        case .folder?, .unavailable(_, .noAccess, _)?: true
        case nil: have?.node.isFolder ?? (key == .root)
        default: false
        }
    }
}

extension ExplainReport.Document {
    fileprivate init?(_ facts: PathFacts) {
        func path(_ name: FileName) -> String {
            facts.path.folderOfPath == "/" ? "/\(name)" : "\(facts.path.folderOfPath)/\(name)"
        }
        switch facts.want {
        case .unavailable(_, .document(_, .exported(let name)?), _)?:
            self.init(path: path(name), isFile: true, state: nil)
        case .export(_, let file)? where file.source != facts.key:
            self.init(path: path(file.document.name), isFile: false, state: nil)
        default: return nil
        }
    }
}

extension ExplainReport.Pending {
    fileprivate init(_ pending: PathFacts.Pending, _ facts: PathFacts, _ acceptance: Acceptance) {
        var acceptance = acceptance
        let isDeliberate = if case .unavailable(_, let why, _)? = facts.want { why.isAccepted } else { false }
        let isAccepted =
            pending.isParked
            && (isDeliberate || acceptance.accepts(facts.key, isFolder: facts.isFolder, alsoNamed: facts.otherKey))
        let state =
            isAccepted ? "accepted" : pending.isParked ? "parked" : pending.reason != nil ? "failing" : "waiting"
        self.init(
            state: state, reason: pending.reason, attempts: pending.attempts,
            nextTry: pending.nextTry.map(Moment.init))
    }
}

extension ExplainReport.Held {
    fileprivate init(_ hold: Hold) {
        let status =
            switch hold.status {
            case .held: "held"
            case .approved: "approved"
            case .rejected: "rejected"
            }
        self.init(id: hold.id, since: Moment(hold.began), reason: hold.reason, status: status)
    }
}

extension ExplainReport.Folder {
    /// Nil for a folder that does not matter.
    fileprivate init?(_ facts: PathFacts, _ sources: ExplainReport.Sources) {
        let reason = sources.config.selection.reason(for: facts.key, isFolder: true)
        let why: String? =
            if reason.match == .outside {
                "is left out"
            } else if let pending = facts.pending, let reason = pending.reason {
                "\(pending.isParked ? "is parked" : "is failing"): \(reason)"
            } else if let hold = facts.hold, hold.status == .held {
                "is held, hold \(hold.id)"
            } else if let unread = facts.unread {
                "cannot be read: \(unread)"
            } else if facts.want?.isFile == true {
                "is a file in Dropbox"
            } else if facts.want == nil && facts.have == nil {
                "is neither in Dropbox nor in the mirror"
            } else if facts.want == nil {
                "is no longer in Dropbox"
            } else if facts.have == nil {
                "does not stand in the mirror yet"
            } else {
                ExplainReport.drift(of: facts, sources).map { $0.description }
            }
        guard let why else { return nil }
        self.init(path: facts.path, why: why)
    }
}

extension ExplainReport {
    fileprivate static func drift(of facts: PathFacts, _ sources: Sources) -> Drift? {
        guard let have = facts.have, let tree = try? sources.mirror.get() else { return nil }
        return try? tree.drift(of: have)
    }
}

/// Names that somebody may have meant; pure.
enum SimilarNames {
    /// Those that differ by a letter or two neighbours in another order, without regard to case.
    static func of(_ name: String, among names: [String], limit: Int = 5) -> [String] {
        let wanted = Array(name.lowercased())
        return Array(names.filter { isNear(wanted, Array($0.lowercased())) }.prefix(limit))
    }

    private static func isNear(_ a: [Character], _ b: [Character]) -> Bool {
        if a == b { return true }
        guard abs(a.count - b.count) <= 1, !a.isEmpty, !b.isEmpty else { return false }
        let start = zip(a, b).prefix { $0 == $1 }.count
        let end = zip(a.dropFirst(start).reversed(), b.dropFirst(start).reversed()).prefix { $0 == $1 }.count
        let (restA, restB) = (a.dropFirst(start).dropLast(end), b.dropFirst(start).dropLast(end))
        if restA.count <= 1 && restB.count <= 1 { return true }
        return restA.count == 2 && restB.count == 2 && Array(restA) == Array(restB.reversed())
    }
}
