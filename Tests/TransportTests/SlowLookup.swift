import CCurl
import Glibc
import NetworkSupport
import TestSupport
import Testing
import Transport

/// The C library's look-up, replaced for the whole test program: the names of `SlowLookup` never get an answer,
/// all others are looked up as ever.
@_cdecl("getaddrinfo")
public func getaddrinfoOfTests(
    _ node: UnsafePointer<CChar>?, _ service: UnsafePointer<CChar>?, _ hints: UnsafeRawPointer?,
    _ result: UnsafeMutableRawPointer?
) -> Int32 {
    if let node, let signal = SlowLookup.begun[String(cString: node)] {
        signal.fire()
        while true { pause() }
    }
    typealias Function =
        @convention(c) (
            UnsafePointer<CChar>?, UnsafePointer<CChar>?, UnsafeRawPointer?, UnsafeMutableRawPointer?
        ) -> Int32
    guard let next = dlsym(UnsafeMutableRawPointer(bitPattern: -1), "getaddrinfo") else { return EAI_SYSTEM }
    return unsafeBitCast(next, to: Function.self)(node, service, hints, result)
}

/// A name look-up that hangs.
enum SlowLookup {
    static let begun = ["a.test": Signal(), "b.test": Signal(), "c.test": Signal()]
    /// Whether libcurl knows CURLOPT_QUICK_EXIT.
    static var canBeLeft: Bool { curl_version_info(CURLVERSION_FIRST).pointee.version_num >= 0x075700 }
}

/// Neither cancelling nor stopping waits for a name look-up.
@Suite(.timeLimit(.minutes(5)), .needs(.machine("libcurl 7.87") { SlowLookup.canBeLeft }))
struct SlowLookupTests {
    @Test("cancelled and stopped requests return while their name is still being looked up")
    func hangingLookup() async throws {
        let server = try RawServer.answering { _ in answer() }
        let transport = CurlTransport.direct(TransportSettings(connectTimeout: .seconds(300)))
        let first = Task { await outcome(transport, HTTPRequest(.get, "http://a.test/")) }
        await SlowLookup.begun["a.test"]?.wait()
        first.cancel()
        #expect(await first.value == "CancellationError")
        #expect(await outcome(transport, HTTPRequest(.get, server.url)) == "200")
        let second = Task { await outcome(transport, HTTPRequest(.get, "http://b.test/")) }
        await SlowLookup.begun["b.test"]?.wait()
        await transport.stop()
        #expect(await second.value == "stopped")
    }

    @Test("the connection's time limit ends a look-up that hangs")
    func limit() async throws {
        let transport = CurlTransport.direct(TransportSettings(connectTimeout: .milliseconds(200)))
        let result = await outcome(transport, HTTPRequest(.get, "http://c.test/"))
        #expect(result == "timeout")
        await transport.stop()
    }
}
