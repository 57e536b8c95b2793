import Dropbox
import SyncModel

/// What a restore makes of the symbolic links of one path; pure.
struct RestoreLinks: Sendable {
    /// The path, as `status` writes it.
    let path: String
    /// Whether links are made that lead to a place in the mirror.
    let isCreated: Bool
    /// The link that the account has there, as the state knows it.
    var current: SymbolicLink?
    /// Revisions that were links, as the history knows them.
    var revs: Set<Rev> = []

    /// A revision as it is known here: Dropbox may call a link a file, and its bytes are not those of the link.
    func known(_ content: Revision.Content) -> Revision.Content {
        if let current, content.version.rev == current.rev { .link(current) } else { content }
    }

    /// A revision that is brought back.
    ///
    /// - Throws: `Failure` for a link that is not made.
    func permitted(_ content: Revision.Content) throws(Failure) -> Revision.Content {
        switch known(content) {
        case .file(let version):
            guard revs.contains(version.rev) else { return .file(version) }
            throw Failure(
                .incomplete,
                "\(path): revision \(version.rev.text) is a symbolic link, and Dropbox does not say where it leads; what is "
                    + "known of it says \"dbxsync history \(path)\"")
        case .link(let link):
            guard isCreated else {
                throw Failure(
                    .incomplete,
                    "\(path): \(link), and mirror.symlinks is \"report\", so that none is made; set it to \"create\", or make "
                        + "the link yourself with ln -s")
            }
            if let refusal = link.refusal(at: path.pathKey) {
                throw Failure(
                    .incomplete, "\(path): \(link), which is not made: \(refusal); make it yourself with ln -s")
            }
            return .link(link)
        }
    }
}
