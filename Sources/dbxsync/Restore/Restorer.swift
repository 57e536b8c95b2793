import Downloading
import Dropbox
import Engine
import FileSystem
import MirrorFS
import Store
import SyncModel
import TextFormatting

/// Brings back what a plan says, file by file; what is there already is left alone.
struct Restorer: Sendable {
    let mirror: MirrorTree
    let disk: DiskPool
    let meter: DownloadMeter
    let owner: FileOwner?
    /// Whether it goes into an outbox.
    let isHidden: Bool
    let client: @Sendable () async throws -> DropboxClient

    /// What became of one file.
    struct Outcome: Sendable {
        var number: Int
        var item: RestoreItem
        var result: Result<RestoreResult.File, Failure>
    }

    /// Brings back all items, `parallel` at a time.
    ///
    /// - Parameters:
    ///   - directory: what was named to receive them; no link below it is followed.
    ///   - folders: the folders below it that they go into.
    /// - Throws: what stops all of it.
    func restore(
        _ items: [RestoreItem], into directory: String, below folders: [String], parallel: Int
    ) async throws -> [Outcome] {
        try await withThrowingTaskGroup(of: Outcome.self) { group in
            var waiting = items.enumerated().makeIterator()
            var results: [Outcome?] = Array(repeating: nil, count: items.count)
            func next() {
                guard let (number, item) = waiting.next() else { return }
                group.addTask {
                    Outcome(number: number, item: item, result: await result(item, directory, folders))
                }
            }
            for _ in 0..<max(1, parallel) { next() }
            while let outcome = try await group.next() {
                results[outcome.number] = outcome
                next()
            }
            return results.compactMap(\.self)
        }
    }

    private func result(
        _ item: RestoreItem, _ directory: String, _ folders: [String]
    ) async -> Result<RestoreResult.File, Failure> {
        let path = directory.below(folders).below([item.relative])
        let names = item.relative.pathComponents
        guard !names.isEmpty, !names.contains("."), !names.contains("..") else {
            return .failure(Failure(.incomplete, "\(item.path): has no name that a file can have"))
        }
        do {
            try NewFile.makeFolders(folders + names.dropLast(), in: directory, owner: owner)
            return .success(try await bring(item, to: NewFile(path, isHidden: isHidden, owner: owner)))
        } catch {
            return .failure(Failure.of(error))
        }
    }

    /// The first source that has it counts.
    private func bring(_ item: RestoreItem, to place: NewFile) async throws -> RestoreResult.File {
        var last: any Error = Failure(.incomplete, "\(item.path): is nowhere to be found")
        for source in item.sources {
            do {
                return try await bring(item, from: source, to: place)
            } catch let error as DownloadError where error.code != .mismatch {
                throw error
            } catch let error as DropboxError {
                throw error.failure(about: item.path)
            } catch {
                last = error
            }
        }
        throw last
    }

    private func bring(_ item: RestoreItem, from source: RestoreChoice.Source, to place: NewFile) async throws
        -> RestoreResult.File
    {
        var file = RestoreResult.File(item, local: place.path)
        switch source {
        case .mirror(let entry):
            file.source = "mirror"
            file.isNew = try await copy(item, to: place) { [mirror] in try mirror.openFile(at: entry.path) }
        case .trash(let row, let inside):
            file.source = "trash"
            file.reason = row.item.reason.rawValue
            file.trashedAt = Moment(row.at)
            let kept = inside.map { row.item.place.below($0) } ?? row.item.place
            let label = Rev("trash-\(row.id)")
            if let target = try await disk.run({ [mirror] in try mirror.keptLinkTarget(kept) }) {
                try make(link: target, at: place, &file)
                return file
            }
            (file.isNew, file.size) = try await disk.run { [mirror, meter] in
                let source = try mirror.openKept(kept)
                let modified = try item.version?.modified ?? MirrorTree.modified(source)
                let isNew = try place.copy(
                    item.version, label: item.version?.rev ?? label, modified: modified, meter: meter
                ) { try MirrorTree.copy(from: source, to: $0) }
                return (isNew, try item.version?.size ?? MirrorTree.size(source))
            }
        case .dropbox(let version):
            file.source = "dropbox"
            let download = Download(client: try await client(), meter: meter, disk: disk)
            file.isNew = try await download.restore(version, to: place)
        case .link(let link):
            file.source = "dropbox"
            (file.rev, file.modified) = (link.rev.text, Moment(link.modified))
            try make(link: Array(link.target.utf8), at: place, &file)
        }
        return file
    }

    private func make(link target: [UInt8], at place: NewFile, _ file: inout RestoreResult.File) throws {
        if isHidden {
            throw Failure(
                .incomplete,
                "\(file.path): is a symbolic link, which does not go up to Dropbox; bring it back with --to DIR")
        }
        file.linkTarget = String(decoding: target, as: UTF8.self)
        file.isNew = try place.link(to: target)
        meter.addFile()
    }

    private func copy(
        _ item: RestoreItem, to place: NewFile, _ open: @escaping @Sendable () throws -> Descriptor
    ) async throws -> Bool {
        guard let version = item.version else { return false }
        return try await disk.run { [meter] in
            let source = try open()
            return try place.copy(version, label: version.rev, modified: version.modified, meter: meter) {
                try MirrorTree.copy(from: source, to: $0)
            }
        }
    }
}

extension String {
    /// The path of `name` in this folder.
    func below(_ name: String) -> String { hasSuffix("/") ? self + name : "\(self)/\(name)" }

    /// The path of what is below this folder by `names`, without the name of the current directory.
    func below(_ names: [String]) -> String { names.reduce(self) { $0 == "." ? $1 : $0.below($1) } }
}
