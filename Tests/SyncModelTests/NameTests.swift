import SyncModel
import Testing

/// Names and paths: what can stand in the mirror, and that nothing leads out of it.
@Suite(.timeLimit(.minutes(5)))
struct NameTests {
    private static let harmless = [
        "a", "...", "..a", ". ", " ", "-rf", "back\\slash", "line\nbreak", "\r\n", "tab\t", "bell\u{7}",
        "right\u{202E}left", "e\u{301}", "é", "ς", "ı", "İ", "ß", "👩‍👩‍👧‍👦", "\u{301}accent first", "~", "*?", "CON",
        "%2e%2e",
        ".dbxsync2", ".DBXSYNC", String(repeating: "n", count: 255), String(repeating: "日", count: 85),
    ]

    @Test("these are names", arguments: harmless) func allowed(name: String) throws {
        let path = try MirrorPath.root.appending(FileName(name))
        #expect(path.name == FileName(name))
        #expect(path.parent == .root)
        let below = try path.appending(FileName("x")).appending(FileName(name))
        #expect(below.components.count == 3)
        #expect(MirrorPath(text: below.text) == below)
        #expect(MirrorPath(text: path.text) == path)
    }

    @Test(
        "these are not",
        arguments: [
            ("", NameProblem.reserved("")), (".", .reserved(".")), ("..", .reserved("..")),
            ("a/b", .forbiddenByte("a/b")), ("/", .forbiddenByte("/")), ("a\0", .forbiddenByte("a\0")),
            ("../x", .forbiddenByte("../x")), ("/\u{301}x", .forbiddenByte("/\u{301}x")),
            (String(repeating: "n", count: 256), .tooLong(bytes: 256)),
            (String(repeating: "日", count: 86), .tooLong(bytes: 258)), (".dbxsync", .ours),
        ])
    func refused(name: String, problem: NameProblem) throws {
        #expect(throws: problem) { try MirrorPath.root.appending(FileName(name)) }
        #expect(!problem.description.isEmpty)
    }

    @Test("dbxsync's own name is taken at the top only") func ownName() throws {
        let folder = try MirrorPath.root.appending(FileName("a"))
        #expect(try folder.appending(MirrorPath.ownFolder).text == "a/.dbxsync")
    }

    @Test("a text with a component that is not allowed is no path") func texts() {
        for text in ["..", "a/..", "a/../b", "./a", ".dbxsync", ".dbxsync/staging", "a/\0"] {
            #expect(MirrorPath(text: text) == nil, "\(text)")
        }
        #expect(MirrorPath(text: "") == .root)
        #expect(MirrorPath.root.parent == nil)
        #expect(MirrorPath.root.name == nil)
    }

    @Test("names that Swift's strings take for equal are two names") func bytewise() {
        #expect("e\u{301}" == "\u{e9}")
        #expect(FileName("e\u{301}") != FileName("\u{e9}"))
        #expect(Set([FileName("e\u{301}"), FileName("\u{e9}")]).count == 2)
        #expect(RemoteKey("/e\u{301}") != RemoteKey("/\u{e9}"))
        #expect(Set([RemoteKey("/e\u{301}"), RemoteKey("/\u{e9}")]).count == 2)
    }
}

@Suite(.timeLimit(.minutes(5)))
struct RemoteKeyTests {
    @Test("parent, name, depth and ancestors") func family() {
        let key = RemoteKey("/a/b/c")
        #expect(key.parent == RemoteKey("/a/b"))
        #expect(key.name == "c")
        #expect(key.depth == 3)
        #expect(key.ancestors == [RemoteKey("/a/b"), RemoteKey("/a")])
        #expect(RemoteKey("/a").parent == .root)
        #expect(RemoteKey("/a").ancestors == [])
        #expect(RemoteKey.root.parent == nil)
        #expect(RemoteKey.root.depth == 0)
        #expect(RemoteKey.root.name == "")
    }

    @Test("a name that begins with an accent does not melt into the slash") func accent() {
        let key = RemoteKey("/a/\u{301}b")
        #expect(key.parent == RemoteKey("/a"))
        #expect(key.name == "\u{301}b")
        #expect(key.depth == 2)
        #expect(RemoteKey("/a").contains(key))
    }

    @Test("a subtree is what is below, not what begins alike") func subtree() {
        let folder = RemoteKey("/a")
        let others = ["/a", "/a.txt", "/a-b", "/a0", "/ab", "/b", "", "/A/x"].map { RemoteKey($0) }
        let below = ["/a/b", "/a/b/c", "/a//", "/a/\u{10FFFF}", "/a/\u{1}", "/a/."].map { RemoteKey($0) }
        for key in others { #expect(!folder.contains(key), "\(key)") }
        for key in below { #expect(folder.contains(key), "\(key)") }
        let (lower, upper) = folder.below
        for key in others + below {
            let inRange = RemoteKey(lower) <= key && key < RemoteKey(upper)
            #expect(inRange == folder.contains(key), "\(key)")
        }
    }

    @Test("the order is that of the bytes, as in the state file's indexes") func order() {
        let sorted = [
            "", "/", "/A", "/a", "/a/b", "/a0", "/b", "/e\u{301}", "/z", "/\u{e9}", "/\u{FFFF}", "/\u{10000}",
        ]
        #expect(sorted.map { RemoteKey($0) }.shuffled().sorted().map(\.text.utf8.count) == sorted.map(\.utf8.count))
        #expect(sorted.reversed().map { RemoteKey($0) }.sorted() == sorted.map { RemoteKey($0) })
    }
}
