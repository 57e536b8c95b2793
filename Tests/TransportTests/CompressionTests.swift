import Foundation
import NetworkSupport
import Testing
import Transport

/// Compressed answers: asked for, unpacked, and no way around the limit on memory.
@Suite(.timeLimit(.minutes(5)))
struct CompressionTests {
    /// `bytes` as the command gzip packs them.
    private func packed(_ bytes: Data) throws -> [UInt8] {
        let folder = FileManager.default.temporaryDirectory.appendingPathComponent("dbxsync-gzip-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(at: folder) }
        let file = folder.appendingPathComponent("body")
        try bytes.write(to: file)
        let process = Process()
        process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
        process.arguments = ["gzip", "-9", file.path]
        try process.run()
        process.waitUntilExit()
        return Array(try Data(contentsOf: file.appendingPathExtension("gz")))
    }

    private func server(_ body: [UInt8]) throws -> RawServer {
        try RawServer { connection in
            while let request = try connection.readRequest() {
                let isAsked = request.header("Accept-Encoding")?.contains("gzip") == true
                let coding = isAsked ? "Content-Encoding: gzip\r\n" : ""
                try connection.send("HTTP/1.1 200 OK\r\n\(coding)Content-Length: \(body.count)\r\n\r\n")
                try connection.send(body)
            }
        }
    }

    @Test("a compressed answer is unpacked where it was asked for, and left as it is elsewhere")
    func unpacked() async throws {
        let text = Data(String(repeating: "{\"entries\": []} ", count: 5_000).utf8)
        let body = try packed(text)
        let server = try server(body)
        let transport = CurlTransport.direct()
        let asked = try await transport.send(HTTPRequest(.get, server.url, acceptsCompression: true))
        #expect(asked.body == Array(text))
        #expect(body.count < text.count / 50)
        let plain = try await transport.send(HTTPRequest(.get, server.url))
        #expect(plain.body == body)
        await transport.stop()
    }

    @Test("an answer that unpacks to more than may be collected in memory ends at the limit")
    func bomb() async throws {
        let body = try packed(Data(count: 64 << 20))
        #expect(body.count < 1 << 20)
        let server = try server(body)
        let transport = CurlTransport.direct(TransportSettings(memoryLimit: 1 << 20))
        let error = await #expect(throws: TransportError.self) {
            _ = try await transport.send(HTTPRequest(.get, server.url, acceptsCompression: true))
        }
        #expect(error?.code == .tooLarge)
        #expect(error?.isTransient == false)
        let after = try await transport.send(HTTPRequest(.get, server.url))
        #expect(after.body == body, "the same bytes, not unpacked, are few enough")
        await transport.stop()
    }

    @Test("what is no gzip although it says so is a broken answer")
    func broken() async throws {
        let server = try server(Array("hello".utf8))
        let transport = CurlTransport.direct()
        #expect(await outcome(transport, HTTPRequest(.get, server.url, acceptsCompression: true)) == "cut")
        await transport.stop()
    }
}
