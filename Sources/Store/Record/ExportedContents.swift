import SyncModel
import Synchronization

/// What exported documents hold that are not wanted any more, by their revisions.
///
/// A folder that is moved or shared is told of as deleted and made anew, perhaps on several pages: its documents are the
/// same, and are not exported once more. Lost with the process, which costs no more than an export.
final class ExportedContents: Sendable {
    private let files = Mutex<[Rev: ExportedFile]>([:])

    private static let most = 20_000

    /// Keeps what a file holds that goes.
    func keep(_ file: ExportedFile) {
        guard file.content != nil, file.linkBytes == nil else { return }
        files.withLock { files in
            if files.count >= Self.most { files = [:] }
            files[file.document.rev] = file
        }
    }

    /// What a file that is made in the same way of the same revision holds; `nil` if nobody knows.
    func content(of file: ExportedFile) -> ExportedFile.Content? {
        files.withLock { $0[file.document.rev] }.flatMap { $0.form.makesSame(as: file.form) ? $0.content : nil }
    }
}
