import Dropbox
package import SyncModel

// Online documents: nobody knows what they hold before they were exported.
extension Download {
    /// Exports a document to the file at `target`.
    ///
    /// - Parameters:
    ///   - file: the document and how it is made.
    ///   - path: its absolute path, or `id:…`.
    ///   - target: where it goes; what stands there is replaced.
    /// - Returns: what has come.
    /// - Throws: `ExportProblem` or `DownloadError`, and what the client throws.
    package func export(_ file: ExportedFile, _ path: String, to target: String) async throws -> FileVersion {
        let part = try PartFile(for: target, file.document.rev, meter: meter)
        do {
            try part.restart()
            let version = try await version(of: file, path, into: part) { part.content() }
            try part.publish(version.modified)
            meter.addFile()
            return version
        } catch {
            part.discard()
            throw error
        }
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
