import Foundation
import Testing

@testable import Sandbox

/// `files/download_zip`.
@Suite(.timeLimit(.minutes(5)))
struct ZipTests {
    private static func filled() throws -> Account {
        let account = Account()
        try account.put("/Top/Büro/日記 🎈.txt", "diary", clientModified: 1_583_065_801)
        try account.put("/Top/empty", "")
        try account.makeFolder("/Top/None")
        try account.put("/Beside", "b")
        return account
    }

    private static func bytes(_ archive: ZipArchive, pieces: Int = 1000) -> [UInt8] {
        var (archive, bytes) = (archive, [UInt8]())
        while case let piece = archive.read(pieces), !piece.isEmpty { bytes += piece }
        return bytes
    }

    /// One call over a connection of its own; the chunks of the body are put together.
    private static func call(
        _ account: Account, _ path: String, fault: Fault.Effect? = nil, scopes: [String]? = nil
    ) async throws -> (response: RawClient.Response, body: [UInt8], isComplete: Bool) {
        let server = SandboxServer(account: account)
        let port = try await server.start()
        if let fault { server.faults.add(Fault(fault, endpoint: "files/download_zip")) }
        let token = scopes.map { server.tokens.issue(scopes: $0).access } ?? Tokens.standing
        let lines = [
            "POST /2/files/download_zip HTTP/1.1", "Host: x", "Connection: close", "Authorization: Bearer \(token)",
            "Dropbox-API-Arg: {\"path\":\"\(path)\"}", "Range: bytes=10-", "Content-Length: 0", "", "",
        ]
        let response = await RawClient.exchange(port: port, lines.joined(separator: "\r\n"))
        await server.stop()
        let (body, isComplete) = joined(response.body)
        return (response, body, isComplete)
    }

    private static func joined(_ chunks: [UInt8]) -> (bytes: [UInt8], isComplete: Bool) {
        var (rest, bytes) = (chunks[...], [UInt8]())
        while let end = rest.firstIndex(of: 0x0D),
            let size = Int(String(decoding: rest[..<end], as: UTF8.self), radix: 16)
        {
            if size == 0 { return (bytes, true) }
            bytes += rest.dropFirst(end - rest.startIndex + 2).prefix(size)
            rest = rest.dropFirst(end - rest.startIndex + 2 + size + 2)
        }
        return (bytes, false)
    }

    @Test("the archive is as long as it says, however it is read", arguments: [1, 13, 1 << 20])
    func size(pieces: Int) throws {
        let archive = try Self.filled().archive(of: "/top").archive
        let bytes = Self.bytes(archive, pieces: pieces)
        #expect(Int64(bytes.count) == archive.size)
        #expect(bytes == Self.bytes(archive))
    }

    @Test("sums are those of zip", arguments: [("", 0), ("123456789", 0xCBF4_3926), ("a", 0xE8B7_BE43)])
    func sums(text: String, sum: UInt32) {
        var running = CRC32()
        Array(text.utf8).withUnsafeBytes { running.update($0) }
        #expect(running.value == sum)
    }

    @Test("times begin with 1980 and are two seconds fine")
    func times() {
        func parts(_ seconds: Int64) -> [UInt16] {
            let (date, time) = Timestamp.dosTime(seconds)
            return [date >> 9, date >> 5 & 15, date & 31, time >> 11, time >> 5 & 63, time & 31]
        }
        #expect(parts(0) == [0, 1, 1, 0, 0, 0])
        #expect(parts(1_583_065_801) == [40, 3, 1, 12, 30, 0])
    }

    @Test("it comes in chunks, without a length, with the folder's metadata; a range is passed over")
    func answer() async throws {
        let account = try Self.filled()
        for address in ["/TOP", try #require(account.tree().first { $0.path == "/Top" }).id] {
            let (response, body, isComplete) = try await Self.call(account, address)
            #expect(response.status == 200 && isComplete)
            #expect(response.headers["transfer-encoding"] == "chunked" && response.headers["content-length"] == nil)
            #expect(response.headers["content-type"] == "application/zip")
            let result = try JSON.parse(try #require(response.headers["dropbox-api-result"]))
            #expect(result["metadata"]?["name"] == "Top" && result["metadata"]?["path_lower"] == "/top")
            let expected = Self.bytes(try account.archive(of: "/top").archive)
            #expect(body == expected)
        }
    }

    @Test("what cannot be downloaded is left out")
    func leftOut() throws {
        let account = try Self.filled()
        var traits = FileTraits()
        traits.isDownloadable = false
        try account.put("/Top/notes.paper", .text("p"), traits: traits)
        traits = FileTraits()
        traits.isRestricted = true
        try account.put("/Top/blocked", .text("b"), traits: traits)
        let text = String(decoding: Self.bytes(try account.archive(of: "/top").archive), as: UTF8.self)
        #expect(text.contains("Top/empty") && !text.contains("notes.paper") && !text.contains("blocked"))
    }

    @Test(
        "refusals",
        arguments: [
            ("/none", 409, "path/not_found/"), ("/beside", 409, "path/not_folder/"), ("", 400, "root folder"),
            ("/top/", 400, "slash"), ("rev:123456789", 409, "path/not_found/"),
        ])
    func refusals(path: String, status: Int, text: String) async throws {
        let response = try await Self.call(try Self.filled(), path).response
        #expect(response.status == status && response.text.contains(text), "\(response.text)")
    }

    @Test("without the scope there is nothing")
    func scope() async throws {
        let response = try await Self.call(try Self.filled(), "/top", scopes: ["files.metadata.read"]).response
        #expect(response.status == 401 && response.text.contains("missing_scope"))
    }

    @Test("limits: entries with the folder itself, all bytes, bytes of one file")
    func limits() async throws {
        func refusal(_ change: (inout Settings) -> Void) async throws -> String {
            let account = try Self.filled()  // 5 entries, 5 bytes, 5 bytes in the largest file
            account.configure(change)
            let response = try await Self.call(account, "/top").response
            return response.status == 200 ? "" : response.text
        }
        #expect(try await refusal { $0.zipEntryLimit = 6 } == "")
        #expect(try await refusal { $0.zipEntryLimit = 5 }.contains("too_many_files/"))
        #expect(try await refusal { $0.zipSizeLimit = 6 } == "")
        #expect(try await refusal { $0.zipSizeLimit = 5 }.contains("too_large/"))
        #expect(try await refusal { $0.zipFileLimit = 6 } == "")
        #expect(try await refusal { $0.zipFileLimit = 5 }.contains("too_large/"))
        let defaults = Settings()
        #expect(defaults.zipEntryLimit == 10_000 && defaults.zipSizeLimit == 20_000_000_000)
        #expect(defaults.zipFileLimit == 4_000_000_000)
    }

    @Test("faults on the wire")
    func faults() async throws {
        let account = try Self.filled()
        let whole = Self.bytes(try account.archive(of: "/top").archive)
        let cut = try await Self.call(account, "/top", fault: .cut(after: 100, isReset: false))
        #expect(cut.body == Array(whole.prefix(100)) && !cut.isComplete)
        let short = try await Self.call(account, "/top", fault: .truncate(to: 100))
        #expect(short.body == Array(whole.prefix(100)) && short.isComplete)
        let half = try await Self.call(account, "/top", fault: .truncate(to: nil))
        #expect(half.body.count == whole.count / 2 && half.isComplete)
        let corrupt = try await Self.call(account, "/top", fault: .corrupt(at: [7]))
        #expect(corrupt.body[7] == whole[7] ^ 0xFF && corrupt.body.dropFirst(8) == whole.dropFirst(8))
        let endless = try await Self.call(account, "/top", fault: .wrongLength(by: 5))
        #expect(endless.body == whole && !endless.isComplete)
        let slow = try await Self.call(account, "/top", fault: .slow(rate: 10_000))
        #expect(slow.body == whole && slow.isComplete)
        let busy = try await Self.call(account, "/top", fault: .rateLimit(reason: "too_many_requests", retryAfter: 3))
        #expect(busy.response.status == 429)
    }
}
