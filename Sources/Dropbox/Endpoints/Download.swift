import Glibc
public import SyncModel
import Transport

extension DropboxClient {
    /// Writes the bytes of exactly this revision to `sink`, beginning at its offset.
    ///
    /// A cut body goes on at the new offset; progress forgives the failures before it. If the server refuses the rest
    /// of the content, all of it is asked for.
    ///
    /// - Throws: `DropboxError` if the call fails, and what the sink throws.
    public func download(_ version: FileVersion, into sink: any ByteSink) async throws {
        // libcurl keeps up to 32 MiB in memory of a stream that is paused (the window that it gives one in HTTP/2, seen
        // with 7.88.1); what comes over a connection of its own waits in the socket.
        let runner = sink.mayBeFull ? segmentRunner : contentRunner
        if sink.offset > version.size { try sink.restart() }
        // Also an empty file: there is no range of it that a server would give.
        if sink.offset == version.size { return }
        do {
            try await fetch(version, upTo: version.size, into: sink, by: runner)
        } catch let error as DropboxError where error.code == .rangeRefused && sink.offset > 0 {
            try sink.restart()
            try await fetch(version, upTo: version.size, into: sink, by: runner)
        }
    }

    /// Writes the bytes of exactly this revision from the sink's offset up to `end`, over a connection of its own.
    ///
    /// Ranges that share an HTTP/2 connection share its speed.
    ///
    /// - Throws: `DropboxError` if the call fails, and what the sink throws.
    public func downloadSegment(_ version: FileVersion, upTo end: Int64, into sink: any ByteSink) async throws {
        do {
            try await fetch(version, upTo: end, into: sink, by: segmentRunner)
        } catch let error as DropboxError where error.code == .rangeRefused {
            try sink.restart()
            throw error
        }
    }

    private func fetch(
        _ version: FileVersion, upTo end: Int64, into sink: any ByteSink, by runner: RequestExecutor
    ) async throws {
        let call = downloadCall(version)
        do {
            try await runner.run(
                call, attempt: { try attempt(call, version: version, end: end, sink: sink) }, progress: { sink.offset }
            ) {
                guard sink.offset < end else { return }
                throw DropboxError.malformed(
                    call, response: $0, complaint: "the body ended at byte \(sink.offset) of \(end)")
            }
        } catch is CutAfterLastByte {
            return
        }
    }

    /// The connection broke between the last byte and the end of the answer: there is nothing left to ask for.
    private struct CutAfterLastByte: Error {}

    private func downloadCall(_ version: FileVersion) -> Call {
        let argument = APIArgument(["path": .text("rev:\(version.rev.text)")])
        let request = HTTPRequest(
            .post, "\(endpoints.content)/2/files/download", headers: [.init("Dropbox-API-Arg", argument.text)],
            stallLimit: runner.settings.stallLimit)
        return Call(endpoint: "files/download", role: .download, request: request)
    }

    private func attempt(
        _ call: Call, version: FileVersion, end: Int64, sink: any ByteSink
    ) throws -> Attempt {
        var request = call.request
        let offset = sink.offset
        if offset == end { throw CutAfterLastByte() }
        if offset > 0 || end < version.size {
            let last = end < version.size ? "\(end - 1)" : ""
            request.headers.append(.init("Range", "bytes=\(offset)-\(last)"))
        }
        request.expectedSize = end - offset
        return Attempt(
            request: request, sink: DownloadBody(call: call, version: version, range: offset..<end, sink: sink))
    }
}

/// Checks that an answer is the wanted part of the wanted revision, then hands its bytes to the sink.
private final class DownloadBody: BodySink {
    private let call: Call
    private let version: FileVersion
    private let range: Range<Int64>
    private let sink: any ByteSink

    init(call: Call, version: FileVersion, range: Range<Int64>, sink: any ByteSink) {
        self.call = call
        self.version = version
        self.range = range
        self.sink = sink
    }

    func begin(_ head: HTTPResponse) throws {
        try checkResult(head)
        if head.status == 206 {
            let context = head.headers["Content-Range"].flatMap(ContentRange.init)
            guard let context, context.first == range.lowerBound, context.last < range.upperBound,
                context.total ?? version.size == version.size
            else {
                throw DropboxError.malformed(call, response: head, complaint: "Content-Range is not what was asked for")
            }
        } else if range != 0..<version.size {
            try sink.restart()
        }
    }

    func hasRoom(for count: Int, orCall resume: @escaping @Sendable () -> Void) -> Bool {
        sink.hasRoom(for: count, orCall: resume)
    }

    func write(_ bytes: UnsafeRawBufferPointer) throws {
        guard sink.offset + Int64(bytes.count) <= range.upperBound else {
            try sink.restart()
            throw DropboxError(
                .malformedAnswer, call.endpoint, "the body continues after byte \(range.upperBound)",
                disposition: .retry(after: nil))
        }
        try sink.write(bytes)
    }

    /// Compares `Dropbox-API-Result`, the metadata of what is sent, with what the listing said.
    private func checkResult(_ head: HTTPResponse) throws {
        guard let text = head.headers["Dropbox-API-Result"] else {
            throw DropboxError.malformed(call, response: head, complaint: "the header Dropbox-API-Result is missing")
        }
        if isVerbatim(text) { return }
        let result: ResultJSON
        do {
            result = try JSON.decode(ResultJSON.self, from: Array(text.utf8))
        } catch {
            throw DropboxError.malformed(
                call, response: head, complaint: "Dropbox-API-Result: \(JSON.complaint(of: error))")
        }
        let isWanted =
            result.rev == version.rev.text && result.size == version.size
            && (result.content_hash ?? version.hash.hex) == version.hash.hex
        guard isWanted else {
            throw DropboxError(
                .wrongContent, call.endpoint, "the server sends another version than \(version.rev.text)",
                disposition: .skipItem, status: head.status, requestID: head.requestID)
        }
    }

    /// Whether the metadata has exactly the members that are looked for: the usual case, told without decoding it.
    ///
    /// A quote inside a JSON string is escaped, so that these texts stand nowhere but at members; which object they belong
    /// to does not matter, since the content is verified by its hash.
    private func isVerbatim(_ text: String) -> Bool {
        [",", "}"].contains { end in text.utf8Contains("\"size\":\(version.size)\(end)") }
            && text.utf8Contains("\"rev\":\"\(version.rev.text)\"")
            && text.utf8Contains("\"content_hash\":\"\(version.hash.hex)\"")
    }

    private struct ResultJSON: Decodable {
        let rev: String
        let size: Int64
        let content_hash: String?
    }
}

/// The header `Content-Range: bytes first-last/total`.
struct ContentRange: Hashable {
    let first: Int64
    let last: Int64
    /// `nil` if the server wrote an asterisk.
    let total: Int64?

    init?(_ text: String) {
        let words = text.split(separator: " ")
        guard words.count == 2, words[0].lowercased() == "bytes" else { return nil }
        let parts = words[1].split(separator: "/")
        let bounds = parts.first?.split(separator: "-").compactMap { Int64($0) } ?? []
        guard parts.count == 2, bounds.count == 2, bounds[0] <= bounds[1] else { return nil }
        guard let size = Int64(parts[1]) ?? (parts[1] == "*" ? -1 : nil) else { return nil }
        (first, last, total) = (bounds[0], bounds[1], size < 0 ? nil : size)
    }
}

extension String {
    /// Whether `needle` stands somewhere in these bytes, before the first NUL.
    fileprivate func utf8Contains(_ needle: String) -> Bool { strstr(self, needle) != nil }
}
