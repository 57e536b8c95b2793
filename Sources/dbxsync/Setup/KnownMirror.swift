import Configuration
import Dropbox
import MirrorFS
import Store
import SyncModel

/// What a state file says that is there already: it stays about the same account, folder and mirror, or the daemon would
/// refuse to run.
struct KnownMirror: Sendable {
    private let directory: String
    private var mirrorID: String?
    private var origin: Origin?
    /// What stands in it.
    private(set) var standing = Extent()

    /// Looks at the state of a configuration; knows nothing where there is none that can be read.
    init(_ config: Config) async {
        directory = config.state.directory
        let known = try? await StateStore.look(at: config.stateFile) { store in
            (progress: try await store.progress(), standing: try await store.mirrorExtent())
        }
        guard let known else { return }
        (mirrorID, origin, standing) = (known.progress.mirrorID, known.progress.origin, known.standing)
    }

    private static let advice =
        "for another mirror beside it: dbxsync setup --instance NAME, or a --config in which state.directory is another one"

    /// - Throws: `SetupRefusal` if the state is about another directory; one that was moved is the same.
    func refuse(directory path: String) throws(SetupRefusal) {
        guard let mirrorID else { return }
        do {
            _ = try MirrorTree.openReadOnly(at: path, expecting: mirrorID)
        } catch {
            throw SetupRefusal("\(path) is not the mirror that the state in \(directory) is about; \(Self.advice)")
        }
    }

    /// - Throws: `SetupRefusal` if the state is about another folder.
    func refuse(folder: String) throws(SetupRefusal) {
        guard let origin, origin.folder.lowercased() != folder.lowercased() else { return }
        let known = origin.folder.isEmpty ? "the whole Dropbox" : origin.folder
        throw SetupRefusal("the state in \(directory) is about \(known); \(Self.advice)")
    }

    /// - Throws: `Failure` if the state is about another account.
    func refuse(account: AccountInfo) throws(Failure) {
        guard let origin, origin.account != account.accountID else { return }
        throw Failure(
            .unusableDirectory,
            "the state in \(directory) is about the account of \(origin.accountName), and \(account.email) is signed in; "
                + Self.advice)
    }
}
