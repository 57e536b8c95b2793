public import SyncModel
import Transport

extension DropboxClient {
    /// Writes the zip of a folder to `sink`: `download_zip`, tried once.
    ///
    /// - Throws: `DropboxError` if the call fails, and what the sink throws.
    public func downloadZip(of folder: RemoteKey, into sink: any ByteSink) async throws {
        let endpoint = "files/download_zip"
        let path = remoteRoot + folder.text
        guard !path.isEmpty else {
            throw DropboxError(.refused, endpoint, "the whole account has no zip", disposition: .skipItem)
        }
        let request = HTTPRequest(
            .post, "\(endpoints.content)/2/\(endpoint)",
            headers: [.init("Dropbox-API-Arg", APIArgument(["path": .text(path)]).text)],
            stallLimit: runner.settings.stallLimit)
        let call = Call(endpoint: endpoint, role: .download, request: request)
        let body = ZipBody(call: call, sink: sink)
        let runner = sink.mayBeFull ? segmentRunner : contentRunner
        try await runner.singleTry.run(
            call, attempt: { Attempt(request: request, sink: body) }, progress: { 0 }, receive: { _ in })
    }
}

/// Hands the bytes of a zip to a sink, if the answer is the API's.
private final class ZipBody: BodySink {
    private let call: Call
    private let sink: any ByteSink

    init(call: Call, sink: any ByteSink) {
        self.call = call
        self.sink = sink
    }

    func begin(_ head: HTTPResponse) throws {
        guard head.status == 200, head.headers["Dropbox-API-Result"] != nil else {
            throw DropboxError.malformed(call, response: head, complaint: "it is no zip of a folder")
        }
    }

    func hasRoom(for count: Int, orCall resume: @escaping @Sendable () -> Void) -> Bool {
        sink.hasRoom(for: count, orCall: resume)
    }

    func write(_ bytes: UnsafeRawBufferPointer) throws { try sink.write(bytes) }
}
