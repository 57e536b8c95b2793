import Configuration
import Dropbox
import MirrorFS
import Store
import SyncModel
import Outbox

/// The mirror around an outbox that lies in it.
struct OutboxMirror: EnclosingMirror {
    let store: StateStore
    /// Where files get the names that Dropbox has chosen.
    let mirror: MirrorTree
    /// The folder of the account that is mirrored.
    let remoteRoot: String
    /// Where the outbox lies in the mirror.
    let inside: OutboxPath

    /// The mirror of a configuration; nil unless its outbox lies in it.
    init?(_ config: Config, _ store: StateStore, _ mirror: MirrorTree) {
        guard config.outbox.insideMirror, let outbox = config.outbox.directory else { return nil }
        self.store = store
        self.mirror = mirror
        remoteRoot = config.mirror.remoteRoot
        inside = OutboxPath(PathText.relative(outbox, to: config.mirror.directory))
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
        let place = OutboxPath((inside.components + path.components).joined(separator: "/"))
        guard let key = key(file.pathLower), let folders = mirror.adoptUpload(place, inode: state.inode, as: name)
        else { return }
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
}

extension FileState {
    /// How the mirror recognises a file.
    fileprivate var fingerprint: Fingerprint {
        Fingerprint(inode: inode, size: size, modifiedNanoseconds: modifiedNanoseconds)
    }
}
