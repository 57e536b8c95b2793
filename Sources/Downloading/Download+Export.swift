import Dropbox
package import SyncModel

// Online documents: nobody knows what they hold before they were exported.
extension Download {
    /// What stands after a document was asked for.
    package struct Exported: Hashable, Sendable {
        /// What it is.
        package var version: FileVersion
        /// Whether it came now.
        package var isNew: Bool
    }

    /// Exports a document to the file at `target`, unless that revision stands there in that form already.
    ///
    /// - Parameters:
    ///   - file: the document and how it is made.
    ///   - path: its absolute path, or `id:…`.
    ///   - target: where it goes; what else stands there is replaced.
    /// - Throws: `ExportProblem` or `DownloadError`, and what the client throws.
    package func export(_ file: ExportedFile, _ path: String, to target: String) async throws -> Exported {
        defer { meter.addFile() }
        if let version = Self.standing(file, at: target) {
            meter.add(version.size)
            return Exported(version: version, isNew: false)
        }
        let part = try PartFile(for: target, file.document.rev, meter: meter)
        do {
            try part.restart()
            let version = try await version(of: file, path, into: part) { part.content() }
            try part.publish(version.modified, note: Self.note(about: file, version.hash))
            return Exported(version: version, isNew: true)
        } catch {
            part.discard()
            throw error
        }
    }

    /// What is noted about an export, so that a later run knows it again: revision, format and hash.
    private static func note(about file: ExportedFile, _ hash: ContentHash) -> String? {
        guard case .format(let format, _) = file.form else { return nil }
        return "\(file.document.rev.text)\n\(format)\n\(hash.hex)"
    }

    /// The export that stands at a path as it came: the note about it is of this revision and form, and its bytes are what
    /// the note says.
    private static func standing(_ file: ExportedFile, at path: String) -> FileVersion? {
        guard let version = file.version ?? noted(file, at: path), PartFile.isThere(path, version) else { return nil }
        return version
    }

    private static func noted(_ file: ExportedFile, at path: String) -> FileVersion? {
        guard let note = PartFile.note(of: path), let size = PartFile.size(of: path),
            let hash = ContentHash(hex: String(note.suffix(64))), note == self.note(about: file, hash)
        else { return nil }
        return file.version(with: ExportedFile.Content(size: size, hash: hash))
    }

    /// Exports a document to an open descriptor, such as that of standard output.
    ///
    /// - Throws: as `export(_:_:to:)`.
    package func export(_ file: ExportedFile, _ path: String, to output: Int32) async throws {
        let sink = OutputSink(output, meter)
        _ = try await version(of: file, path, into: sink) { sink.content() }
    }

    private func version(
        of file: ExportedFile, _ path: String, into target: any ByteSink, content: () -> ExportedFile.Content
    ) async throws -> FileVersion {
        if let bytes = file.linkBytes {
            try bytes.withUnsafeBytes { try target.write($0) }
            return file.version(with: content())
        }
        let sink = WriteBehind(target, upTo: .max)
        var format: String?
        if case .format(let name, _) = file.form { format = name }
        let answer = try await sink.fill(on: disk) { try await client.export(path, as: format, into: sink) }
        let content = content()
        if let problem = ExportProblem(content, answer) { throw problem }
        if answer.hash == nil || answer.rev != file.document.rev {
            guard try await client.metadata(of: path).node.rev == file.document.rev else { throw ExportProblem.changed }
        }
        return file.version(with: content)
    }
}
