public import SyncModel
import Transport

extension DropboxClient {
    /// Has an online document exported and writes the bytes to `sink`: `files/export`.
    ///
    /// An export cannot be continued: the sink is restarted with each try.
    ///
    /// - Returns: what the server says of these bytes.
    /// - Throws: `DropboxError` if the call fails, and what the sink throws.
    public func export(_ file: ExportedFile, into sink: any ByteSink) async throws -> ExportAnswer {
        var format: String?
        if case .format(let name, _) = file.form { format = name }
        return try await export(remoteRoot + file.source.text, as: format, into: sink)
    }

    /// The same for any document.
    ///
    /// - Parameters:
    ///   - path: its absolute path, or `id:…`.
    ///   - format: one of those that its metadata names; `nil` for the service's own choice.
    ///   - sink: where the bytes go.
    public func export(_ path: String, as format: String?, into sink: any ByteSink) async throws -> ExportAnswer {
        let endpoint = "files/export"
        var argument = APIArgument(["path": .text(path)])
        if let format { argument = APIArgument(["path": .text(path), "export_format": .text(format)]) }
        let request = HTTPRequest(
            .post, "\(endpoints.content)/2/\(endpoint)", headers: [.init("Dropbox-API-Arg", argument.text)],
            stallLimit: runner.settings.answerStallLimit)
        let call = Call(endpoint: endpoint, role: .download, request: request)
        let body = ExportBody(call: call, sink: sink)
        let runner = sink.mayBeFull ? segmentRunner : contentRunner
        try await runner.run(
            call, attempt: { Attempt(request: request, sink: body) }, progress: { 0 }, receive: { _ in })
        return body.answer
    }

    /// The revision that stands at a key now: `get_metadata`.
    ///
    /// - Returns: `nil` if nothing stands there, or a folder.
    /// - Throws: `DropboxError`.
    public func revision(at key: RemoteKey) async throws -> Rev? {
        do {
            return try await metadata(of: remoteRoot + key.text).node.rev
        } catch let error as DropboxError where error.summary?.hasPrefix("path/not_found") == true {
            return nil
        }
    }
}

/// Hands the bytes of an export to a sink, from its beginning with each try.
private final class ExportBody: BodySink, @unchecked Sendable {
    // `@unchecked`: called by one thread at a time, as the protocol says, and read when the call has ended.
    private let call: Call
    private let sink: any ByteSink
    /// What the server has said of them.
    private(set) var answer = ExportAnswer()

    init(call: Call, sink: any ByteSink) {
        self.call = call
        self.sink = sink
    }

    func begin(_ head: HTTPResponse) throws {
        guard head.status == 200, let text = head.headers["Dropbox-API-Result"] else {
            throw DropboxError.malformed(call, response: head, complaint: "it is no export of a document")
        }
        do {
            answer = try JSON.decode(ResultJSON.self, from: Array(text.utf8)).answer
        } catch {
            throw DropboxError.malformed(
                call, response: head, complaint: "Dropbox-API-Result: \(JSON.complaint(of: error))")
        }
        if sink.offset > 0 { try sink.restart() }
    }

    func hasRoom(for count: Int, orCall resume: @escaping @Sendable () -> Void) -> Bool {
        sink.hasRoom(for: count, orCall: resume)
    }

    func write(_ bytes: UnsafeRawBufferPointer) throws { try sink.write(bytes) }

    /// The name that the server gives an export is not looked at: it may be anything.
    private struct ResultJSON: Decodable {
        struct Export: Decodable {
            let size: Int64?
            let export_hash: String?
        }
        struct File: Decodable { let rev: String? }
        let export_metadata: Export?
        let file_metadata: File?

        var answer: ExportAnswer {
            ExportAnswer(
                size: export_metadata?.size, hash: export_metadata?.export_hash.flatMap { ContentHash(hex: $0) },
                rev: file_metadata?.rev.map { Rev($0) })
        }
    }
}
