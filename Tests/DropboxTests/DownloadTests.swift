import Dropbox
import SyncModel
import Testing
import Transport

/// Downloads: the wanted revision and nothing else, resumed where they were cut.
@Suite(.timeLimit(.minutes(5)))
struct DownloadTests {
    private static let text = "0123456789"
    private static let version = FileVersion(
        rev: Rev("a1b2c3d4e"), size: 10, hash: hash(of: text), modified: Timestamp(seconds: 0))

    private static func result(rev: String = "a1b2c3d4e", size: Int = 10, hash hex: String? = nil) -> String {
        let sum = hex ?? hash(of: text).hex
        return #"{"name":"B\u00fc \"x\"","id":"id:1","rev":"\#(rev)","size":\#(size),"content_hash":"\#(sum)"}"#
    }

    private static func headers(_ result: String? = nil, range: String? = nil) -> [String: String] {
        var headers = ["Dropbox-API-Result": result ?? self.result(), "X-Dropbox-Request-Id": "r7"]
        headers["Content-Range"] = range
        return headers
    }

    private func ranges(_ fixture: MirrorFixture) -> [String?] { fixture.transport.requests.map { $0.header("Range") } }

    @Test("a download asks for the revision, with an argument in the header and no body")
    func request() async throws {
        let fixture = MirrorFixture(.answer(200, Self.text, headers: Self.headers()))
        let sink = MemorySink()
        try await fixture.client.download(Self.version, into: sink)
        #expect(sink.text == Self.text)
        let request = try #require(fixture.transport.requests.first)
        #expect(request.method == .post)
        #expect(request.url == "https://server/2/files/download")
        #expect(request.header("Dropbox-API-Arg") == #"{"path":"rev:a1b2c3d4e"}"#)
        #expect(request.header("Authorization") == "Bearer T0")
        #expect(request.header("Content-Type") == nil)
        #expect(request.header("Range") == nil)
        #expect(request.body.size == 0)
        #expect(!request.acceptsCompression)
        #expect(request.expectedSize == 10)
    }

    @Test("an empty file, and one that is complete, need no request")
    func nothingToDo() async throws {
        let fixture = MirrorFixture(.failure(.connect))
        let empty = FileVersion(rev: Rev("a"), size: 0, hash: hash(of: ""), modified: Timestamp(seconds: 0))
        try await fixture.client.download(empty, into: MemorySink())
        try await fixture.client.download(Self.version, into: MemorySink(Self.text))
        #expect(fixture.transport.requests.isEmpty)
    }

    @Test("a prefix is completed by its rest (206), replaced by the whole (200), or given up (416)")
    func resume() async throws {
        let table: [(replies: [ScriptedTransport.Reply], ranges: [String?], restarts: Int)] = [
            ([.answer(206, "456789", headers: Self.headers(range: "bytes 4-9/10"))], ["bytes=4-"], 0),
            ([.answer(206, "456789", headers: Self.headers(range: "bytes 4-9/*"))], ["bytes=4-"], 0),
            ([.answer(200, Self.text, headers: Self.headers())], ["bytes=4-"], 1),
            ([.answer(416), .answer(200, Self.text, headers: Self.headers())], ["bytes=4-", nil], 1),
            (
                [
                    .answer(409, #"{"error":{".tag":"range","range":{".tag":"not_satisfiable"}}}"#),
                    .answer(200, Self.text, headers: Self.headers()),
                ], ["bytes=4-", nil], 1
            ),
            (
                [
                    .answer(206, "56789", headers: Self.headers(range: "bytes 5-9/10")),
                    .answer(206, "456789", headers: Self.headers(range: "bytes 4-9/10")),
                ], ["bytes=4-", "bytes=4-"], 0
            ),
            (
                [
                    .answer(206, "456789", headers: Self.headers()),
                    .answer(206, "456789", headers: Self.headers(range: "bytes 4-9/11")),
                    .answer(206, "456789", headers: Self.headers(range: "bytes 4-9/10")),
                ], ["bytes=4-", "bytes=4-", "bytes=4-"], 0
            ),
        ]
        for (replies, expected, restarts) in table {
            let fixture = MirrorFixture(ScriptedTransport { _, number in replies[min(number, replies.count - 1)] })
            let sink = MemorySink("0123")
            try await fixture.client.download(Self.version, into: sink)
            #expect(sink.text == Self.text, "\(replies)")
            #expect(ranges(fixture) == expected)
            #expect(sink.restarts == restarts)
        }
    }

    @Test("a range that is refused from the beginning fails the item, after one try more")
    func refusedRange() async throws {
        let fixture = MirrorFixture(.answer(416))
        let error = try await refusal { try await fixture.client.download(Self.version, into: MemorySink("01")) }
        #expect(error?.disposition == .skipItem)
        #expect(ranges(fixture) == ["bytes=2-", nil])
    }

    @Test("a cut body goes on where it ended; 64 KiB more forgive any number of cuts, less does not")
    func cuts() async throws {
        let size = 10 << 16
        let text = String(repeating: "0123456789abcdef", count: size / 16)
        let version = FileVersion(
            rev: Self.version.rev, size: Int64(size), hash: hash(of: text), modified: Timestamp(seconds: 0))
        for (piece, requests) in [(1 << 16, 19), ((1 << 16) - 1, 5)] {
            let fixture = MirrorFixture(
                ScriptedTransport { request, number in
                    let start = request.header("Range").flatMap { Int($0.dropFirst(6).dropLast()) } ?? 0
                    if number % 2 == 1 { return .failure(.connect) }
                    return .cut(
                        start == 0 ? 200 : 206, body: String(text.utf8.dropFirst(start)) ?? "", sent: piece,
                        headers: Self.headers(
                            Self.result(size: size, hash: version.hash.hex), range: "bytes \(start)-\(size - 1)/\(size)"
                        ))
                }, settings: CallSettings(attempts: 3))
            let sink = MemorySink()
            let error = try await refusal { try await fixture.client.download(version, into: sink) }
            #expect((error == nil) == (piece == 1 << 16))
            #expect((sink.text == text) == (error == nil))
            #expect(fixture.transport.requests.count == requests)
            #expect(sink.restarts == 0)
        }
    }

    @Test("without progress the tries are bounded")
    func bounded() async throws {
        let fixture = MirrorFixture(
            .cut(200, body: Self.text, sent: 0, headers: Self.headers()), settings: CallSettings(attempts: 4))
        let error = try await refusal { try await fixture.client.download(Self.version, into: MemorySink()) }
        #expect(error?.code == .network)
        #expect(error?.disposition == .unreachable)
        #expect(fixture.transport.requests.count == 4)
    }

    @Test("an answer that is not the wanted version is refused before a byte of it is kept")
    func wrongVersion() async throws {
        let other = hash(of: "other").hex
        let table: [(result: String?, code: DropboxError.Code)] = [
            (Self.result(rev: "ffffffff0"), .wrongContent), (Self.result(size: 11), .wrongContent),
            (Self.result(hash: other), .wrongContent), (nil, .malformedAnswer), ("", .malformedAnswer),
            ("{", .malformedAnswer), (#"{"rev":"a1b2c3d4e"}"#, .malformedAnswer), ("[]", .malformedAnswer),
            (#"{"rev":"a1b2c3d4e","size":"10"}"#, .malformedAnswer),
            (#"{"x":{"rev":"a1b2c3d4e","size":10}}"#, .malformedAnswer),
        ]
        for (result, code) in table {
            var headers = Self.headers()
            headers["Dropbox-API-Result"] = result
            let sink = MemorySink()
            let fixture = MirrorFixture(.answer(200, Self.text, headers: headers), settings: CallSettings(attempts: 1))
            let error = try await refusal { try await fixture.client.download(Self.version, into: sink) }
            #expect(error?.code == code, "\(result ?? "no header")")
            #expect(error?.disposition == (code == .wrongContent ? .skipItem : .retry(after: nil)))
            #expect(error?.requestID == "r7")
            #expect(sink.text == "")
        }
    }

    @Test("the header's fields are found in any order, spacing and company")
    func resultForms() async throws {
        let sum = hash(of: Self.text).hex
        let forms = [
            #"{"rev":"a1b2c3d4e","size":10}"#,
            #" { "size" : 10 , "content_hash" : "\#(sum)" , "rev" : "a1b2c3d4e" } "#,
            #"{"a":{"rev":"no","size":1},"rev":"a1b2c3d4e","b":["rev",{"size":2}],"size":10,"c":"\"rev\":\"x\""}"#,
            #"{"rev":"a1b2c3d4e","size":10,"content_hash":null,"d":true,"e":-1.5e3,"f":"\\"}"#,
            #"{"r\u0065v":"a1b2c3d4\u0065","size":10}"#,
        ]
        for form in forms {
            let sink = MemorySink()
            let fixture = MirrorFixture(
                .answer(200, Self.text, headers: Self.headers(form)), settings: CallSettings(attempts: 1))
            try await fixture.client.download(Self.version, into: sink)
            #expect(sink.text == Self.text, "\(form)")
        }
    }

    @Test("a body that is too long is dropped, one that is too short is completed")
    func wrongLength() async throws {
        let table: [(body: String, ranges: [String?], restarts: Int)] = [
            (Self.text + "x", [nil, nil], 1), ("012", [nil, "bytes=3-"], 1),
        ]
        for (body, expected, restarts) in table {
            let fixture = MirrorFixture(
                .answer(200, body, headers: Self.headers()), .answer(200, Self.text, headers: Self.headers()))
            let sink = MemorySink()
            try await fixture.client.download(Self.version, into: sink)
            #expect(sink.text == Self.text)
            #expect(ranges(fixture) == expected)
            #expect(sink.restarts == restarts)
        }
    }
}
