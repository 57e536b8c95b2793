import NetworkSupport
import TestSupport
import Testing
import Transport

/// Proxies of every kind: the way to the server, what is wrong with it, and that the password stays where it is.
@Suite(.timeLimit(.minutes(5)))
struct ProxyTests {
    private static let password = "pa55word"

    private func transport(_ kind: ProxyServer.Kind, _ port: UInt16, password: String, caFile: String? = nil)
        -> CurlTransport
    {
        let scheme = kind == .http ? "http" : "socks5h"
        return CurlTransport(
            settings: TransportSettings(proxy: .url("\(scheme)://me:\(password)@127.0.0.1:\(port)"), caFile: caFile))
    }

    @Test("plain HTTP goes through the proxy, whole URL or socket", arguments: ProxyServer.Kind.allCases)
    func plain(_ kind: ProxyServer.Kind) async throws {
        let server = try RawServer.answering { answer(body: "hello from \($0.path)") }
        let proxy = try ProxyServer(kind, user: "me", password: Self.password)
        let transport = transport(kind, proxy.port, password: Self.password)
        for path in ["/a", "/b"] {
            let response = try await transport.send(HTTPRequest(.get, server.url + path))
            #expect(String(decoding: response.body, as: UTF8.self) == "hello from \(path)")
        }
        #expect(!proxy.targets.isEmpty && proxy.targets.allSatisfy { $0.contains("127.0.0.1:\(server.port)") })
        await transport.stop()
    }

    @Test(
        "https goes through a tunnel, and the certificate is the server's",
        .needs(.openssl), arguments: ProxyServer.Kind.allCases)
    func tunnel(_ kind: ProxyServer.Kind) async throws {
        let openssl = try OpenSSL()
        try openssl.makeAuthority("ca")
        try openssl.makeAuthority("other")
        try openssl.makeCertificate("server", of: "ca", host: "127.0.0.1")
        let server = try openssl.serve("server")
        let proxy = try ProxyServer(kind, user: "me", password: Self.password)
        for (bundle, expected) in [("ca", "200"), ("other", "untrusted")] {
            let transport = transport(
                kind, proxy.port, password: Self.password, caFile: openssl.path("\(bundle).pem"))
            #expect(await outcome(transport, HTTPRequest(.get, "https://127.0.0.1:\(server.port)/")) == expected)
            await transport.stop()
        }
        let sign = kind == .http ? "CONNECT 127.0.0.1:\(server.port) HTTP/1.1" : "127.0.0.1:\(server.port)"
        #expect(Set(proxy.targets) == [sign])
    }

    @Test("a proxy that refuses, or is not there, is told without its password", arguments: ProxyServer.Kind.allCases)
    func refusals(_ kind: ProxyServer.Kind) async throws {
        let server = try RawServer.answering { _ in answer() }
        let proxy = try ProxyServer(kind, user: "me", password: "another")
        for port in [proxy.port, 1] {
            for scheme in ["http", "https"] {
                let transport = transport(kind, port, password: Self.password)
                let told: String
                do {
                    let status = try await transport.send(
                        HTTPRequest(.get, "\(scheme)://127.0.0.1:\(server.port)/")
                    ).status
                    told = "\(status)"
                    #expect(status == 407)
                } catch let error as TransportError {
                    told = "\(error) \(String(reflecting: error))"
                    #expect(error.code == .connect || error.code == .cut || error.code == .unusable, "\(error)")
                }
                #expect(!told.contains(Self.password), "\(told)")
                await transport.stop()
            }
        }
        #expect(server.accepted == 0)
    }
}
