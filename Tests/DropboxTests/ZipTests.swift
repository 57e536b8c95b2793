import Dropbox
import NetworkSupport
import Sandbox
import SyncModel
import Testing
import Transport

/// The zip of a folder: one try, into a sink.
@Suite(.timeLimit(.minutes(5)))
struct ZipTests {
    private static let headers = ["Dropbox-API-Result": #"{"metadata":{"name":"B"}}"#]

    @Test("the zip of a folder is asked for by its path in the account")
    func request() async throws {
        let fixture = MirrorFixture(.answer(200, "PK...", headers: Self.headers), remoteRoot: "/Team/Büro")
        let sink = MemorySink()
        try await fixture.client.downloadZip(of: RemoteKey("/sub"), into: sink)
        #expect(sink.text == "PK...")
        let request = try #require(fixture.transport.requests.first)
        #expect(request.url == "https://server/2/files/download_zip")
        #expect(request.header("Dropbox-API-Arg") == #"{"path":"/Team/B\u00fcro/sub"}"#)
        #expect(request.header("Authorization") == "Bearer T0")
        #expect(request.header("Content-Type") == nil && request.header("Range") == nil && request.body.size == 0)
        #expect(!request.acceptsCompression)
    }

    @Test("the mirrored folder has a zip, the whole account has none, which needs no request")
    func root() async throws {
        let fixture = MirrorFixture(.answer(200, "PK", headers: Self.headers), remoteRoot: "/team")
        try await fixture.client.downloadZip(of: .root, into: MemorySink())
        #expect(fixture.transport.requests.first?.header("Dropbox-API-Arg") == #"{"path":"/team"}"#)
        let whole = MirrorFixture(.answer(200, "PK", headers: Self.headers))
        let error = try await refusal { try await whole.client.downloadZip(of: .root, into: MemorySink()) }
        #expect(error?.code == .refused && whole.transport.requests.isEmpty)
    }

    @Test(
        "nothing is tried again",
        arguments: [
            (.answer(500), .server), (.answer(503, headers: ["Retry-After": "5"]), .server),
            (.answer(404), .unexpectedStatus), (.answer(400, "no"), .badRequest),
            (.answer(409, #"{"error_summary":"too_large/","error":{".tag":"too_large"}}"#), .refused),
            (.answer(409, #"{"error_summary":"too_many_files/","error":{".tag":"too_many_files"}}"#), .refused),
            (.failure(.connect), .network), (.failure(.cut), .network),
            (.cut(200, body: "PK......", sent: 4, headers: headers), .network),
            (.answer(200, "<html>"), .malformedAnswer), (.answer(206, "PK", headers: headers), .malformedAnswer),
        ] as [(ScriptedTransport.Reply, DropboxError.Code)])
    func once(reply: ScriptedTransport.Reply, code: DropboxError.Code) async throws {
        let fixture = MirrorFixture(reply)
        let error = try await refusal { try await fixture.client.downloadZip(of: RemoteKey("/a"), into: MemorySink()) }
        #expect(error?.code == code)
        #expect(fixture.transport.requests.count == 1)
        #expect(fixture.clock.sleeps.isEmpty)
    }

    @Test("a pause that the server asks for is kept, and is no try")
    func pause() async throws {
        let fixture = MirrorFixture(
            ScriptedTransport(
                .answer(429, headers: ["Retry-After": "7"]), .answer(200, "PK", headers: Self.headers)))
        let sink = MemorySink()
        try await fixture.client.downloadZip(of: RemoteKey("/a"), into: sink)
        #expect(sink.text == "PK" && fixture.clock.elapsed == .seconds(7))
    }

    @Test("what the sink throws comes out as it is")
    func sinkError() async throws {
        struct Full: Error {}
        final class FullSink: ByteSink {
            let offset: Int64 = 0
            func write(_ bytes: UnsafeRawBufferPointer) throws { throw Full() }
            func restart() throws {}
        }
        let fixture = MirrorFixture(.answer(200, "PK", headers: Self.headers))
        await #expect(throws: Full.self) {
            try await fixture.client.downloadZip(of: RemoteKey("/a"), into: FullSink())
        }
    }

    @Test("over a real connection the bytes come as the server makes them; a cut is an error")
    func sandbox() async throws {
        try await SandboxFixture.run(remoteRoot: "/root") { sandbox in
            for number in 0..<50 {
                try sandbox.account.put("/Root/Büro/\(number)", .generated(seed: UInt64(number), size: 10_000))
            }
            var archive = try sandbox.account.archive(of: "/root/büro").archive
            let whole = archive.read(1 << 24)
            let sink = MemorySink()
            try await sandbox.client.downloadZip(of: RemoteKey("/büro"), into: sink)
            let isWhole = sink.bytes == whole
            #expect(isWhole)
            sandbox.server.faults.add(Fault(.cut(after: 100_000, isReset: true), endpoint: "files/download_zip"))
            let part = MemorySink()
            let error = try await refusal { try await sandbox.client.downloadZip(of: RemoteKey("/büro"), into: part) }
            #expect(error?.code == .network)
            #expect(whole.starts(with: part.bytes) && part.bytes.count <= 100_000)
            #expect(sandbox.server.log.records.count == 2)
        }
    }
}
