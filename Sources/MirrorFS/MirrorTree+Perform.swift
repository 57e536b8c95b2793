import Glibc
import SyncModel

extension MirrorTree {
    /// Executes a batch in order and makes its effects durable.
    ///
    /// - Returns: what became of each mutation: one that fails does not stop the others.
    /// - Throws: `MirrorError` for what concerns the whole disk. Then some effects may have happened: their intents
    ///   tell which.
    public func perform(_ batch: [Mutation]) throws -> [MutationResult] {
        try makeDurable(batch)
        let effects = Effects(self)
        var results: [MutationResult] = []
        for mutation in batch {
            try faults(.effect)
            results.append(try effects.perform(mutation))
            try faults(.effectDone)
        }
        try faults(.syncFolders)
        try effects.syncFolders()
        return results
    }

    /// Bytes before names: what is renamed into place must survive a power cut (rename(2) promises nothing of that).
    private func makeDurable(_ batch: [Mutation]) throws {
        let volatile = batch.contains {
            if case .staged(let file)? = $0.content { !file.isDurable } else { false }
        }
        if volatile { try syncEverything() }
    }
}

/// The effects of one batch; remembers the folders it touched.
private final class Effects {
    private let tree: MirrorTree
    private var folders: [MirrorPath: Descriptor] = [:]
    private var touched: Set<MirrorPath> = []
    private var aside: [String] = []

    init(_ tree: MirrorTree) { self.tree = tree }

    func perform(_ mutation: Mutation) throws -> MutationResult {
        aside = []
        var outcomes: [Outcome]
        do {
            outcomes = try execute(mutation)
        } catch let error as MirrorError where error.disposition == .item {
            outcomes = [.failed(mutation.operation.key, why: error.description, retry: nil)]
        }
        return MutationResult(operation: mutation.operation, outcomes: outcomes, setAside: aside)
    }

    /// Makes the touched folders durable: one by one if they are few, else all that the disk has to write.
    func syncFolders() throws(MirrorError) {
        if touched.count > 4 { return try tree.syncEverything() }
        for path in touched {
            guard let folder = folders[path] else { return try tree.syncEverything() }
            try folder.sync()
        }
    }

    private func execute(_ mutation: Mutation) throws -> [Outcome] {
        switch mutation.operation {
        case .clear(let key, let standings): return try clear(key, standings)
        case .relocate(let standing, let path): return [try relocate(standing, to: path)]
        case .makeFolder(let key, let path): return [try makeFolder(key, at: path)]
        case .place(let placement): return try place(placement, mutation.content)
        case .retag(let standing, let version): return [try retag(standing, version)]
        case .removeFile(let standing): return [try removeFile(standing)]
        case .removeFolder(let standing): return [try removeFolder(standing)]
        case .park(let key, let reason): return [.parked(key, reason: reason)]
        case .waitForParent(let key, let parent):
            return [.failed(key, why: "waits for its folder \(parent), which could not be made", retry: nil)]
        case .settled(let key): return [.recheck(key)]
        }
    }

    /// The folder that holds `path`, made again if somebody has removed it, and the name in it.
    private func leaf(_ path: MirrorPath, making: Bool = false) throws -> (folder: Descriptor, name: String) {
        guard let parent = path.parent, let name = path.name else {
            throw MirrorError(code: .call, message: "change the mirror's root", number: EINVAL)
        }
        if let folder = folders[parent] { return (folder, name.text) }
        let folder = try open(parent, making: making)
        folders[parent] = folder
        return (folder, name.text)
    }

    private func open(_ path: MirrorPath, making: Bool) throws -> Descriptor {
        do {
            return try tree.root.folder(path)
        } catch {
            guard making, error.number == ENOENT else { throw error }
        }
        return try tree.root.makeFolders(relative: path.text, mode: mode_t(tree.settings.directoryMode))
    }

    private func touch(_ path: MirrorPath) {
        if let parent = path.parent { touched.insert(parent) }
    }

    // MARK: Placing

    private func place(_ placement: Placement, _ content: Content?) throws -> [Outcome] {
        switch content {
        case .staged(let staged)?: return [try publish(staged, placement)]
        case .adopted(let print)?: return [try adopt(placement, print)]
        case .moved(let donor)?: return try move(donor, placement)
        case nil: return [.recheck(placement.key)]
        }
    }

    private func publish(_ staged: StagedFile, _ placement: Placement) throws -> Outcome {
        let (folder, name) = try leaf(placement.path, making: true)
        switch try makeRoom(for: placement) {
        case .adopt(let print):
            unlinkat(tree.staging.number, staged.name, 0)
            return try adopt(placement, print)
        case .kept(let why): return .failed(placement.key, why: why, retry: .seconds(3600))
        case .free: break
        }
        guard renameat(tree.staging.number, staged.name, folder.number, name) == 0 else {
            throw MirrorError.call("rename a staged file to", placement.path)
        }
        touch(placement.path)
        return .have(placement.key, .file(name: FileName(name), staged.version, staged.fingerprint))
    }

    /// The file that leaves one place is the file that is wanted at another.
    private func move(_ donor: Standing, _ placement: Placement) throws -> [Outcome] {
        let (from, fromName) = try leaf(donor.path)
        guard case .file(_, _, let known) = donor.node, case .file(let there) = try from.observe(fromName),
            known == there
        else {
            // Not what it was: it goes its own way, and the content is fetched by the next plan.
            return [try removeFile(donor), .recheck(placement.key)]
        }
        let (folder, name) = try leaf(placement.path, making: true)
        switch try makeRoom(for: placement) {
        case .adopt(let print): return [try adopt(placement, print)]
        case .kept(let why): return [.failed(placement.key, why: why, retry: .seconds(3600))]
        case .free: break
        }
        guard renameat(from.number, fromName, folder.number, name) == 0 else {
            throw MirrorError.call("rename \(donor.path) to", placement.path)
        }
        touch(donor.path)
        touch(placement.path)
        return [.have(donor.key, nil), .have(placement.key, .file(name: FileName(name), placement.version, known))]
    }

    private enum Room {
        case free
        case adopt(Fingerprint)
        case kept(String)
    }

    /// Decides about what stands at the target now; what is not ours is never destroyed unless told to.
    private func makeRoom(for placement: Placement) throws -> Room {
        let (folder, name) = try leaf(placement.path, making: true)
        let seen = try folder.observe(name)
        if seen == .nothing { return .free }
        if case .file(let there) = seen {
            if case .file(_, let held, let known)? = placement.replacing?.node {
                if known == there { return .free }
                if try hash(folder, name, there, is: held) { return .free }
            }
            if try hash(folder, name, there, is: placement.version) { return .adopt(there) }
        }
        return try giveWay(placement.path, folder, name, seen)
    }

    private func giveWay(_ path: MirrorPath, _ folder: Descriptor, _ name: String, _ seen: Observed) throws -> Room {
        switch tree.settings.localChanges {
        case .keep: return .kept("something that is not from Dropbox stands there (local_changes = \"keep\")")
        case .overwrite:
            // Only files are overwritten: a whole folder of somebody's is not what the setting speaks of.
            if case .folder = seen { break }
            return .free
        case .aside: break
        }
        aside.append(try tree.setAside(path, in: folder, name: name))
        touch(path)
        return .free
    }

    private func hash(_ folder: Descriptor, _ name: String, _ print: Fingerprint, is version: FileVersion) throws
        -> Bool
    {
        guard print.size == version.size else { return false }
        let file = try Descriptor.open(name, in: folder, flags: O_RDONLY | O_NONBLOCK)
        return try FileContent.hash(file) == version.hash
    }

    private func adopt(_ placement: Placement, _ expected: Fingerprint) throws -> Outcome {
        let (folder, name) = try leaf(placement.path)
        let file = try Descriptor.open(name, in: folder, flags: O_RDONLY | O_NONBLOCK)
        guard case .file(let there) = Observed(try file.status()), there == expected else {
            return .recheck(placement.key)
        }
        return .have(placement.key, try stamp(file, name, placement.version))
    }

    /// Gives a file of ours the time and mode of its version.
    private func stamp(_ file: Descriptor, _ name: String, _ version: FileVersion) throws -> LocalNode {
        guard fchmod(file.number, mode_t(tree.settings.fileMode)) == 0 else {
            throw MirrorError.call("set the mode of", name)
        }
        try setModificationTime(file, version.modified, name)
        try file.sync()
        return .file(name: FileName(name), version, Fingerprint(try file.status()))
    }

    private func retag(_ standing: Standing, _ version: FileVersion) throws -> Outcome {
        guard case .file(_, let held, let known) = standing.node else { return .recheck(standing.key) }
        let (folder, name) = try leaf(standing.path)
        guard case .file(let there) = try folder.observe(name),
            try known == there || hash(folder, name, there, is: held)
        else { return .have(standing.key, nil) }
        let file = try Descriptor.open(name, in: folder, flags: O_RDONLY | O_NONBLOCK)
        return .have(standing.key, try stamp(file, name, version))
    }

    // MARK: Folders

    private func makeFolder(_ key: RemoteKey, at path: MirrorPath) throws -> Outcome {
        let (folder, name) = try leaf(path, making: true)
        let mode = mode_t(tree.settings.directoryMode)
        if mkdirat(folder.number, name, mode) != 0 {
            guard errno == EEXIST else { throw MirrorError.call("make folder", path) }
            let seen = try folder.observe(name)
            if case .folder(let inode) = seen { return .have(key, .folder(name: FileName(name), inode: inode)) }
            if case .kept(let why) = try giveWay(path, folder, name, seen) {
                return .failed(key, why: why, retry: .seconds(3600))
            }
            if tree.settings.localChanges == .overwrite { unlinkat(folder.number, name, 0) }
            guard mkdirat(folder.number, name, mode) == 0 else { throw MirrorError.call("make folder", path) }
        }
        guard fchmodat(folder.number, name, mode, 0) == 0 else { throw MirrorError.call("set the mode of", path) }
        touch(path)
        guard case .folder(let inode) = try folder.observe(name) else { return .recheck(key) }
        return .have(key, .folder(name: FileName(name), inode: inode))
    }

    private func relocate(_ standing: Standing, to path: MirrorPath) throws -> Outcome {
        let (from, oldName) = try leaf(standing.path)
        let (folder, name) = try leaf(path)
        let source = try from.observe(oldName)
        if source == .nothing {
            // Somebody removed it; a folder is made anew so that what is recorded below it keeps its parent.
            return standing.node.isFolder ? try makeFolder(standing.key, at: path) : .have(standing.key, nil)
        }
        // On a file system that folds case the new name leads to the same thing; then rename(2) just renames.
        let target = try folder.observe(name)
        if target != .nothing, target != source, case .kept(let why) = try giveWay(path, folder, name, target) {
            return .failed(standing.key, why: why, retry: .seconds(3600))
        }
        guard renameat(from.number, oldName, folder.number, name) == 0 else {
            throw MirrorError.call("rename \(standing.path) to", path)
        }
        folders = [:]  // descriptors by path may lead elsewhere now
        touch(standing.path)
        touch(path)
        _ = try leaf(standing.path)
        return .have(standing.key, standing.node.renamed(FileName(name)))
    }

    // MARK: Removing

    private func removeFile(_ standing: Standing) throws -> Outcome {
        guard case .file(_, let held, let known) = standing.node else { return .recheck(standing.key) }
        let folder: Descriptor
        let name: String
        do {
            (folder, name) = try leaf(standing.path)
        } catch let error as MirrorError where [ENOENT, ENOTDIR].contains(error.number) {
            return .have(standing.key, nil)
        }
        // What is no regular file any more was put there by somebody else and is none of our business.
        guard case .file(let there) = try folder.observe(name) else { return .have(standing.key, nil) }
        if known != there, try !hash(folder, name, there, is: held) {
            switch tree.settings.localChanges {
            case .keep:
                return .failed(
                    standing.key, why: "deleted in Dropbox, changed here (local_changes = \"keep\")",
                    retry: .seconds(3600))
            case .aside:
                aside.append(try tree.setAside(standing.path, in: folder, name: name))
                touch(standing.path)
                return .have(standing.key, nil)
            case .overwrite: break
            }
        }
        guard unlinkat(folder.number, name, 0) == 0 || errno == ENOENT else {
            throw MirrorError.call("remove", standing.path)
        }
        touch(standing.path)
        return .have(standing.key, nil)
    }

    private func removeFolder(_ standing: Standing) throws -> Outcome {
        do {
            let (folder, name) = try leaf(standing.path)
            if unlinkat(folder.number, name, AT_REMOVEDIR) == 0 {
                touch(standing.path)
                folders[standing.path] = nil
                return .have(standing.key, nil)
            }
            if errno == ENOTEMPTY || errno == EEXIST {
                return .failed(
                    standing.key, why: "deleted in Dropbox, but it holds files that are not from there", retry: nil)
            }
            guard [ENOENT, ENOTDIR].contains(errno) else { throw MirrorError.call("remove folder", standing.path) }
        } catch let error as MirrorError where [ENOENT, ENOTDIR].contains(error.number) {
            // Gone already: that is what was asked for.
        }
        return .have(standing.key, nil)
    }

    private func clear(_ key: RemoteKey, _ standings: [Standing]) throws -> [Outcome] {
        var outcomes: [Outcome] = []
        for standing in standings {
            guard standing.node.isFolder else {
                outcomes.append(try removeFile(standing))
                continue
            }
            var outcome = try removeFolder(standing)
            if case .failed = outcome {
                let (folder, name) = try leaf(standing.path)
                if tree.settings.localChanges == .keep { return outcomes + [outcome] }
                aside.append(try tree.setAside(standing.path, in: folder, name: name))
                touch(standing.path)
                outcome = .have(standing.key, nil)
            }
            outcomes.append(outcome)
        }
        return outcomes + [.recheck(key)]
    }
}
