/// The folder above a pending item, as far as its path goes.
public enum ParentState: Hashable, Sendable {
    /// It stands at this path.
    case stands(MirrorPath)
    /// It is wanted and does not stand yet; this is where it will.
    case wanted(MirrorPath)
    /// It, or a folder above it, cannot be mirrored.
    case impossible(RemoteKey, reason: String)
}

/// One key whose want and have may differ, with all that a decision about it needs.
public struct PendingItem: Hashable, Sendable {
    /// The key.
    public var key: RemoteKey
    /// What the remote holds.
    public var want: RemoteNode?
    /// What stands, and where.
    public var entry: LocalEntry?
    /// What stands below it, deepest first; filled in only if a folder is to become something else.
    public var below: [LocalEntry]
    /// Whether what stands, or something below it, is left alone by the selection; told only if it would have to go.
    public var holdsLeftAlone = false
    /// Whether `below` is truncated; the folder is then cleared in several passes.
    public var hasMoreBelow = false
    /// How often it has failed.
    public var failures = 0
    /// The folder above it.
    public var parent: ParentState

    /// Creates an item.
    public init(key: RemoteKey, want: RemoteNode?, entry: LocalEntry?, below: [LocalEntry], parent: ParentState) {
        self.key = key
        self.want = want
        self.entry = entry
        self.below = below
        self.parent = parent
    }

    /// Why something cannot be put where something stands that is left alone.
    public static let leftAloneReason =
        "it, or something in it, is left alone because of mirror.exclude or mirror.include"

    /// Whether something of ours stands there that is of another kind than what is wanted: it has to go first.
    ///
    /// What cannot be mirrored is of another kind than everything: an old version would pass for the new one. What
    /// cannot be read is of no kind.
    public var kindFlips: Bool {
        guard let want, let entry, !want.isUnreadable else { return false }
        return switch want {
        case .folder: !entry.node.isFolder
        case .file, .export: if case .file = entry.node { false } else { true }
        case .link: if case .link = entry.node { false } else { true }
        case .unavailable: true
        }
    }
}

/// What is to be done about a window of pending items: pure, in three rounds.
///
/// clear and relocate change paths, so they are executed first and the window is read again; then placing, the
/// additions and changes; pruning, the removals, comes last, because what leaves is where moved content comes from. Only
/// what is dispensable may go before.
public enum Planner {
    /// Things of another kind that stand in the way, and names that differ in case; nearly always empty.
    public static func clearing(_ window: [PendingItem]) -> [PlannedOperation] {
        var plan: [PlannedOperation] = []
        var moved: Set<RemoteKey> = []
        for item in window {
            guard let entry = item.entry, let want = item.want, !want.isUnreadable else { continue }
            // Below a folder that is renamed in this plan every path is about to change: the next reading has them.
            if !moved.isEmpty && item.key.ancestors.contains(where: moved.contains) { continue }
            if item.kindFlips {
                if item.holdsLeftAlone { continue }
                let going = item.hasMoreBelow ? item.below : item.below + [entry]
                if !going.isEmpty { plan.append(.clear(item.key, going)) }
            } else if entry.node.name != want.name, case .stands(let parent) = item.parent,
                let path = try? parent.appending(want.name)
            {
                plan.append(.relocate(entry, to: path))
                moved.insert(item.key)
            }
        }
        return plan
    }

    /// Folders to make, then files to place or retag, in ascending order of keys.
    ///
    /// - Parameters:
    ///   - window: the items.
    ///   - candidates: where content may come from.
    ///   - moving: reuse candidates that earlier plans move and that may still be on their way, by key: where they will
    ///     stand.
    public static func placing(
        _ window: [PendingItem], candidates: ReuseIndex, moving: [RemoteKey: LocalEntry] = [:]
    ) -> [PlannedOperation] {
        var sources = ContentSourceSelector(candidates: candidates, moving: moving)
        var made: Set<RemoteKey> = []
        return window.compactMap { item in
            guard let want = item.want else { return nil }
            let operation = operation(for: item, want: want, made: made, sources: &sources)
            if case .makeFolder(let key, _) = operation { made.insert(key) }
            return operation
        }
    }

    private static func operation(
        for item: PendingItem, want: RemoteNode, made: Set<RemoteKey>, sources: inout ContentSourceSelector
    ) -> PlannedOperation {
        if let entry = item.entry, entry.node.satisfies(want) { return .upToDate(item.key) }
        if case .unavailable(_, let reason, _) = want {
            if reason.isExported && item.entry == nil { return .upToDate(item.key) }
            return .park(item.key, reason: reason.description)
        }
        if item.kindFlips && item.holdsLeftAlone { return .park(item.key, reason: PendingItem.leftAloneReason) }
        let parentPath: MirrorPath
        switch item.parent {
        case .impossible(let key, let reason):
            return .park(item.key, reason: "the folder \(key) above it cannot be mirrored: \(reason)")
        case .wanted(let path):
            guard let parent = item.key.parent, made.contains(parent) else {
                return .waitForParent(item.key, parent: item.key.parent ?? .root)
            }
            parentPath = path
        case .stands(let path):
            parentPath = path
        }
        do {
            return place(item, want: want, at: try parentPath.appending(want.name), sources: &sources)
        } catch {
            return .park(item.key, reason: error.description)
        }
    }

    private static func place(
        _ item: PendingItem, want: RemoteNode, at path: MirrorPath, sources: inout ContentSourceSelector
    ) -> PlannedOperation {
        let version: FileVersion
        var export: ExportedFile?
        switch want {
        case .folder, .unavailable: return .makeFolder(item.key, at: path)
        case .file(_, let wanted): version = wanted
        case .export(_, let file): (version, export) = (file.placedVersion, file)
        case .link(_, let link):
            return .makeLink(LinkPlacement(key: item.key, path: path, link: link, replacing: item.entry))
        }
        if let export, export.version == nil {
            return .place(
                Placement(
                    key: item.key, path: path, version: version, replacing: item.entry, sources: [.export(export)],
                    failures: item.failures))
        }
        if let entry = item.entry, case .file(_, let present, _) = entry.node,
            present.sameContent(as: version), !present.isUnproven
        {
            return .updateMetadata(entry, version)
        }
        var found = sources.choose(for: version, at: item.key, path)
        if let export { found[found.count - 1] = .export(export) }
        return .place(
            Placement(key: item.key, path: path, version: version, replacing: item.entry, sources: found))
    }

    /// What of items that are no longer wanted may go before everything else is in place.
    ///
    /// Files whose content is wanted elsewhere stay, and so do the folders above them: what leaves is where moved content
    /// comes from.
    ///
    /// - Parameters:
    ///   - items: items that are no longer wanted.
    ///   - wanted: contents that something pending is to hold.
    public static func dispensable(_ items: [PendingItem], wanted: Set<ContentHash>) -> [PendingItem] {
        let needed = items.filter { $0.entry?.content.map(wanted.contains) ?? false }.map(\.key)
        if needed.isEmpty { return items }
        let staying = Set(needed + needed.flatMap(\.ancestors))
        return items.filter { !staying.contains($0.key) }
    }

    /// What is no longer wanted: files, then folders, deepest first.
    public static func pruning(_ window: [PendingItem]) -> [PlannedOperation] {
        var files: [PlannedOperation] = []
        var folders: [PlannedOperation] = []
        for item in window where item.want == nil {
            guard let entry = item.entry else {
                files.append(.forgetHave(item.key))
                continue
            }
            switch entry.node {
            case .folder: folders.append(item.holdsLeftAlone ? .keepFolder(entry) : .removeFolder(entry))
            case .file: files.append(.removeFile(entry))
            case .link: files.append(.removeLink(entry))
            }
        }
        return files + folders.sorted { $0.key > $1.key }
    }
}
