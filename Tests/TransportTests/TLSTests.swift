import NetworkSupport
import TestSupport
import Testing
import Transport

/// Certificates are always checked, against the bundle that is given and no other.
@Suite(.timeLimit(.minutes(5)), .needs(.openssl))
struct TLSTests {
    @Test("only a certificate of the given bundle, for this host and this time, is accepted")
    func verification() async throws {
        let openssl = try OpenSSL()
        try openssl.makeAuthority("ours")
        try openssl.makeAuthority("other")
        try openssl.makeCertificate("good", of: "ours", host: "127.0.0.1")
        try openssl.makeCertificate("misnamed", of: "ours", host: "127.0.0.2")
        try openssl.makeCertificate("expired", of: "ours", host: "127.0.0.1", until: "20200102000000Z")
        try openssl.makeCertificate("foreign", of: "other", host: "127.0.0.1")
        let table: [(certificate: String, bundle: String?, expected: String)] = [
            ("good", "ours", "200"), ("good", "other", "untrusted"), ("good", nil, "untrusted"),
            ("good", "absent", "untrusted"), ("misnamed", "ours", "untrusted"), ("expired", "ours", "untrusted"),
            ("foreign", "ours", "untrusted"), ("foreign", "other", "200"),
        ]
        for (certificate, bundle, expected) in table {
            let server = try openssl.serve(certificate)
            let file = bundle.map { openssl.path("\($0).pem") }
            let transport = CurlTransport.direct(TransportSettings(caFile: file))
            let result = await outcome(transport, HTTPRequest(.get, "https://127.0.0.1:\(server.port)/"))
            #expect(result == expected, "\(certificate) with \(bundle ?? "the system's bundle")")
            await transport.stop()
        }
    }

    @Test("a server that answers without TLS is told from one that cannot be reached") func plain() async throws {
        let server = try RawServer { connection in try connection.send("HTTP/1.1 400 Bad Request\r\n\r\n") }
        let transport = CurlTransport.direct()
        for (port, isHandshake) in [(server.port, true), (1, false)] {
            do {
                _ = try await transport.send(HTTPRequest(.get, "https://127.0.0.1:\(port)/"))
                Issue.record("an answer")
            } catch let error as TransportError {
                #expect(error.code == .connect && error.isHandshake == isHandshake, "\(error)")
            }
        }
        await transport.stop()
    }
}
