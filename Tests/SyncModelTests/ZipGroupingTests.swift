import SyncModel
import Testing

/// Which folders come as a zip, and which file an entry of a zip is.
@Suite(.timeLimit(.minutes(5)))
struct ZipGroupingTests {
    private static let rules = ZipGrouping(leastFiles: 3)

    private static func placement(_ path: String, size: Int64 = 100) throws -> Placement {
        let place = try path.pathComponents.reduce(MirrorPath.root) { try $0.appending(FileName($1)) }
        let version = FileVersion(rev: Rev("a"), size: size, hash: .empty, modified: Timestamp(seconds: 0))
        return Placement(
            key: RemoteKey("/" + path.lowercased()), path: place, version: version, replacing: nil,
            sources: [.download])
    }

    private static func placements(_ paths: String, size: Int64 = 100) throws -> [Placement] {
        try paths.split(separator: " ").map { try placement(String($0), size: size) }
    }

    /// What `wanted` comes to when it is all there is, with `more` in some folders.
    private static func divide(
        _ wanted: [Placement], entries: Int? = nil, more: [String: SubtreeExtent] = [:], unknown: Set<String> = []
    ) -> (groups: [String: Int], rest: [String]) {
        var extents: [RemoteKey: SubtreeExtent] = [:]
        for key in rules.candidates(in: wanted) where !unknown.contains(key.text) {
            let below = wanted.filter { key.contains($0.key) }
            var extent = SubtreeExtent(
                entries: entries ?? below.count, files: below.count,
                bytes: below.reduce(0) { $0 + $1.version.size })
            if let more = more[key.text] {
                extent.entries += more.entries
                extent.files += more.files
                extent.bytes += more.bytes
            }
            extents[key] = extent
        }
        let (groups, rest) = rules.divide(wanted, extents: extents)
        return (
            Dictionary(uniqueKeysWithValues: groups.map { ($0.folder.text, $0.placements.count) }),
            rest.map(\.key.text)
        )
    }

    @Test("the topmost folder that qualifies is taken, never the mirrored folder itself")
    func topmost() throws {
        let wanted = try Self.placements("a/1 a/2 a/b/3 a/b/4 a/b/5 c/6 7 8 9")
        #expect(Self.rules.candidates(in: wanted).map(\.text) == ["/a", "/a/b"])
        let (groups, rest) = Self.divide(wanted)
        #expect(groups == ["/a": 5])
        #expect(rest == ["/c/6", "/7", "/8", "/9"])
    }

    @Test("a folder that is too large gives way to those in it")
    func tooLarge() throws {
        let wanted = try Self.placements("a/1 a/2 a/b/3 a/b/4 a/b/5 a/c/6 a/c/7 a/c/8")
        let (groups, rest) = Self.divide(wanted, unknown: ["/a"])
        #expect(groups == ["/a/b": 3, "/a/c": 3])
        #expect(rest == ["/a/1", "/a/2"])
    }

    @Test(
        "few files, many entries, large files and what is not wanted keep a folder from coming as a zip",
        arguments: [
            ("a/1 a/2", 100, nil, nil, false), ("a/1 a/2 a/3", 100, nil, nil, true),
            ("a/1 a/2 a/3", 100, 9_998, nil, true), ("a/1 a/2 a/3", 100, 9_999, nil, false),
            ("a/1 a/2 a/3", 65_536, nil, nil, true), ("a/1 a/2 a/3", 65_537, nil, nil, false),
            // Wanted are 3 x (1,000 + 512) bytes: a quarter of them may be in vain.
            ("a/1 a/2 a/3", 1_000, nil, SubtreeExtent(entries: 1, files: 1, bytes: 622), true),
            ("a/1 a/2 a/3", 1_000, nil, SubtreeExtent(entries: 1, files: 1, bytes: 623), false),
            ("a/1 a/2 a/3", 1_000, nil, SubtreeExtent(entries: 2, files: 2, bytes: 200), false),
            ("a/1 a/2 a/3", 1_000, nil, SubtreeExtent(entries: 50, files: 0, bytes: 0), true),
        ] as [(String, Int64, Int?, SubtreeExtent?, Bool)])
    func limits(paths: String, size: Int64, entries: Int?, more: SubtreeExtent?, pays: Bool) throws {
        let wanted = try Self.placements(paths, size: size)
        let (groups, _) = Self.divide(wanted, entries: entries, more: more.map { ["/a": $0] } ?? [:])
        #expect(!groups.isEmpty == pays)
    }

    private static func names() throws -> (names: ZipNames, group: ZipGroup) {
        let paths = ["Top/Sub/Plan.txt", "Top/Sub/deep/Büro", "Top/Sub/twin", "Top/Sub/cafe\u{301}"]
        let group = ZipGroup(folder: RemoteKey("/top/sub"), placements: try paths.map { try placement($0) })
        return (ZipNames(group), group)
    }

    @Test(
        "entries are found by their paths, exactly or but for case and normal form",
        arguments: [
            ("Sub/Plan.txt", 0), ("Anything/Plan.txt", 0), ("Sub/PLAN.TXT", 0), ("Sub/deep/Büro", 1),
            ("Sub/DEEP/BÜRO", 1), ("Sub/deep/Bu\u{308}ro", 1), ("Sub/caf\u{E9}", 3), ("Plan.txt", nil),
            ("Sub/deep/Plan.txt", nil), ("Sub/other", nil), ("Sub/", nil), ("", nil), ("/", nil),
        ] as [(String, Int?)])
    func found(path: String, number: Int?) throws {
        #expect(try Self.names().names.number(of: path) == number)
    }

    @Test("a name with the same bytes goes before one that differs in case")
    func exactFirst() throws {
        let group = ZipGroup(
            folder: RemoteKey("/a"), placements: [try Self.placement("a/X"), try Self.placement("a/x")])
        #expect(ZipNames(group).number(of: "a/X") == 0)
        #expect(ZipNames(group).number(of: "a/x") == 1)
    }

    @Test("what was found is not found again, and is not missing")
    func taken() throws {
        var (names, group) = try Self.names()
        names.found(1)
        #expect(names.number(of: "Sub/deep/Büro") == nil)
        #expect(names.missing == [0, 2, 3].map { group.placements[$0] })
    }
}
