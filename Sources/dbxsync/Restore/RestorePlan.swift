import Dropbox
import Store
import SyncModel
import TextFormatting

/// A file that is to be brought back.
struct RestoreItem: Sendable {
    /// Where it stood, as `status` writes it.
    var path: String
    /// Its path in what is restored; of a single file its name.
    var relative: String
    /// What it held; nil if nobody knows, and it comes unverified.
    var version: FileVersion?
    /// Where it may come from, the nearest first.
    var sources: [RestoreChoice.Source]
}

/// What is to be brought back, and what cannot be.
struct RestorePlan: Sendable {
    /// Whether PATH was a folder.
    var isFolder = false
    /// The name of what is brought back, as the mirror had it.
    var name = ""
    var items: [RestoreItem] = []
    /// What was there, but is to be found nowhere, and why.
    var missing: [FailedPath] = []
    /// Files of which Dropbox has only revisions that are newer than the time that was asked for.
    var newer = 0
}

/// Makes plans from the state, and where that does not do, from Dropbox's revisions.
final class RestorePlanner: Sendable {
    private let store: StateStore
    private let reader: PastReader
    private let remoteRoot: String
    private let symlinks: Bool
    private let client: @Sendable () async throws -> DropboxClient

    /// Files that Dropbox is asked for at a time.
    private static let questionsAtATime = 16

    /// - Parameters:
    ///   - store: the state.
    ///   - remoteRoot: the folder that is mirrored; "" for all.
    ///   - symlinks: whether symbolic links of Dropbox are made that lead to a place in the mirror.
    ///   - client: connects to Dropbox when it is needed.
    init(
        _ store: StateStore, remoteRoot: String, symlinks: Bool = false,
        client: @escaping @Sendable () async throws -> DropboxClient
    ) {
        self.store = store
        self.remoteRoot = remoteRoot
        self.symlinks = symlinks
        self.client = client
        reader = PastReader(store: store)
    }

    /// Plans to bring back what `place` names.
    ///
    /// - Throws: `Failure` if it makes no sense or there is nothing to be found, and what the state and Dropbox throw.
    func plan(_ place: MirrorPlace, _ request: RestoreRequest) async throws -> RestorePlan {
        let path = try await subject(place)
        let kept = try await store.trash(at: path)
        let exact = kept.filter { $0.item.path.pathKey == path.pathKey }
        let entry = try await store.entry(of: path.pathKey)
        let isFolder =
            exact.isEmpty && (path == "/" || entry?.node.isFolder == true || !kept.isEmpty)
        // As it is, or was, spelled.
        let shown = exact.last?.item.path ?? entry?.path.remoteText ?? path
        switch request {
        case .rev(let rev):
            if isFolder { throw Failure(.usage, "\(path): is a folder, and folders have no revisions; use --at TIME") }
            return try await one(shown, rev: rev, kept: exact)
        case .at(let time): return try await past(path, time, isFolder: isFolder)
        case .last:
            if let row = RestoreChoice.last(of: exact, standing: entry?.content) {
                return try await last(row, kept: kept)
            }
            return isFolder || !kept.isEmpty
                ? try await removedFolder(path, kept) : try await newestRevision(shown, standing: entry?.node.hash)
        }
    }

    /// The path that is brought back: for an online document that of its file, which stands now or was kept last.
    func subject(_ place: MirrorPlace) async throws -> String {
        let path = try await known(place)
        var last: TrashRow?
        for file in try await store.fileKeys(ofDocumentAt: path.pathKey) {
            if let entry = try await store.entry(of: file) { return entry.path.remoteText }
            let row = try await store.trash(at: file.text).last { $0.item.path.pathKey == file }
            if let row, row.id > last?.id ?? 0 { last = row }
        }
        return last?.item.path ?? path
    }

    /// The reading of an argument that the state knows something of; the first if it knows nothing of any.
    func known(_ place: MirrorPlace) async throws -> String {
        for path in place.readings where place.readings.count > 1 {
            if try await store.entry(of: path.pathKey) != nil { return path }
            if try await !store.trash(at: path, limit: 1).isEmpty { return path }
            var query = HistoryQuery()
            query.path = path
            query.limit = 1
            if try await !store.history(query).isEmpty { return path }
        }
        return place.readings[place.readings.count > 1 ? place.readings.count - 1 : 0]
    }

    // MARK: A file

    private func last(_ row: TrashRow, kept: [TrashRow]) async throws -> RestorePlan {
        var plan = RestorePlan(name: row.item.path.nameOfPath)
        if row.item.isFolder {
            plan.isFolder = true
            plan.items = [
                RestoreItem(path: row.item.path, relative: "", version: nil, sources: [.trash(row)])
            ]
            return plan
        }
        plan.items = [try await item(of: row, relative: plan.name, kept: kept)]
        return plan
    }

    private func item(of row: TrashRow, relative: String, kept: [TrashRow]) async throws -> RestoreItem {
        guard let version = row.item.version else {
            return RestoreItem(path: row.item.path, relative: relative, version: nil, sources: [.trash(row)])
        }
        return try await item(row.item.path, relative, version, kept: [row] + kept.filter { $0.id != row.id })
    }

    private func item(_ path: String, _ relative: String, _ version: FileVersion, kept: [TrashRow]) async throws
        -> RestoreItem
    {
        let stock = RestoreStock(standing: try await standing([version.hash]), kept: kept)
        return RestoreItem(path, relative, .file(version), stock)
    }

    private func item(_ path: String, _ content: Revision.Content, kept: [TrashRow]) async throws -> RestorePlan {
        let stock = RestoreStock(standing: try await standing([content.version.hash]), kept: kept)
        let name = path.nameOfPath
        return RestorePlan(name: name, items: [RestoreItem(path, name, content, stock)])
    }

    private func one(_ path: String, rev: Rev, kept: [TrashRow]) async throws -> RestorePlan {
        let file = PastFile(path: path, rev: rev, hash: nil)
        let standing = try await store.entry(of: path.pathKey)
        let stock = RestoreStock(standing: standing.map { [$0] } ?? [], kept: kept)
        if let version = stock.version(of: file) { return try await item(path, .file(version), kept: kept) }
        guard let content = try await content(rev: rev) else {
            throw Failure(.incomplete, "\(path): neither the mirror nor the trash nor Dropbox has revision \(rev.text)")
        }
        return try await item(path, try await links(at: path).permitted(content), kept: kept)
    }

    private func newestRevision(_ path: String, standing: ContentHash?) async throws -> RestorePlan {
        let links = try await links(at: path)
        var found: Revision.Content?
        try await revisions(of: path) { revision in
            if links.known(revision.content).version.hash != standing { found = revision.content }
            return found == nil
        }
        guard let found else {
            let what = standing == nil ? "version" : "other version than the one that stands there"
            throw Failure(.incomplete, "\(path): no \(what) is kept, and Dropbox has none")
        }
        return try await item(path, try links.permitted(found), kept: [])
    }

    /// What is known here of the links of a path.
    private func links(at path: String) async throws -> RestoreLinks {
        var links = RestoreLinks(path: path, isCreated: symlinks)
        switch try await store.facts(of: [path.pathKey]).first?.want {
        case .link(_, let link)?, .unavailable(_, .symbolicLink(let link, _), _)?: links.current = link
        case .folder?, .file?, .export?, .unavailable?, nil: break
        }
        for change in try await linkChanges(at: path) {
            links.revs.formUnion([change.rev, change.oldRev].compactMap(\.self))
        }
        return links
    }

    /// What happened to the links of a path until a time, the last at the end.
    private func linkChanges(at path: String, until time: Timestamp? = nil) async throws -> [MirrorChange] {
        var query = HistoryQuery()
        query.path = path
        query.kinds = [.linkMade, .linkRemoved]
        query.until = time
        return try await store.history(query).map(\.change).filter { $0.path.pathKey == path.pathKey }
    }

    // MARK: A time

    private func removedFolder(_ path: String, _ kept: [TrashRow]) async throws -> RestorePlan {
        let now = try await reader.files(at: path, after: .max)
        guard now.files.isEmpty else {
            throw Failure(.usage, "\(path): is a folder; say as of which time with --at, or name a file in it")
        }
        var query = HistoryQuery()
        query.path = path
        query.kinds = [.fileRemoved]
        query.limit = 1
        guard let last = try await store.history(query).last else {
            var plan = RestorePlan(isFolder: true, name: path.nameOfPath)
            for row in RestoreChoice.last(ofEach: kept, standing: [:]) where !row.item.isFolder {
                plan.items.append(try await item(of: row, relative: row.item.path.relative(to: path), kept: kept))
            }
            return plan
        }
        // All that went with the last of it: a pass that was interrupted has no end, and the next one goes on.
        var settled = HistoryQuery()
        settled.kinds = [.passDone]
        settled.upTo = last.number
        settled.limit = 1
        query.after = try await store.history(settled).last?.number ?? 0
        query.kinds = [.fileRemoved, .folderRemoved]
        let first = try await store.history(query).first ?? last
        return try await plan(try await reader.files(at: path, after: first.number - 1), path, time: nil)
    }

    private func past(_ path: String, _ time: Timestamp, isFolder: Bool) async throws -> RestorePlan {
        var files = try await reader.files(at: path, time: time)
        if files.files.isEmpty, !isFolder, let rev = try await linkChanges(at: path, until: time).last?.rev {
            return try await one(path, rev: rev, kept: [])
        }
        if files.files.isEmpty, !isFolder, try await !isInHistory(path) {
            files = PastFiles(at: path, [PastFile(path: path, isGuess: true)])
        }
        var plan = try await plan(files, path, time: time)
        if !plan.isFolder, plan.items.isEmpty, plan.missing.isEmpty {
            throw Failure(.incomplete, "\(path): did not stand there at \(TimeText.local(time)), as far as is known")
        }
        plan.isFolder = plan.isFolder || isFolder
        return plan
    }

    private func isInHistory(_ path: String) async throws -> Bool {
        var query = HistoryQuery()
        query.path = path
        query.limit = 1
        return try await !store.history(query).isEmpty
    }

    private func plan(_ past: PastFiles, _ path: String, time: Timestamp?) async throws -> RestorePlan {
        let files = past.sorted
        let isOne = files.count == 1 && files[0].path.pathKey == path.pathKey
        var plan = RestorePlan(isFolder: !isOne, name: (files.first?.path ?? path).prefixOfPath(path).nameOfPath)
        let hashes = Set(files.compactMap(\.hash))
        var stock = RestoreStock(standing: try await standing(hashes), kept: try await kept(files))
        var found = files.map { Answer.Content.success(stock.version(of: $0).map { .file($0) }) }
        let unknown = found.indices.filter { (try? found[$0].get()) == .some(nil) }
        for answer in try await ask(for: unknown.map { ($0, files[$0]) }, time, isOne: isOne) {
            found[answer.index] = answer.content
        }
        let told = Set(unknown.compactMap { try? found[$0].get()?.version.hash })
        stock.add(
            standing: try await standing(told),
            kept: try await kept(told.map { PastFile(path: path, rev: nil, hash: $0) }))
        for (file, answer) in zip(files, found) {
            switch answer {
            case .success(let content?):
                let relative = isOne ? file.path.nameOfPath : file.path.relative(to: path)
                plan.items.append(RestoreItem(file.path, relative, content, stock))
            case .success(nil): plan.newer += 1
            case .failure(let failure):
                plan.missing.append(FailedPath(path: file.path, reason: failure.message))
            }
        }
        return plan
    }

    /// What Dropbox has of one of several files; no tuple: those that a task group gives crash optimised builds.
    private struct Answer: Sendable {
        typealias Content = Result<Revision.Content?, Failure>

        var index: Int
        var content: Content
    }

    /// Asks Dropbox for files that are nowhere here, several at a time.
    ///
    /// - Throws: why Dropbox cannot be asked at all.
    private func ask(
        for files: [(index: Int, file: PastFile)], _ time: Timestamp?, isOne: Bool
    ) async throws -> [Answer] {
        if files.isEmpty { return [] }
        return try await withThrowingTaskGroup(of: Answer.self) { group in
            var waiting = files.makeIterator()
            var answers: [Answer] = []
            func next() {
                guard let (index, file) = waiting.next() else { return }
                group.addTask {
                    do {
                        return Answer(index: index, content: .success(try await self.ask(for: file, time)))
                    } catch let error where !isOne {
                        return Answer(index: index, content: .failure(Failure.of(error)))
                    }
                }
            }
            for _ in 0..<Self.questionsAtATime { next() }
            while let answer = try await group.next() {
                answers.append(answer)
                next()
            }
            return answers
        }
    }

    /// What is kept of any of the files, wherever it stood.
    private func kept(_ files: [PastFile]) async throws -> [TrashRow] {
        let (hashes, revs) = (Set(files.compactMap(\.hash)), Set(files.compactMap(\.rev)))
        if hashes.isEmpty && revs.isEmpty { return [] }
        var (found, last): ([TrashRow], Int64) = ([], 0)
        while true {
            let rows = try await store.trash(after: last, limit: 1000)
            found += rows.filter { row in
                row.item.version.map { hashes.contains($0.hash) || revs.contains($0.rev) } ?? false
            }
            guard let end = rows.last?.id else { return found }
            last = end
        }
    }

    /// Files of the mirror that hold one of some contents.
    private func standing(_ hashes: Set<ContentHash>) async throws -> [LocalEntry] {
        let needs = Dictionary(uniqueKeysWithValues: hashes.map { ($0, 1) })
        return try await store.reuseCandidates(for: needs).byHash.values.flatMap { $0.map(\.entry) }
    }

    // MARK: Dropbox

    /// What Dropbox has of a file that is nowhere here; nil if all it has is newer.
    private func ask(for file: PastFile, _ time: Timestamp?) async throws -> Revision.Content? {
        let links = try await links(at: file.path)
        if let rev = file.rev, let content = try await content(rev: rev) { return try links.permitted(content) }
        var (found, isEmpty): (Revision.Content?, Bool) = (nil, true)
        try await revisions(of: file.path) { revision in
            isEmpty = false
            if let hash = file.hash {
                if links.known(revision.content).version.hash == hash { found = revision.content }
            } else if let time {
                if revision.recorded <= time { found = revision.content }
            } else {
                found = revision.content
            }
            return found == nil
        }
        if let found { return try links.permitted(found) }
        if file.isGuess && !isEmpty { return nil }
        throw Failure(
            .incomplete,
            "\(escapingControls(file.path)): neither the mirror nor the trash has that version, and Dropbox has it no more"
        )
    }

    private func content(rev: Rev) async throws -> Revision.Content? {
        do {
            let client = try await client()
            let entry = try await client.metadata(of: "rev:\(rev.text)")
            guard case .file(_, let version) = entry.node else { return nil }
            return try await client.symbolicLink(ofRevision: entry).map { .link($0) } ?? .file(version)
        } catch let error as DropboxError where error.isNoSuchFile || error.code == .badRequest {
            return nil
        }
    }

    private func revisions(of path: String, take: (Revision) throws -> Bool) async throws {
        do {
            try await client().revisions(of: remoteRoot + path, take: take)
        } catch let error as DropboxError where error.isNoSuchFile {
            return
        }
    }
}

extension RestoreItem {
    fileprivate init(_ path: String, _ relative: String, _ content: Revision.Content, _ stock: RestoreStock) {
        switch content {
        case .file(let version):
            self.init(path: path, relative: relative, version: version, sources: stock.sources(of: version))
        case .link(let link): self.init(path: path, relative: relative, version: nil, sources: [.link(link)])
        }
    }
}

extension LocalNode {
    /// What it holds; nil for a folder.
    fileprivate var hash: ContentHash? {
        switch self {
        case .file(_, let version, _), .link(_, let version, _): version.hash
        case .folder: nil
        }
    }
}

extension String {
    /// The last name of a path; "" of "/".
    var nameOfPath: String { pathComponents.last ?? "" }

    /// The rest of a path at or below `folder`, as another spelling of its case may write it.
    fileprivate func relative(to folder: String) -> String {
        pathComponents.dropFirst(folder.pathComponents.count).joined(separator: "/")
    }

    /// The beginning of a path that has as many names as `folder`.
    fileprivate func prefixOfPath(_ folder: String) -> String {
        "/" + pathComponents.prefix(folder.pathComponents.count).joined(separator: "/")
    }
}
