import FileSystem
import Glibc
import SyncModel

/// The effects of one batch; remembers the folders it touched.
final class Applier {
    let tree: MirrorTree
    private var folders: [MirrorPath: OpenFolder] = [:]
    private var touched: Set<MirrorPath> = []
    /// What the operation has moved out of the mirror.
    var kept: [KeptItem] = []
    /// Where what is removed or replaced goes; nil if it is not kept.
    let trash: TrashFolders?
    /// Names of folders as they were read last.
    private var knownNames: [MirrorPath: Set<[UInt8]>] = [:]

    private struct OpenFolder {
        let descriptor: Descriptor
        /// What a new entry gets from it; nil until one was made.
        var inheritance: Inheritance?
    }

    /// Whether files that were adopted, or given another time, become durable with the folders.
    private let syncsFilesAtEnd: Bool
    private var mustSyncFiles = false

    /// - Parameters:
    ///   - stamped: how many files of the batch stand already and get time and mode.
    ///   - trash: where what is removed or replaced goes, below `.dbxsync`; nil if it is not kept.
    init(_ tree: MirrorTree, stamped: Int = 0, trash: String? = nil) {
        self.tree = tree
        self.trash = trash.map { TrashFolders(tree, place: $0) }
        syncsFilesAtEnd = stamped > Self.syncedSingly
    }

    /// Files or folders up to which each is made durable by itself.
    private static let syncedSingly = 4

    func perform(_ prepared: PreparedOperation) throws -> AppliedOperation {
        kept = []
        var outcomes: [Outcome]
        do {
            outcomes = try execute(prepared)
        } catch let error as MirrorError where error.disposition == .skipItem {
            outcomes = [.failed(prepared.operation.key, why: error.description, retry: nil)]
        }
        return AppliedOperation(operation: prepared.operation, outcomes: outcomes, kept: kept)
    }

    /// Makes a file durable that stands under its name already: now if the batch has few such files, else at its end.
    func makeDurable(_ file: Descriptor) throws(MirrorError) {
        if syncsFilesAtEnd { mustSyncFiles = true } else { try file.sync() }
    }

    /// Makes durable what was touched: folders one by one if they are few, else all that the disk has to write.
    func syncTouched() throws(MirrorError) {
        if try trash?.syncTouched() == true { return try tree.syncEverything() }
        if mustSyncFiles || touched.count > Self.syncedSingly { return try tree.syncEverything() }
        for path in touched {
            guard let folder = folders[path]?.descriptor else { return try tree.syncEverything() }
            try folder.sync()
        }
    }

    private func execute(_ prepared: PreparedOperation) throws -> [Outcome] {
        switch prepared.operation {
        case .clear(let key, let entries): return try clear(key, entries)
        case .relocate(let entry, let path): return [try relocate(entry, to: path)]
        case .makeFolder(let key, let path): return [try makeFolder(key, at: path)]
        case .place(let placement): return try place(placement, prepared.content)
        case .makeLink(let placement): return [try makeLink(placement)]
        case .updateMetadata(let entry, let version): return [try updateMetadata(entry, version)]
        case .removeFile(let entry): return [try removeFile(entry)]
        case .removeLink(let entry): return [try removeLink(entry)]
        case .removeFolder(let entry): return [try removeFolder(entry)]
        case .park(let key, let reason): return [.parked(key, reason: reason)]
        case .waitForParent(let key, let parent):
            return [.failed(key, why: "waits for its folder \(parent), which could not be made", retry: nil)]
        case .upToDate(let key): return [.recheck(key)]
        case .keepFolder(let entry): return [.recheck(entry.key)]
        case .forgetHave(let key): return [.have(key, nil)]
        }
    }

    /// Folders kept open at a time; a process may have about a thousand files open.
    private static let openFolders = 64

    /// The folder that holds `path`, made again if somebody has removed it, and the name in it.
    func leaf(_ path: MirrorPath, making: Bool = false) throws -> (folder: Descriptor, name: String) {
        guard let parent = path.parent, let name = path.name else {
            throw MirrorError(code: .call, message: "change the mirror's root", number: EINVAL)
        }
        if let folder = folders[parent]?.descriptor { return (folder, name.text) }
        let folder = try open(parent, making: making)
        if folders.count >= Self.openFolders { folders = [:] }
        folders[parent] = OpenFolder(descriptor: folder)
        return (folder, name.text)
    }

    /// The same without making anything; `nil` if that folder does not stand, or a link stands in its place.
    func existing(_ path: MirrorPath) throws -> (folder: Descriptor, name: String)? {
        do {
            return try leaf(path)
        } catch let error as MirrorError where [ENOENT, ENOTDIR, ELOOP].contains(error.number) {
            return nil
        }
    }

    /// Forgets an open folder that was removed.
    func forget(_ path: MirrorPath) { folders[path] = nil }

    /// Forgets the open folders: their paths may lead elsewhere now.
    func forgetFolders() { (folders, knownNames) = ([:], [:]) }

    /// What a new entry at `path` gets from its folder.
    func inheritance(of path: MirrorPath) throws -> Inheritance {
        let parent = path.parent ?? .root
        if let known = folders[parent]?.inheritance { return known }
        let found = try Inheritance(from: leaf(path, making: true).folder, group: tree.settings.group)
        folders[parent]?.inheritance = found
        return found
    }

    private func open(_ path: MirrorPath, making: Bool) throws -> Descriptor {
        do {
            return try tree.root.folder(path)
        } catch {
            guard making, error.number == ENOENT else { throw error }
        }
        return try tree.root.makeFolders(relative: path.text, mode: mode_t(tree.settings.directoryMode))
    }

    /// Why something cannot stand at `path`: the file system takes its name for another one, which stands there.
    func conflict(of name: String, in folder: Descriptor, _ path: MirrorPath) throws(MirrorError) -> String? {
        let parent = path.parent ?? .root
        var known = knownNames.removeValue(forKey: parent) ?? []
        let colliding = try tree.collidingName(of: name, in: folder, known: &known)
        if knownNames.count >= Self.openFolders { knownNames = [:] }
        knownNames[parent] = known
        return colliding.map { "the mirror's file system does not distinguish its name from \"\($0)\", which exists" }
    }

    func touch(_ path: MirrorPath) {
        if let parent = path.parent { touched.insert(parent) }
    }
}
