import Dropbox
import SyncModel
import Testing
import Transport

/// Entries that cannot be read whole: each is set apart, and the page with all its other entries is read.
@Suite(.timeLimit(.minutes(5)))
struct BadEntryTests {
    private static let hex = String(repeating: "ab", count: 32)
    private static let fields: KeyValuePairs = [
        ".tag": #""file""#, "name": #""Plan.txt""#, "path_lower": #""/docs/plan.txt""#,
        "path_display": #""/Docs/Plan.txt""#, "id": #""id:1""#, "client_modified": #""2024-03-01T09:30:00Z""#,
        "rev": #""6129f0c3a""#, "size": "5", "content_hash": "\"\(hex)\"",
    ]

    /// A file's entry with some fields changed; an empty text leaves one out.
    private static func file(_ changes: [String: String]) -> String {
        let known = fields.map { ($0.key, changes[$0.key] ?? $0.value) }
        let new = changes.filter { change in !fields.contains { $0.key == change.key } }.map { ($0.key, $0.value) }
        return "{" + (known + new).filter { !$0.1.isEmpty }.map { "\"\($0.0)\":\($0.1)" }.joined(separator: ",") + "}"
    }

    private static func page(_ entries: String) -> String {
        #"{"entries":[\#(entries)],"cursor":"C1","has_more":false}"#
    }

    /// What becomes of an entry between two good ones.
    private func read(_ entry: [UInt8], remoteDepth: Int = 0) throws -> ChangePage {
        let good = #"{".tag":"deleted","name":"x","path_lower":"/docs/"#
        var page = try ChangePage(
            json: Array(#"{"entries":[\#(good)first"},"#.utf8) + entry
                + Array(#",\#(good)last"}],"cursor":"C1","has_more":false}"#.utf8), remoteDepth: remoteDepth)
        let prefix = remoteDepth == 0 ? "/docs" : ""
        #expect(page.changes.first == .deleted(RemoteKey(prefix + "/first")))
        #expect(page.changes.last == .deleted(RemoteKey(prefix + "/last")))
        #expect(page.cursor == Cursor("C1") && !page.hasMore && page.rootChange == nil)
        page.changes = Array(page.changes.dropFirst().dropLast())
        return page
    }

    @Test("an entry with a path is parked under it, with what is wrong with it")
    func parked() throws {
        let nested = String(repeating: "[", count: 100) + String(repeating: "]", count: 100)
        let table: [(changes: [String: String], reason: String)] = [
            (["size": "-1"], "the field size is not a size"), (["size": #""5""#], "the field size is not a number"),
            (["size": "5.5"], "the field size is not a size"), (["size": ""], "the field size is missing"),
            (["size": "null"], "the field size is null"), (["size": "true"], "the field size is not a number"),
            (["size": "9223372036854775807"], "the field size is larger than any file"),
            (["size": "9007199254740993"], "the field size is larger than any file"),
            (["size": "1e400"], "the field size is larger than any file"),
            (["size": String(repeating: "9", count: 5000)], "the field size is larger than any file"),
            (["size": "007"], "the field size: it is not JSON from byte 0 on"),
            (["client_modified": ""], "the field client_modified is missing"),
            (["client_modified": #""yesterday""#], "the field client_modified is not a time that a file can have"),
            (
                ["client_modified": #""9999-12-31T23:59:59Z""#],
                "the field client_modified is not a time that a file can have"
            ),
            (
                ["client_modified": #""0001-01-01T00:00:00Z""#],
                "the field client_modified is not a time that a file can have"
            ),
            (["client_modified": "1709285400"], "the field client_modified is not a text"),
            (["content_hash": #""abc""#], "the field content_hash is not a hash"),
            (["content_hash": "7"], "the field content_hash is not a text"),
            (["rev": ""], "the field rev is missing"), (["rev": "{}"], "the field rev is not a text"),
            (["name": ""], "the field name is missing"), (["name": "[]"], "the field name is not a text"),
            (["name": #""\ud83d""#], "the field name: it contains half a surrogate pair"),
            (["name": #""a\udc00\ud83db""#], "the field name: it contains half a surrogate pair"),
            (["name": #""\x""#], "the field name: an escape in it is none"),
            (["name": "\"a\u{1}b\""], "the field name: it contains a control character"),
            (["path_display": "5"], "the field path_display is not a text"),
            ([".tag": ""], "the field .tag is missing"), ([".tag": "{}"], "the field .tag is not a text"),
            ([".tag": #""sprocket""#], #"it is of the unknown kind "sprocket""#),
            (["id": "7"], "the field id is not a text"),
            (["is_downloadable": "0"], "the field is_downloadable is neither true nor false"),
            (["symlink_info": "{}"], "the field symlink_info.target is not a text"),
            (["symlink_info": "[]"], "the field symlink_info is not an object"),
            (["novelty": nested], "the field ?: more than 64 nested levels"),
            (["novelty": "tru"], "the field ?: it is not JSON from byte 0 on"),
            (["novelty": #"1,"size":6"#], "the field size occurs twice"),
            ([#"\ud800"#: "1"], "the name of a field: it contains half a surrogate pair"),
        ]
        for (changes, reason) in table {
            let page = try read(Array(Self.file(changes).utf8))
            #expect(page.unread == [], "\(changes)")
            guard
                case .put(let key, .unavailable(let name, .unreadable(let what), _), let parents)? = page.changes.first
            else {
                Issue.record("\(changes): \(page)")
                continue
            }
            #expect(key == RemoteKey("/docs/plan.txt") && page.changes.count == 1)
            #expect(parents == [FileName(changes["path_display"] == nil ? "Docs" : "docs")])
            #expect(
                name == FileName(changes["path_display"] == nil || changes["name"] == nil ? "Plan.txt" : "plan.txt"))
            // Where in the document is not told by the table.
            #expect(what.replacing(/byte [0-9]+/, with: "byte 0") == reason, "\(changes)")
        }
    }

    @Test("sizes and times at the edge of what is believed are read")
    func edges() throws {
        for (size, number) in [("0", 0), ("9007199254740992", 1 << 53), ("5.0", 5), ("2199023255552", 1 << 41)] {
            let page = try read(Array(Self.file(["size": size]).utf8))
            guard case .put(_, .file(_, let version), _)? = page.changes.first else {
                Issue.record("\(size)")
                continue
            }
            #expect(version.size == number)
        }
        for time in ["1677-10-01T00:00:00Z", "2262-04-01T00:00:00Z", "1969-12-31T23:59:59Z"] {
            let page = try read(Array(Self.file(["client_modified": #""\#(time)""#]).utf8))
            if case .put(_, .file, _)? = page.changes.first {} else { Issue.record("\(time)") }
        }
    }

    @Test("bytes that are not UTF-8 spoil the entry that they stand in, and no other")
    func damagedBytes() throws {
        for (field, reason) in [
            ("name", "the field name: bytes in it are not UTF-8"),
            ("novelty", "the field ?: bytes in it are not UTF-8"),
        ] {
            var entry = Array(Self.file([field: #""ab€cd""#]).utf8)
            let place = try #require(entry.firstIndex(of: 0xE2))
            entry.remove(at: place + 1)
            let page = try read(entry)
            guard
                case .put(RemoteKey("/docs/plan.txt"), .unavailable(_, .unreadable(let what), _), _)? = page.changes
                    .first
            else {
                Issue.record("\(field)")
                continue
            }
            #expect(what == reason)
        }
    }

    @Test("folders and deletions that cannot be read whole are parked, too: what they mean is not known")
    func otherKinds() throws {
        let table: [(entry: String, reason: String)] = [
            (#"{".tag":"folder","path_lower":"/docs/a","id":"id:2"}"#, "the field name is missing"),
            (
                #"{".tag":"folder","name":"a","path_lower":"/docs/a","sharing_info":{"no_access":"yes"}}"#,
                "the field sharing_info.no_access is neither true nor false"
            ),
            (
                #"{".tag":"deleted","path_lower":"/docs/a","name":"\ud800"}"#,
                "the field name: it contains half a surrogate pair"
            ),
            (#"{"path_lower":"/docs/a","name":"a"}"#, "the field .tag is missing"),
        ]
        for (entry, reason) in table {
            #expect(
                try read(Array(entry.utf8)).changes == [
                    .put(
                        RemoteKey("/docs/a"), .unavailable(name: FileName("a"), .unreadable(reason), rev: nil),
                        parents: [FileName("docs")])
                ], "\(entry)")
        }
    }

    @Test("an entry without a usable path is set apart with what it says of itself")
    func withoutPath() throws {
        let table: [(entry: String, what: String, reason: String, beginning: String?)] = [
            ("null", "null", "it is not an object", ""), ("[1,{}]", "[1,{}]", "it is not an object", ""),
            (#""text""#, #""text""#, "it is not an object", ""), ("17", "17", "it is not an object", ""),
            ("{}", "{}", "the field .tag is missing", ""), ("tru", "tru", "it is not an object", ""),
            (Self.file(["path_lower": ""]), "/Docs/Plan.txt", "the field path_lower is missing", ""),
            (Self.file(["path_lower": "null"]), "/Docs/Plan.txt", "the field path_lower is null", ""),
            (Self.file(["path_lower": "[]"]), "/Docs/Plan.txt", "the field path_lower is not a text", ""),
            (Self.file(["path_lower": #""x""#]), "x", "the field path_lower is not a path", ""),
            (Self.file(["path_lower": #""/docs//x""#]), "/docs//x", "the field path_lower is not a path", ""),
            (
                Self.file(["path_lower": #""/docs/a\ud800b""#]), "/docs/a",
                "the field path_lower: it contains half a surrogate pair", "/docs/a"
            ),
            (
                #"{".tag":"sprocket","teeth":[3,5]}"#, #"{".tag":"sprocket","teeth":[3,5]}"#,
                "the field path_lower is missing", ""
            ),
            (#"{"path_lower" "/a"}"#, #"{"path_lower" "/a"}"#, "it is not JSON from byte 0 on", ""),
        ]
        for (entry, what, reason, beginning) in table {
            let page = try read(Array(entry.utf8))
            #expect(page.changes == [], "\(entry)")
            #expect(
                page.unread.map {
                    // Where in the document is not told by the table.
                    let reason = $0.reason.replacing(/byte [0-9]+/, with: "byte 0")
                    return UnreadEntry(what: $0.what, reason: reason, beginning: $0.beginning)
                } == [
                    UnreadEntry(what: what, reason: reason, beginning: beginning.map { RemoteKey($0) })
                ], "\(entry)")
        }
    }

    @Test("what is known of a damaged path is relative to the mirrored folder, like every key")
    func rooted() throws {
        let table: [(path: String, beginning: String)] = [
            (#""/docs/a/b\ud800""#, "/a/b"), (#""/docs/\ud800""#, "/"), (#""/do\ud800""#, ""),
        ]
        for (path, beginning) in table {
            let page = try read(Array(Self.file(["path_lower": path]).utf8), remoteDepth: 1)
            #expect(page.unread.map(\.beginning) == [RemoteKey(beginning)], "\(path)")
        }
    }

    @Test("one thousand entries, each bad in another way, spoil none of the others", arguments: 0..<8)
    func noise(seed: UInt64) throws {
        var random = seed &* 0x9E37_79B9_7F4A_7C15 | 1
        func next(_ limit: Int) -> Int {
            random ^= random << 13
            random ^= random >> 7
            random ^= random << 17
            return Int(random % UInt64(limit))
        }
        let good = Array(Self.file([:]).utf8)
        for _ in 0..<1000 {
            var entry = good
            let place = 1 + next(entry.count - 2)
            let byte = UInt8(next(256))
            // Quotes and brackets show where an entry ends; without them the document is another one.
            if [entry[place], byte].contains(where: { #""\[]{}"#.utf8.contains($0) }) { continue }
            entry[place] = byte
            let page = try read(entry)
            #expect(page.changes.count + page.unread.count == 1, "\(String(decoding: entry, as: UTF8.self))")
        }
    }

    @Test("an entry that cannot be read is an error where it is all that was asked for")
    func metadata() async throws {
        let table: [(entry: String, complaint: String)] = [
            (Self.file(["size": "-1"]), "the field size is not a size"), ("[]", "it is not an object"),
            (Self.file([:]) + "}", "it is not JSON from byte 0 on"), ("", "it ends too early"),
            (Self.file(["path_lower": "null"]), "the field path_lower is null"),
        ]
        for (entry, complaint) in table {
            let fixture = MirrorFixture(.answer(200, entry))
            let error = try await refusal { _ = try await fixture.client.metadata(of: "/a") }
            let reason = error?.reason.replacing(/byte [0-9]+/, with: "byte 0")
            #expect(reason == "the answer is not usable: \(complaint)", "\(entry)")
        }
        let entry = try await MirrorFixture(.answer(200, Self.file([:]))).client.metadata(of: "/a")
        #expect(entry.pathLower == "/docs/plan.txt" && entry.id == "id:1")
    }
}
