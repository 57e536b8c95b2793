import FileSystem
import Glibc
import SyncModel

// Putting files in place.
extension Applier {
    func place(_ placement: Placement, _ content: PreparedContent?) throws -> [Outcome] {
        switch content {
        case .staged(let staged)?: return [try publish(staged, placement)]
        case .adopted(let print)?:
            let (folder, name) = try leaf(placement.path)
            if let why = try conflict(of: name, in: folder, placement.path) {
                return [.parked(placement.key, reason: why)]
            }
            return [try adopt(placement, print)]
        case .moved(let candidate)?: return try move(candidate, placement)
        case nil: return [.recheck(placement.key)]
        }
    }

    private func publish(_ staged: StagedFile, _ placement: Placement) throws -> Outcome {
        let staging = try tree.staging
        switch try rename(staged.name, of: staging, to: placement) {
        case .adopt(let print):
            unlinkat(staging.number, staged.name, 0)
            return try adopt(placement, print)
        case .keepLocalEdit(let why): return .failed(placement.key, why: why, retry: .seconds(3600))
        case .nameCollision(let why): return .parked(placement.key, reason: why)
        case .clear(let name):
            noticeTime(of: staged)
            return .have(placement.key, .file(name: name, staged.version, staged.fingerprint))
        }
    }

    /// Some file systems keep times to two seconds, some do not let them be set.
    private func noticeTime(of staged: StagedFile) {
        let (kept, wanted) = (staged.fingerprint.modifiedNanoseconds / 1_000_000_000, staged.version.modified.seconds)
        // What lies outside of these years is kept by few.
        guard (315_532_800...2_147_483_647).contains(wanted), !(wanted - 2...wanted + 2).contains(kept) else { return }
        tree.notices.add(
            "the mirror's file system does not keep modification times: files have the time at which they were written"
        )
    }

    /// The file that leaves one place is the file that is wanted at another.
    private func move(_ candidate: LocalEntry, _ placement: Placement) throws -> [Outcome] {
        guard case .file(_, _, let known) = candidate.node, let (from, fromName) = try existing(candidate.path),
            case .file(let there) = try from.observe(fromName), known == there
        else {
            // Not what it was: it goes its own way, and the content is fetched by the next plan.
            return [try removeFile(candidate), .recheck(placement.key)]
        }
        let check: TargetCheck<FileName>
        do {
            check = try rename(fromName, of: from, to: placement)
        } catch let error as MirrorError where error.disposition == .skipItem {
            // Its folder may be locked: a copy does as well, and the original is removed or reported like everything
            // else.
            guard let copy = try tree.stageCopy(of: candidate, as: placement.version, for: placement.key) else {
                return [.recheck(placement.key)]
            }
            if !copy.isDurable { try tree.syncEverything() }
            return [try publish(copy, placement)]
        }
        switch check {
        case .adopt(let print): return [try adopt(placement, print)]
        case .keepLocalEdit(let why): return [.failed(placement.key, why: why, retry: .seconds(3600))]
        case .nameCollision(let why): return [.parked(placement.key, reason: why)]
        case .clear(let name):
            touch(candidate.path)
            return [.have(candidate.key, nil), .have(placement.key, .file(name: name, placement.version, known))]
        }
    }

    /// The result of checking a target.
    enum TargetCheck<Clear> {
        case clear(Clear)
        case adopt(Fingerprint)
        case keepLocalEdit(String)
        /// The file system takes the name for that of another entry.
        case nameCollision(String)
    }

    /// What a clear target holds.
    enum TargetState {
        /// Nothing stands there, and only nothing may be replaced.
        case vacant
        /// What stands there may be replaced; with what it holds, if that is known.
        case replaceable(FileVersion?)

        var isReplaceable: Bool {
            if case .replaceable = self { true } else { false }
        }
    }

    /// How often a place is looked at again when something has appeared there in the meantime.
    static let looks = 8

    /// Renames a file to where it is wanted, if there is room; then the room is free and was given that name.
    private func rename(_ name: String, of source: Descriptor, to placement: Placement) throws -> TargetCheck<FileName>
    {
        let (folder, target) = try leaf(placement.path, making: true)
        let refusal = try inheritance(of: placement.path).apply(
            to: name, in: source, mode: mode_t(tree.settings.fileMode))
        if let refusal { tree.notices.add(refusal) }
        for _ in 0..<Self.looks {
            let targetState: TargetState
            switch try checkTarget(for: placement) {
            case .adopt(let print): return .adopt(print)
            case .keepLocalEdit(let why): return .keepLocalEdit(why)
            case .nameCollision(let why): return .nameCollision(why)
            case .clear(let free): targetState = free
            }
            let before = try keepReplaced(targetState, by: placement, in: folder, target)
            try tree.faults(.rename)
            if source.rename(name, to: folder, target, replacing: targetState.isReplaceable) == 0 {
                touch(placement.path)
                if let before { kept.append(before) }
                return .clear(FileName(target))
            }
            let reason = errno
            if let before { trash?.takeBack(before.place, to: target, in: folder) }
            errno = reason
            guard !targetState.isReplaceable, errno == EEXIST else { break }
        }
        throw MirrorError.call("rename a file to", placement.path)
    }

    /// Keeps what is about to be replaced, unless it holds the same.
    private func keepReplaced(
        _ state: TargetState, by placement: Placement, in folder: Descriptor, _ name: String
    ) throws -> KeptItem? {
        guard case .replaceable(let version) = state, trash != nil, version?.hash != placement.version.hash,
            case .file(let there) = try folder.observe(name)
        else { return nil }
        let path = placement.path
        return try keptReplaced(path, in: folder, name).map {
            KeptItem(path: path.remoteText, place: $0, reason: .replaced, version: version, size: there.size)
        }
    }

    /// Decides what to do with what is at the target.
    ///
    /// Unmanaged files are overwritten only if `local_changes` says so.
    private func checkTarget(for placement: Placement) throws -> TargetCheck<TargetState> {
        let (folder, name) = try leaf(placement.path, making: true)
        let seen = try folder.observe(name)
        if seen == .nothing { return .clear(.vacant) }
        if case .file(let there) = seen, case .file(_, let held, there)? = placement.replacing?.node {
            return .clear(.replaceable(held.isUnproven ? nil : held))
        }
        if let why = try conflict(of: name, in: folder, placement.path) { return .nameCollision(why) }
        if case .file(let there) = seen {
            if case .file(_, let held, _)? = placement.replacing?.node {
                if try hash(folder, name: name, print: there, is: held) { return .clear(.replaceable(held)) }
            }
            if try hash(folder, name: name, print: there, is: placement.version) { return .adopt(there) }
        }
        return try clearTarget(placement.path, folder: folder, name: name, seen: seen)
    }

    /// Moves something that is not ours out of the way, as far as `local_changes` allows it.
    func clearTarget(_ path: MirrorPath, folder: Descriptor, name: String, seen: Observed) throws
        -> TargetCheck<TargetState>
    {
        switch tree.settings.localChanges {
        case .keep: return .keepLocalEdit("something that is not from Dropbox is in the way (local_changes = \"keep\")")
        case .overwrite:
            // Only files are overwritten: a whole folder of somebody's is not what the setting speaks of.
            if case .folder = seen { break }
            return .clear(.replaceable(nil))
        case .aside: break
        }
        try setAside(path, in: folder, name: name)
        return .clear(.vacant)
    }

    func hash(_ folder: Descriptor, name: String, print: Fingerprint, is version: FileVersion) throws
        -> Bool
    {
        guard print.size == version.size else { return false }
        do {
            let file = try Descriptor.open(name, in: folder, flags: O_RDONLY | O_NONBLOCK)
            return try FileContent.hash(file) == version.hash
        } catch  where error.disposition == .skipItem {
            return false  // what cannot be read is not known to be ours
        }
    }

    private func adopt(_ placement: Placement, _ expected: Fingerprint) throws -> Outcome {
        let (folder, name) = try leaf(placement.path)
        let file = try Descriptor.open(name, in: folder, flags: O_RDONLY | O_NONBLOCK)
        let status = try file.status()
        guard Observed(status) == .file(expected) else { return .recheck(placement.key) }
        let node = try stamp(
            file, status, path: placement.path, version: placement.version, key: placement.key)
        return .have(placement.key, node)
    }

    func updateMetadata(_ entry: LocalEntry, _ version: FileVersion) throws -> Outcome {
        guard case .file(_, let held, let known) = entry.node else { return .recheck(entry.key) }
        guard let (folder, name) = try existing(entry.path), case .file(let there) = try folder.observe(name),
            try known == there || hash(folder, name: name, print: there, is: held)
        else { return .have(entry.key, nil) }
        let file = try Descriptor.open(name, in: folder, flags: O_RDONLY | O_NONBLOCK)
        return .have(entry.key, try stamp(file, try file.status(), path: entry.path, version: version, key: entry.key))
    }

    /// Gives a file that holds a version's bytes the time and mode of that version, unless it has them.
    ///
    /// - Parameter seen: what the file was a moment ago.
    private func stamp(
        _ file: Descriptor, _ seen: stat, path: MirrorPath, version: FileVersion, key: RemoteKey
    ) throws -> LocalNode {
        let (folder, name) = try leaf(path)
        var status = seen
        if status.st_nlink > 1 {
            let own = try unshared(file, version: version, key: key)
            let staging = try tree.staging
            guard renameat(staging.number, own.name, folder.number, name) == 0 else {
                throw MirrorError.call("rename a staged file to", path)
            }
            touch(path)
            return .file(name: FileName(name), version, own.fingerprint)
        }
        let mode = mode_t(tree.settings.fileMode)
        if status.st_mode & 0o7777 != mode, fchmod(file.number, mode) != 0 {
            throw MirrorError.call("set the mode of", path)
        }
        if status.st_mtim.tv_sec != version.modified.seconds || status.st_mtim.tv_nsec != 0 {
            try setModificationTime(file, time: version.modified, name: name)
            status = try file.status()
        }
        try makeDurable(file)
        return .file(name: FileName(name), version, Fingerprint(status))
    }

    /// A copy of a file that has other names, perhaps outside the mirror: its time and mode are not ours to change.
    private func unshared(_ file: Descriptor, version: FileVersion, key: RemoteKey) throws -> StagedFile {
        let copy = try tree.stageAnew(version, for: key)
        try copy.fill(from: file)
        let staged = try copy.finish()
        if !staged.isDurable { try tree.syncEverything() }
        return staged
    }
}
