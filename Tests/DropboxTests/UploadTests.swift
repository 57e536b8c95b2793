import Dropbox
import NetworkSupport
import Sandbox
import SyncModel
import Testing
import Transport

/// Requests that write, and what becomes of their answers.
@Suite(.timeLimit(.minutes(5)))
struct UploadTests {
    private static let metadata =
        #"{"name":"f.txt","path_lower":"/a/f.txt","path_display":"/A/f.txt","id":"id:x","rev":"0123456789","size":5,"#
        + #""client_modified":"2024-03-01T09:30:00Z","content_hash":"\#(hash(of: "hello").hex)"}"#

    private func part(_ text: String) -> UploadPart { UploadPart(.bytes(Array(text.utf8)), hash: hash(of: text)) }

    private func argument(_ request: HTTPRequest) -> String { request.header("Dropbox-API-Arg") ?? "" }

    @Test("one request carries a file with its hash, its time and what happens to the old one")
    func single() async throws {
        let fixture = MirrorFixture(.answer(200, Self.metadata))
        let commit = CommitInfo(
            path: "/A/Büro.txt", mode: .update(Rev("0123456789")), autorename: true,
            modified: Timestamp(seconds: 1_709_285_400))
        let file = try await DropboxUploader(fixture.client).upload(part("hello"), as: commit)
        #expect(file.path == "/A/f.txt" && file.id == "id:x" && file.version.rev == Rev("0123456789"))
        #expect(file.version.hash == hash(of: "hello") && file.version.modified.seconds == 1_709_285_400)
        let request = try #require(fixture.transport.requests.first)
        #expect(request.url == "https://server/2/files/upload")
        #expect(request.header("Content-Type") == "application/octet-stream")
        #expect(request.header("Authorization") == "Bearer T0")
        #expect(
            argument(request)
                == #"{"path":"/A/B\u00fcro.txt","mode":{".tag":"update","update":"0123456789"},"autorename":true,"#
                + #""client_modified":"2024-03-01T09:30:00Z","content_hash":"\#(hash(of: "hello").hex)"}"#)
        #expect(try bodies([request]) == ["hello"])
    }

    @Test(
        "a time that the API cannot write is left to the server", arguments: [Int64.min / 4, -70_000_000_000, 1 << 40])
    func strangeTime(seconds: Int64) async throws {
        let fixture = MirrorFixture(.answer(200, Self.metadata))
        let commit = CommitInfo(path: "/f", modified: Timestamp(seconds: seconds))
        _ = try await DropboxUploader(fixture.client).upload(part("hello"), as: commit)
        #expect(!argument(fixture.transport.requests[0]).contains("client_modified"))
    }

    @Test("the requests of a session say where their bytes belong")
    func session() async throws {
        let fixture = MirrorFixture(
            .answer(200, #"{"session_id":"S1"}"#), .answer(200, "null"), .answer(200, Self.metadata))
        let uploader = DropboxUploader(fixture.client)
        let session = try await uploader.start(.concurrent)
        try await uploader.append(part("hello"), to: session, at: 4 << 20, close: true)
        _ = try await uploader.finish(SessionFinish(session, size: 5, commit: CommitInfo(path: "/f", mode: .overwrite)))
        #expect(
            fixture.transport.requests.map(argument) == [
                #"{"session_type":"concurrent"}"#,
                #"{"cursor":{"session_id":"S1","offset":4194304},"close":true,"content_hash":"\#(hash(of: "hello").hex)"}"#,
                #"{"cursor":{"session_id":"S1","offset":5},"commit":{"path":"/f","mode":"overwrite"},"#
                    + #""content_hash":"\#(ContentHash.empty.hex)"}"#,
            ])
    }

    struct Refused: Sendable, CustomTestStringConvertible {
        var error: String
        var refusal: UploadRefusal
        var testDescription: String { "\(refusal)" }
    }

    static let refusals = [
        Refused(
            error: #"{".tag":"path","reason":{".tag":"conflict","conflict":{".tag":"file"}},"upload_session_id":"x"}"#,
            refusal: .conflict(.file)),
        Refused(
            error: #"{".tag":"path","path":{".tag":"conflict","conflict":{".tag":"folder"}}}"#,
            refusal: .conflict(.folder)),
        Refused(
            error: #"{".tag":"path","path":{".tag":"conflict","conflict":{".tag":"file_ancestor"}}}"#,
            refusal: .conflict(.fileAncestor)),
        Refused(error: #"{".tag":"path","reason":{".tag":"insufficient_space"}}"#, refusal: .insufficientSpace),
        Refused(error: #"{".tag":"path","path":{".tag":"no_write_permission"}}"#, refusal: .noWritePermission),
        Refused(error: #"{".tag":"path","reason":{".tag":"disallowed_name"}}"#, refusal: .disallowedName),
        Refused(error: #"{".tag":"path","reason":{".tag":"malformed_path"}}"#, refusal: .malformedPath),
        Refused(error: #"{".tag":"payload_too_large"}"#, refusal: .tooLarge),
        Refused(error: #"{".tag":"content_hash_mismatch"}"#, refusal: .contentHashMismatch),
        Refused(error: #"{".tag":"not_found"}"#, refusal: .sessionNotFound),
        Refused(error: #"{".tag":"lookup_failed","lookup_failed":{".tag":"not_found"}}"#, refusal: .sessionNotFound),
        Refused(error: #"{".tag":"incorrect_offset","correct_offset":8388608}"#, refusal: .incorrectOffset(8_388_608)),
        Refused(
            error: #"{".tag":"lookup_failed","lookup_failed":{".tag":"incorrect_offset","correct_offset":9}}"#,
            refusal: .incorrectOffset(9)),
        Refused(error: #"{".tag":"closed"}"#, refusal: .sessionClosed),
        Refused(error: #"{".tag":"concurrent_session_missing_data"}"#, refusal: .sessionUnusable),
        Refused(error: #"{".tag":"sprocket"}"#, refusal: .other),
    ]

    @Test("a refusal is told once, with what to do, and not tried again", arguments: refusals)
    func refused(_ given: Refused) async throws {
        let fixture = MirrorFixture(.answer(409, #"{"error_summary":"x/..","error":\#(given.error)}"#))
        let error = try await refusal {
            _ = try await DropboxUploader(fixture.client).upload(part("x"), as: CommitInfo(path: "/f"))
        }
        #expect(error?.uploadRefusal == given.refusal)
        #expect(error?.disposition == .skipItem)
        #expect(error.map { !"\($0)".contains("\n") } == true)
        #expect(fixture.transport.requests.count == 1)
    }

    @Test("contention for the account's lock is waited for")
    func contention() async throws {
        let busy =
            #"{"error_summary":"path/too_many_write_operations/","error":{".tag":"path","reason":"#
            + #"{".tag":"too_many_write_operations"}}}"#
        let fixture = MirrorFixture(.answer(409, busy), .answer(200, Self.metadata))
        _ = try await DropboxUploader(fixture.client).upload(part("hello"), as: CommitInfo(path: "/f"))
        #expect(fixture.transport.requests.count == 2 && fixture.clock.elapsed > .zero)
    }

    @Test("a missing permission names the command that asks for it, whoever misses it")
    func scope() async throws {
        let texts = [
            (401, #"{"error":{".tag":"missing_scope","required_scope":"files.content.write"}}"#),
            (
                400,
                "Error in call to API function \"files/upload\": Your app is not permitted to access this endpoint "
                    + "because it does not have the required scope 'files.content.write'."
            ),
        ]
        for (status, body) in texts {
            let fixture = MirrorFixture(.answer(status, body))
            let error = try await refusal {
                _ = try await DropboxUploader(fixture.client).upload(part("x"), as: CommitInfo(path: "/f"))
            }
            #expect(error?.code == .missingScope("files.content.write") && error?.disposition == .signedOut)
            #expect(error?.hint?.contains("dbxsync auth --uploads") == true)
        }
    }

    @Test("an append that a portal answers is not taken for done")
    func portal() async throws {
        let fixture = MirrorFixture(.answer(200, "<html>"), .answer(200, "{}"), .answer(200, "null"))
        let session = UploadSession(id: "S", kind: .sequential)
        try await DropboxUploader(fixture.client).append(part("x"), to: session, at: 0)
        #expect(fixture.transport.calls == ["append_v2", "append_v2", "append_v2"])
    }

    @Test("a broken connection costs another try of the same bytes")
    func broken() async throws {
        let fixture = MirrorFixture(.failure(.cut), .failure(.timeout), .answer(200, Self.metadata))
        _ = try await DropboxUploader(fixture.client).upload(part("hello"), as: CommitInfo(path: "/f"))
        #expect(try bodies(fixture.transport.requests) == ["hello", "hello", "hello"])
    }

    @Test("a batch tells of each file, and tries again what the account's lock held up")
    func batch() async throws {
        let busy = #"{".tag":"failure","failure":{".tag":"too_many_write_operations"}}"#
        let taken =
            #"{".tag":"failure","failure":{".tag":"path","path":{".tag":"conflict","conflict":{".tag":"file"}}}}"#
        let success = #"{".tag":"success",\#(Self.metadata.dropFirst())"#
        let fixture = MirrorFixture(
            .answer(200, #"{"entries":[\#(busy),\#(taken),\#(success)]}"#), .answer(200, #"{"entries":[\#(success)]}"#))
        let session = UploadSession(id: "S", kind: .sequential)
        let finishes = ["/a", "/b", "/c"].map { SessionFinish(session, size: 5, commit: CommitInfo(path: $0)) }
        let results = try await DropboxUploader(fixture.client).finish(finishes)
        #expect((try? results[0].get().id) == "id:x" && (try? results[2].get().id) == "id:x")
        #expect(throws: DropboxError.self) { try results[1].get() }
        let requests = try bodies(fixture.transport.requests)
        #expect(requests.count == 2 && requests[1].contains(#""path":"/a""#) && !requests[1].contains(#""path":"/b""#))
        #expect(try await DropboxUploader(fixture.client).finish([]).isEmpty)
    }

    @Test("against a server: sessions in order and at once, batches, folders")
    func server() async throws {
        try await SandboxFixture.run { sandbox in
            let uploader = DropboxUploader(sandbox.client)
            let block = [UInt8](repeating: 7, count: 4 << 20)
            let whole = UploadPart(.bytes(block), hash: hash(of: block))

            let first = try await uploader.start(.concurrent)
            try await uploader.append(part("end"), to: first, at: 8 << 20, close: true)
            try await uploader.append(whole, to: first, at: 4 << 20)
            try await uploader.append(whole, to: first, at: 0)
            let size = Int64(8 << 20) + 3
            let file = try await uploader.finish(SessionFinish(first, size: size, commit: CommitInfo(path: "/big")))
            #expect(file.version.hash == hash(of: block + block + Array("end".utf8)))

            let second = try await uploader.start(.sequential, with: part("one"))
            try await uploader.append(part("two"), to: second, at: 3)
            let lost = try await refusal { try await uploader.append(part("two"), to: second, at: 3) }
            #expect(lost?.uploadRefusal == .incorrectOffset(6))
            _ = try await uploader.finish(SessionFinish(second, size: 6, commit: CommitInfo(path: "/small")))
            #expect(try sandbox.account.content(of: "/small").load() == Array("onetwo".utf8))

            let sessions = try await uploader.start(3, .sequential)
            for session in sessions { try await uploader.append(part("x"), to: session, at: 0, close: true) }
            let finishes = sessions.enumerated().map {
                SessionFinish($1, size: 1, commit: CommitInfo(path: "/many/\($0)"))
            }
            #expect(
                try await uploader.finish(finishes).compactMap { try? $0.get().path } == [
                    "/many/0", "/many/1", "/many/2",
                ])

            try await uploader.makeFolder("/Folder")
            try await uploader.makeFolder("/folder")
            let blocked = try await refusal { try await uploader.makeFolder("/small/below") }
            #expect(blocked?.uploadRefusal == .conflict(.fileAncestor))
        }
    }
}
