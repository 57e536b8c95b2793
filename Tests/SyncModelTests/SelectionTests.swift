import SyncModel
import TestSupport
import Testing

/// What patterns select, as tables; a path with a slash at its end is a folder.
@Suite(.timeLimit(.minutes(5)))
struct SelectionTests {
    struct Case: CustomTestStringConvertible, Sendable {
        var patterns: [String]
        var yes: [String] = []
        var no: [String] = []
        var onTheWay: [String] = []

        init(_ patterns: String..., yes: [String] = [], no: [String] = [], onTheWay: [String] = []) {
            self.patterns = patterns
            self.yes = yes
            self.no = no
            self.onTheWay = onTheWay
        }

        var testDescription: String { patterns.joined(separator: " ") }
    }

    private func match(_ path: String, _ selection: Selection) -> Selection.Match {
        let isFolder = path.hasSuffix("/")
        return selection.match(of: RemoteKey(isFolder ? String(path.dropLast()) : path), isFolder: isFolder)
    }

    private static let excluded = [
        Case("*.tmp", yes: ["/a.tmp", "/x/y/a.tmp", "/dir.tmp/", "/dir.tmp/x", "/.tmp"], no: ["/a.tmpx", "/tmp"]),
        Case("build", yes: ["/build", "/x/build/", "/x/build/y"], no: ["/builder", "/rebuild"]),
        Case("build/", yes: ["/build/", "/x/build/", "/x/build/y"], no: ["/build", "/x/build"]),
        Case("/build", yes: ["/build", "/build/x"], no: ["/x/build"]),
        Case("a/b", yes: ["/a/b", "/a/b/c"], no: ["/x/a/b", "/a/bc", "/a/"]),
        Case("a/*", yes: ["/a/b", "/a/b/c"], no: ["/a/", "/b/a/c"]),
        Case("a/*/c", yes: ["/a/b/c"], no: ["/a/c", "/a/b/b/c"]),
        Case("**/x", yes: ["/x", "/a/x", "/a/b/x", "/a/b/x/y"], no: ["/ax"]),
        Case("**/a/x", yes: ["/a/x", "/q/a/x"], no: ["/x"]),
        Case("a/**", yes: ["/a/b", "/a/b/c"], no: ["/a/", "/a", "/b/a/c"]),
        Case("a/**/z", yes: ["/a/z", "/a/b/z", "/a/b/c/z"], no: ["/z", "/b/a/z", "/a/bz"]),
        Case("a/**/b/**/c", yes: ["/a/b/c", "/a/x/b/y/b/z/c"], no: ["/a/c", "/a/b", "/a/c/b"]),
        Case("**", yes: ["/a", "/a/b"]),
        Case("a**b", yes: ["/ab", "/axxb"], no: ["/a/b"]),
        Case("?", yes: ["/a", "/ä", "/x/é", "/😀"], no: ["/ab", "/a\u{301}"]),
        Case("a?c*e", yes: ["/abce", "/abcdde"], no: ["/ace", "/abcdd"]),
        Case("[abc].x", yes: ["/a.x", "/c.x"], no: ["/d.x", "/.x", "/ab.x"]),
        Case("[!a-c]x", yes: ["/dx", "/äx"], no: ["/ax", "/bx", "/x"]),
        Case("[^a-c]x", yes: ["/dx"], no: ["/cx"]),
        Case("[]-]x", yes: ["/]x", "/-x"], no: ["/ax"]),
        Case("[a\\]b]x", yes: ["/]x", "/ax", "/bx"], no: ["/\\x"]),
        Case("[[:digit:][:space:]-]x", yes: ["/7x", "/ x", "/-x"], no: ["/ax", "/:x"]),
        Case("[ä-ü]x", yes: ["/öx", "/äx"], no: ["/ax"]),
        Case("*a*a*a*a*a*a*a*a*b", no: ["/" + String(repeating: "a", count: 250)]),
        Case("READ*.TXT", yes: ["/readme.txt"]),
        Case("ÄRGER", yes: ["/ärger", "/Ärger"], no: ["/a\u{308}rger"]),
        Case("[A-Z]x", yes: ["/ax", "/zx"], no: ["/1x"]),
        Case("[a-z]x", yes: ["/ax", "/Ax"]),
        Case("[[:upper:]]x", yes: ["/ax"]),
        Case("#x", yes: ["/#x"]),
        Case("\\!x", yes: ["/!x"], no: ["/x"]),
        Case("\\*", yes: ["/*"], no: ["/x"]),
        Case(" x ", yes: ["/ x "], no: ["/x", "/x "]),
        Case("*.tmp", "!keep.tmp", yes: ["/a.tmp"], no: ["/keep.tmp", "/x/keep.tmp"]),
        Case("!keep.tmp", "*.tmp", yes: ["/keep.tmp"]),
        Case("a/", "!a/x", "!x", yes: ["/a/", "/a/x", "/a/b/x"], no: ["/x"]),
        Case("a/*", "!a/x", yes: ["/a/y", "/a/y/x"], no: ["/a/", "/a/x", "/a/x/y"]),
        Case("/*", "!/a", "/a/*", "!/a/b", yes: ["/b", "/a/c", "/a/c/b"], no: ["/a/", "/a/b", "/a/b/c"]),
        Case("*", "!*/", "!*.pdf", yes: ["/a", "/x/a"], no: ["/x/", "/x/a.pdf"]),
        Case(".dbxsync", yes: ["/.dbxsync/"]),
    ]

    @Test("exclude takes away what it matches and all that is below", arguments: excluded)
    func exclude(row: Case) throws {
        let selection = try Selection(excluding: row.patterns)
        for path in row.yes { #expect(match(path, selection) == .outside, "\(path)") }
        for path in row.no { #expect(match(path, selection) == .selected, "\(path)") }
    }

    private static let included = [
        Case("/docs", yes: ["/docs/", "/docs/a/b", "/docs"], no: ["/x", "/x/", "/x/docs", "/doc"]),
        Case("/a/b", yes: ["/a/b/", "/a/b/c"], no: ["/a/c", "/a/c/", "/a", "/b/"], onTheWay: ["/a/"]),
        Case("a/*/c", yes: ["/a/b/c", "/a/b/c/d"], no: ["/a/b", "/b/"], onTheWay: ["/a/", "/a/b/"]),
        Case("a/**/c", yes: ["/a/c", "/a/b/b/c/"], no: ["/b/", "/a/x"], onTheWay: ["/a/", "/a/b/", "/a/b/d/"]),
        Case("*.pdf", yes: ["/a.pdf", "/x/a.pdf", "/x.pdf/", "/x.pdf/y"], no: ["/a"], onTheWay: ["/x/", "/x/y/"]),
        Case("docs/", yes: ["/docs/", "/x/docs/a"], no: ["/docs"], onTheWay: ["/x/"]),
        Case("/docs", "!*.tmp", yes: ["/docs/", "/docs/a"], no: ["/docs/a.tmp", "/b.tmp"]),
        Case(
            "/docs", "!/docs/old", "/docs/old/keep", yes: ["/docs/a", "/docs/old/keep/", "/docs/old/keep/x"],
            no: ["/docs/old/x", "/docs/old"], onTheWay: ["/docs/old/"]),
        Case("/a/**", yes: ["/a/b", "/a/b/c"], no: ["/b/", "/a"], onTheWay: ["/a/"]),
    ]

    @Test("include takes what it matches, all that is below, and the folders on the way", arguments: included)
    func include(row: Case) throws {
        let selection = try Selection(including: row.patterns)
        for path in row.yes { #expect(match(path, selection) == .selected, "\(path)") }
        for path in row.no { #expect(match(path, selection) == .outside, "\(path)") }
        for path in row.onTheWay { #expect(match(path, selection) == .onTheWay, "\(path)") }
    }

    @Test("exclude takes away from what is included") func both() throws {
        let selection = try Selection(including: ["/a", "*.pdf"], excluding: ["*.tmp", "/b/c/"])
        #expect(
            ["/a/x", "/a/x.tmp", "/b/x.pdf", "/b/c/x.pdf", "/b/", "/b/c/", "/z.tmp/"].map { match($0, selection) }
                == [
                    .selected, .outside, .selected, .outside, .onTheWay, .outside, .outside,
                ])
    }

    @Test("nothing is said of the mirrored folder itself, and all is selected without patterns") func everything()
        throws
    {
        #expect(Selection.everything.match(of: RemoteKey("/a/b"), isFolder: false) == .selected)
        #expect(try Selection(excluding: ["*"]).match(of: .root, isFolder: true) == .selected)
        #expect(try Selection(excluding: ["a"]) != Selection(excluding: ["A"]))
    }

    @Test("what is below something outside is outside, and one judge says what many say") func closed() throws {
        let words = ["a", "b", "*", "**", "/a", "b/", "/a/b", "a/*", "!a", "!/a/b", "**/b", "/**/a/b", "[ab]", "!*/"]
        var random = SeededRandom(seed: 5)
        let keys = ["a", "b", "c"].flatMap { one in
            ["/\(one)"]
                + ["a", "b", "c"].flatMap { two in ["/\(one)/\(two)", "/\(one)/\(two)/a", "/\(one)/\(two)/b"] }
        }.map { RemoteKey($0) }
        for _ in 0..<500 {
            let (include, exclude) = (random.number(0...2), random.number(0...3))
            let selection = try Selection(
                including: (0..<include).map { _ in random.pick(words) },
                excluding: (0..<exclude).map { _ in random.pick(words) })
            var judge = Selection.Judge(selection)
            for key in keys {
                for isFolder in [true, false] {
                    let match = selection.match(of: key, isFolder: isFolder)
                    #expect(judge.match(of: key, isFolder: isFolder) == match)
                    #expect(isFolder || match != .onTheWay)
                    guard match != .outside, let parent = key.parent else { continue }
                    #expect(
                        selection.match(of: parent, isFolder: true) != .outside, "\(selection): \(key) in \(parent)")
                }
            }
        }
    }

    @Test(
        "what is no pattern is refused with a reason",
        arguments: [
            ("", "empty"), ("a\0b", "NUL"), ("/", "names nothing"), ("!", "names nothing"), ("!/", "names nothing"),
            ("a//b", "between two slashes"), ("//", "names nothing"), ("[", "without its ]"), ("a/[b", "without its ]"),
            ("[]", "without its ]"), ("[a/b]", "without its ]"), ("[a\\", "without its ]"),
            ("a\\", "nothing behind it"),
            ("[z-a]", "holds nothing"), ("[[:nope:]]", "unknown class"), ("../a", "write the path"),
            ("./a", "write the path"), ("a/./b", "write the path"),
        ])
    func refused(pattern: String, reason: String) {
        do throws(PatternProblem) {
            _ = try SelectionPattern(pattern)
            Issue.record("accepted")
        } catch {
            #expect(error.description.contains(reason), "\(error)")
        }
    }

    @Test("the pattern that decides is named, with the folder that it is about")
    func reasons() throws {
        let selection = Selection(
            include: try ["/Team/", "/Own/*.txt"].map { try SelectionPattern($0) },
            exclude: try ["*.tmp", "/Team/Old/", "!keep.tmp"].map { try SelectionPattern($0) })
        func reason(_ key: String, isFolder: Bool = false) -> String {
            let reason = selection.reason(for: RemoteKey(key), isFolder: isFolder)
            let pattern = reason.list.map { "\($0) \(reason.index ?? -1)" } ?? "-"
            return "\(reason.match) by \(pattern) about \(reason.about)"
        }
        #expect(reason("/team/a.txt") == "selected by include 0 about /team")
        #expect(reason("/team/a.tmp") == "outside by exclude 0 about /team/a.tmp")
        #expect(reason("/team/keep.tmp") == "selected by include 0 about /team")
        #expect(reason("/team/old/x/y") == "outside by exclude 1 about /team/old")
        #expect(reason("/own/a.txt") == "selected by include 1 about /own/a.txt")
        #expect(reason("/own/a.md") == "outside by - about /own/a.md")
        #expect(reason("/own", isFolder: true) == "onTheWay by - about /own")
        #expect(Selection.everything.reason(for: RemoteKey("/a"), isFolder: false).list == nil)
    }
}
