import Dropbox
import SyncModel
import Testing
import Transport

/// Exports: what is asked for, what the server's words come to, and what is begun anew.
@Suite(.timeLimit(.minutes(5)))
struct ExportTests {
    private static let file = ExportedFile(
        OnlineDocument(
            name: FileName("B ü.gdoc"), rev: Rev("a1b2c3d4e"), modified: Timestamp(seconds: 0),
            formats: ExportFormats(exportAs: "docx")),
        source: RemoteKey("/b ü.gdoc"), form: .format("docx", isFallback: false))

    private static func headers(_ export: String, rev: String = "a1b2c3d4e") -> [String: String] {
        ["Dropbox-API-Result": #"{"export_metadata":\#(export),"file_metadata":{"rev":"\#(rev)","size":1}}"#]
    }

    @Test("an export is asked for by path and format, and the server's words about it are handed on")
    func request() async throws {
        let hash = String(repeating: "ab", count: 32)
        let words = #"{"name":"../x","size":5,"export_hash":"\#(hash)","paper_revision":3}"#
        let fixture = MirrorFixture(.answer(200, "12345", headers: Self.headers(words)), remoteRoot: "/Top")
        let sink = MemorySink()
        let answer = try await fixture.client.export(Self.file, into: sink)
        #expect(sink.text == "12345")
        #expect(answer == ExportAnswer(size: 5, hash: ContentHash(hex: hash), rev: Rev("a1b2c3d4e")))
        let request = try #require(fixture.transport.requests.first)
        #expect(request.url == "https://server/2/files/export")
        #expect(request.header("Dropbox-API-Arg") == #"{"path":"/Top/b \u00fc.gdoc","export_format":"docx"}"#)
        #expect(request.body.size == 0)
    }

    @Test("an answer that is cut is asked for again from its beginning") func cut() async throws {
        let fixture = MirrorFixture(
            .cut(200, body: "12345", sent: 3, headers: Self.headers(#"{"size":5}"#)),
            .answer(200, "12345", headers: Self.headers(#"{"size":5}"#)))
        let sink = MemorySink()
        #expect(try await fixture.client.export(Self.file, into: sink).size == 5)
        #expect(sink.text == "12345")
    }

    @Test(
        "what is refused, not ready or makes no sense sets this document apart and nothing else",
        arguments: [
            (409, #"{"error":{".tag":"retry_error"},"error_summary":"retry_error/.."}"#, Disposition.skipItem, 1),
            (409, #"{"error":{".tag":"non_exportable"},"error_summary":"non_exportable/"}"#, .parked, 1),
            (409, #"{"error":{".tag":"invalid_export_format"},"error_summary":"invalid_export_format/"}"#, .parked, 1),
            (
                409, #"{"error_summary":"path/not_found/","error":{".tag":"path","path":{".tag":"not_found"}}}"#,
                .skipItem, 1
            ),
            (400, "Error in call to API function", .skipItem, 1),
        ])
    func refused(status: Int, body: String, disposition: Disposition, requests: Int) async throws {
        let fixture = MirrorFixture(.answer(status, body))
        let error = try await refusal { _ = try await fixture.client.export(Self.file, into: MemorySink()) }
        #expect(error?.disposition == disposition, "\(String(describing: error))")
        #expect(fixture.transport.requests.count == requests)
    }

    @Test(
        "an answer without its header, or with an absurd one, is tried again and then fails",
        arguments: [
            nil, "no JSON", #"{"export_metadata":{"size":9223372036854775808}}"#, #"{"export_metadata":[]}"#,
        ])
    func absurd(header: String?) async throws {
        let fixture = MirrorFixture(.answer(200, "x", headers: header.map { ["Dropbox-API-Result": $0] } ?? [:]))
        let error = try await refusal { _ = try await fixture.client.export(Self.file, into: MemorySink()) }
        #expect(error?.disposition == .retry(after: nil), "\(String(describing: error))")
        #expect(fixture.transport.requests.count > 1)
    }

    @Test("the second look tells the revision, and that nothing is there any more") func revision() async throws {
        let gone = #"{"error_summary":"path/not_found/.","error":{".tag":"path","path":{".tag":"not_found"}}}"#
        #expect(try await MirrorFixture(.answer(409, gone)).client.revision(at: RemoteKey("/a")) == nil)
        let folder = #"{".tag":"folder","name":"a","path_lower":"/a","path_display":"/a","id":"id:1"}"#
        #expect(try await MirrorFixture(.answer(200, folder)).client.revision(at: RemoteKey("/a")) == nil)
    }
}
