import CLinux
import Configuration
import Dropbox
import Glibc
import Store
import SyncModel
import Outbox

/// The mirror around an outbox that lies in it.
struct OutboxMirror: EnclosingMirror {
    let store: StateStore
    /// Where the mirror is.
    let directory: String
    /// The folder of the account that is mirrored.
    let remoteRoot: String
    /// Where the outbox lies in the mirror.
    let inside: OutboxPath

    /// The mirror of a configuration; nil unless its outbox lies in it.
    init?(_ config: Config, _ store: StateStore) {
        guard config.outbox.insideMirror, let outbox = config.outbox.directory else { return nil }
        self.store = store
        directory = config.mirror.directory
        remoteRoot = config.mirror.remoteRoot
        inside = OutboxPath(PathText.below(config.mirror.directory, outbox))
    }

    func knows(_ path: OutboxPath, state: FileState, hash: ContentHash) async throws -> MirroredFile {
        if let known = try await store.placed(hash, state.fingerprint) {
            return .file(known.rev, remote: remoteRoot + known.key.text)
        }
        return try await store.isArriving(state.fingerprint) ? .arriving : .nothing
    }

    func base(of path: OutboxPath) async throws -> (rev: Rev, remote: String)? {
        // Where our lower case is not the server's nothing is found: then Dropbox decides by the name.
        let place = "/\(inside.text)/\(path.text)"
        let rev = try await store.placedRevision(at: RemoteKey(place.lowercased()), name: FileName(path.name))
        return rev.map { ($0, remoteRoot + place) }
    }

    func uploaded(_ path: OutboxPath, state: FileState, file: UploadedFile) async throws {
        let name = file.path.pathComponents.last ?? ""
        guard let key = key(file.pathLower), let folders = folders(above: path, calling: name) else {
            return
        }
        try await store.note(
            UploadedHere(
                key: key, name: FileName(name), version: file.version, fingerprint: state.fingerprint,
                folders: folders))
    }

    /// The key of a path of the account.
    private func key(_ pathLower: String) -> RemoteKey? {
        let (names, root) = (pathLower.pathComponents, remoteRoot.pathComponents)
        guard names.count > root.count else { return nil }
        return RemoteKey(names.dropFirst(root.count).map { "/" + $0 }.joined())
    }

    /// The folders above a file in the mirror; nil if one is not there any more.
    ///
    /// The file gets the name that Dropbox has given it, and is made durable.
    private func folders(above path: OutboxPath, calling name: String) -> [UploadedHere.Folder]? {
        var folders: [UploadedHere.Folder] = []
        var here = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
        defer { if here >= 0 { close(here) } }
        for component in inside.components + path.parent.components {
            let next = openat(here, component, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC)
            if here >= 0 { close(here) }
            here = next
            var status = stat()
            guard here >= 0, fstat(here, &status) == 0 else { return nil }
            folders.append(UploadedHere.Folder(name: component, inode: UInt64(status.st_ino)))
        }
        makeDurable(path.name, in: here)
        // A name that is taken stays with who has it: the mirror puts ours beside it.
        if !path.name.utf8.elementsEqual(name.utf8) { _ = dbx_rename_noreplace(here, path.name, here, name) }
        fsync(here)
        return folders
    }

    private func makeDurable(_ name: String, in folder: Int32) {
        let file = openat(folder, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC)
        guard file >= 0 else { return }
        fsync(file)
        close(file)
    }
}

extension FileState {
    /// How the mirror recognises a file.
    fileprivate var fingerprint: Fingerprint {
        Fingerprint(inode: inode, size: size, modifiedNanoseconds: modifiedNanoseconds)
    }
}
