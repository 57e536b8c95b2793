import Dropbox
import FileSystem
import Glibc
import SyncModel

extension Download {
    /// What became of one file: its bytes if it is new here, nothing if it was there, or why it is not.
    package typealias FileResult = (file: RemoteTree.File, result: Result<Int64?, DownloadError>)

    /// Makes the folders of `tree` in `top`, then downloads its files, `parallel` at a time; what concerns one file only does
    /// not stop the others.
    ///
    /// - Throws: `DownloadError` if the disk cannot take them, and what the client throws of all.
    package func get(_ tree: RemoteTree, to top: String, parallel: Int) async throws -> [FileResult] {
        try Self.makeFolders(tree.folders, in: top)
        return try await withThrowingTaskGroup(of: FileResult.self) { group in
            var waiting = tree.files.makeIterator()
            var results: [FileResult] = []
            func next() {
                guard let file = waiting.next() else { return }
                group.addTask { (file, try await result(of: file, in: tree, to: "\(top)/\(file.path.text)")) }
            }
            for _ in 0..<max(1, parallel) { next() }
            while let result = try await group.next() {
                results.append(result)
                next()
            }
            return results
        }
    }

    private func result(of file: RemoteTree.File, in tree: RemoteTree, to target: String) async throws
        -> Result<Int64?, DownloadError>
    {
        do {
            if let document = file.export {
                let made = try await export(document, tree.folder + document.source.text, to: target)
                return .success(made.isNew ? made.version.size : nil)
            }
            return .success(try await get(file.version, to: target) ? file.version.size : nil)
        } catch let error as DropboxError where [.skipItem, .parked].contains(error.disposition) {
            return .failure(DownloadError(.refused, error.reason))
        } catch let error as DownloadError where error.code == .mismatch {
            return .failure(error)
        } catch let problem as ExportProblem {
            return .failure(DownloadError(.mismatch, problem.description))
        }
    }

    private static func makeFolders(_ folders: [MirrorPath], in top: String) throws(DownloadError) {
        for path in [top] + folders.map({ "\(top)/\($0.text)" }) where mkdir(path, 0o777) != 0 && errno != EEXIST {
            throw DownloadError(.unusable, "\(path): cannot be made: \(SystemError(errno))")
        }
    }
}
