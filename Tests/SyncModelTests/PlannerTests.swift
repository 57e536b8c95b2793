import SyncModel
import Testing

/// Plans, as tables: what stands, what is wanted, what is to be done in which order.
@Suite(.timeLimit(.minutes(5)))
struct PlannerTests {
    struct Case: CustomTestStringConvertible, Sendable {
        var about: String
        var have = ""
        var want = ""
        var clearing: [String] = []
        var placing: [String] = []
        var pruning: [String] = []

        var testDescription: String { about }
    }

    private static let additions = [
        Case(
            about: "folders before what is in them, in order of keys", want: "b/ b/x=1 a/ a/c/ a/c/y=2",
            placing: [
                "make folder a", "make folder a/c", "place a/c/y <- download", "make folder b", "place b/x <- download",
            ]),
        Case(
            about: "an equal tree needs nothing", have: "a/ a/x=1", want: "a/ a/x=1"),
        Case(
            about: "new content replaces the old", have: "x=1", want: "x=2", placing: ["place x <- download"]),
        Case(
            about: "a new revision of the same content is no download", have: "x=1", want: "x=1@r9",
            placing: ["update metadata x"]),
        Case(
            about: "a new time of the same content is no download", have: "x=1", want: "x=1%7",
            placing: ["update metadata x"]),
        Case(
            about: "something that cannot be downloaded is parked", want: "a! b=1",
            placing: ["park /a", "place b <- download"]),
        Case(
            about: "what is below a folder that cannot be mirrored is parked with it", want: "a! a/x=1 a/b/ a/b/y=2",
            placing: ["park /a", "park /a/b", "park /a/b/y", "park /a/x"]),
        Case(
            about: "dbxsync's own name at the top is parked, elsewhere it is a name",
            want: ".dbxsync/ .dbxsync/x=1 a/ a/.dbxsync=2",
            placing: ["park /.dbxsync", "park /.dbxsync/x", "make folder a", "place a/.dbxsync <- download"]),
    ]

    private static let removals = [
        Case(
            about: "files first, then folders from the deepest up", have: "a/ a/b/ a/b/x=1 a/y=2",
            pruning: ["remove file a/b/x", "remove file a/y", "remove folder a/b", "remove folder a"]),
        Case(
            about: "removals are no business of placing, additions none of pruning", have: "a=1", want: "b=2",
            placing: ["place b <- download"], pruning: ["remove file a"]),
    ]

    private static let moves = [
        Case(
            about: "a renamed file is moved", have: "a=1", want: "b=1", placing: ["place b <- move a | download"],
            pruning: ["remove file a"]),
        Case(
            about: "a renamed folder is moved file by file", have: "a/ a/x=1 a/y=2", want: "b/ b/x=1@s b/y=2@s",
            placing: ["make folder b", "place b/x <- move a/x | download", "place b/y <- move a/y | download"],
            pruning: ["remove file a/x", "remove file a/y", "remove folder a"]),
        Case(
            about: "a copied file is copied", have: "a=1", want: "a=1 b=1", placing: ["place b <- copy a | download"]),
        Case(
            about: "one leaving file is given away once, the others copy nothing that leaves under them",
            have: "a=1 c=1", want: "c=1 d=1 e=1",
            placing: ["place d <- move a | download", "place e <- copy c | download"], pruning: ["remove file a"]),
        Case(
            about: "more places than leaving files: the others copy what is moved, from where it was or will be",
            have: "a=1 b=1", want: "c=1 d=1 e=1 f=1",
            placing: [
                "place c <- move a | download", "place d <- move b | download", "place e <- copy a | copy c | download",
                "place f <- copy a | copy c | download",
            ], pruning: ["remove file a", "remove file b"]),
        Case(
            about: "a leaving file that is copied once is moved away no more", have: "a=1%5", want: "b=1%6 c=1%5",
            placing: ["place b <- copy a | download", "place c <- copy a | download"], pruning: ["remove file a"]),
        Case(
            about: "a leaving file of another time is copied, not moved", have: "a=1%5", want: "b=1%6",
            placing: ["place b <- copy a | download"], pruning: ["remove file a"]),
        Case(
            about: "swapped contents come from each other", have: "a=1 b=2", want: "a=2 b=1",
            placing: ["place a <- copy b | download", "place b <- copy a | download"]),
        Case(
            about: "a folder moved into its former sibling", have: "a/ a/x=1 b/", want: "b/ b/a/ b/a/x=1",
            placing: ["make folder b/a", "place b/a/x <- move a/x | download"],
            pruning: ["remove file a/x", "remove folder a"]),
        Case(
            about: "a file under another case of its folder is the same file", have: "a/ a/x=1", want: "A/ A/x=1",
            clearing: ["rename a -> A"], placing: []),
    ]

    private static let clearings = [
        Case(
            about: "a folder that becomes a file goes first, deepest first", have: "a/ a/b/ a/b/x=1 a/y=2",
            want: "a=3", clearing: ["clear /a: a/y a/b/x a/b a"],
            placing: ["place a <- download"],
            pruning: ["remove file a/b/x", "remove file a/y", "remove folder a/b"]),
        Case(
            about: "a file that becomes a folder goes first", have: "a=1", want: "a/ a/x=2",
            clearing: ["clear /a: a"], placing: ["make folder a", "place a/x <- download"]),
        Case(
            about: "what can no longer be downloaded goes, an old version would pass for it", have: "a=1 b/ b/x=2",
            want: "a! b!", clearing: ["clear /a: a", "clear /b: b/x b"], placing: ["park /a", "park /b"],
            pruning: ["remove file b/x"]),
        Case(
            about: "a file's case is renamed", have: "Readme=1", want: "README=1", clearing: ["rename Readme -> README"]
        ),
        Case(
            about: "below a folder that is renamed nothing is planned before the next look",
            have: "a/ a/b/ a/b/c=1 a/f/ a/f/g=1", want: "A/ A/B/ A/B/C=1 A/F=2",
            clearing: ["rename a -> A"],
            placing: ["place a/F <- download"],
            pruning: ["remove file a/f/g"]),
        Case(
            about: "beside a folder that is renamed others are", have: "a/ b/ b/x=1", want: "A/ b/ b/X=1",
            clearing: ["rename a -> A", "rename b/x -> b/X"]),
        Case(
            about: "a new case and new content at once: the name first", have: "a=1", want: "A=2",
            clearing: ["rename a -> A"], placing: ["place A <- download"]),
    ]

    @Test("the plan for", arguments: additions + removals + moves + clearings)
    func plan(of test: Case) throws {
        let fixture = try PlannerFixture(have: test.have, want: test.want)
        let window = fixture.window
        #expect(Planner.clearing(window).map(\.brief) == test.clearing)
        #expect(Planner.pruning(window).map(\.brief) == test.pruning)
        if test.clearing.isEmpty {
            #expect(Planner.placing(window, candidates: fixture.candidates).map(\.brief) == test.placing)
        }
    }

    @Test("after clearing the rest is planned on what stands then") func afterClearing() throws {
        let fixture = try PlannerFixture(have: "A/ A/b/ A/b/c=1 A/f/ A/f/g=1", want: "A/ A/B/ A/B/C=1 A/F=2")
        #expect(
            Planner.clearing(fixture.window).map(\.brief) == [
                "rename A/b -> A/B", "clear /a/f: A/f/g A/f",
            ])
    }

    @Test("what is too much to clear at once goes by and by, the folder itself last") func byAndBy() throws {
        let fixture = try PlannerFixture(have: "a/ a/x=1 a/y=1 b/ b/z=1", want: "a=3 b=3")
        var window = fixture.window.filter { $0.want != nil }
        window[0].below.removeLast()
        window[0].hasMoreBelow = true
        window[1].below = []
        window[1].hasMoreBelow = true
        #expect(Planner.clearing(window).map(\.brief) == ["clear /a: a/y"])
    }

    @Test("a child of a folder that could not be made waits for it") func waiting() throws {
        let fixture = try PlannerFixture(have: "", want: "a/ a/x=1")
        let onlyChild = fixture.window.filter { $0.key == RemoteKey("/a/x") }
        #expect(Planner.placing(onlyChild, candidates: ReuseIndex()).map(\.brief) == ["wait /a/x: for /a"])
    }

    @Test("a pending key that is as wanted is settled, in placing and in pruning") func settled() throws {
        let fixture = try PlannerFixture(have: "a=1", want: "a=1")
        let entry = try #require(fixture.have[RemoteKey("/a")])
        let equal = PendingItem(
            key: entry.key, want: fixture.want[entry.key], entry: entry, below: [], parent: .stands(.root)
        )
        #expect(Planner.placing([equal], candidates: ReuseIndex()) == [.upToDate(entry.key)])
        let nothing = PendingItem(
            key: entry.key, want: nil, entry: nil, below: [], parent: .stands(.root))
        #expect(Planner.pruning([nothing]) == [.forgetHave(entry.key)])
        #expect(Planner.placing([nothing], candidates: ReuseIndex()) == [])
        #expect(Planner.pruning([equal]) == [])
    }

    @Test("what an earlier plan moves is not moved again, it is copied from where it was or will be") func moving()
        throws
    {
        let fixture = try PlannerFixture(have: "a=1", want: "b=1")
        let candidate = try #require(fixture.have[RemoteKey("/a")])
        let target = LocalEntry(
            key: RemoteKey("/z"), path: try MirrorPath.root.appending(FileName("z")), node: candidate.node)
        let plan = Planner.placing(fixture.window, candidates: fixture.candidates, moving: [candidate.key: target])
        #expect(plan.map(\.brief) == ["place b <- copy a | copy z | download"])
    }

    @Test("a name of 256 bytes is parked with the reason") func longName() throws {
        let name = String(repeating: "n", count: 256)
        let fixture = try PlannerFixture(have: "", want: name + "=1")
        guard case .park(_, let reason)? = Planner.placing(fixture.window, candidates: ReuseIndex()).first else {
            Issue.record("not parked")
            return
        }
        #expect(reason.contains("256 bytes"))
    }

    @Test("a donor of the right hash and the wrong size gives nothing") func wrongSize() throws {
        let fixture = try PlannerFixture(have: "a=1", want: "b=1")
        guard
            var version = fixture.window.compactMap({ item -> FileVersion? in
                if case .file(_, let version)? = item.want { version } else { nil }
            }).first
        else { return }
        version.size += 1
        let item = PendingItem(
            key: RemoteKey("/b"), want: .file(name: FileName("b"), version), entry: nil, below: [],
            parent: .stands(.root))
        #expect(Planner.placing([item], candidates: fixture.candidates).map(\.brief) == ["place b <- download"])
    }
}
