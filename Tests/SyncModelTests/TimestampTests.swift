import SyncModel
import TestSupport
import Testing

@Suite(.timeLimit(.minutes(5)))
struct BackoffTests {
    @Test("waits double from 15 s up to an hour, of which chance takes at most half") func doubling() {
        #expect(
            (1...10).map { Backoff.item.delay(failures: $0, jitter: 0).inSeconds } == [
                15, 30, 60, 120, 240, 480, 960, 1920, 3600, 3600,
            ])
        #expect(Backoff.item.delay(failures: 1, jitter: 1) == .milliseconds(7500))
        #expect(Backoff.item.delay(failures: 1, jitter: 1).inSeconds == 7.5)
        #expect(Backoff.item.delay(failures: 99, jitter: 1) == .seconds(1800))
        #expect(
            (1...8).map { Backoff.everything.delay(failures: $0, jitter: 0).inSeconds } == [
                5, 10, 20, 40, 80, 160, 300, 300,
            ])
    }

    @Test("absurd counts do not overflow", arguments: [-1, 0, 1_000, Int.max]) func extremes(attempts: Int) {
        let delay = Backoff.item.delay(failures: attempts, jitter: 0.5)
        #expect(delay > .zero && delay <= Backoff.item.longest)
    }
}

@Suite(.timeLimit(.minutes(5)))
struct TimestampTests {
    @Test("timestamps are ordered by time, before 1970 too") func timestamps() {
        let times = [5, -5, 0, 1_700_000_000].map { Timestamp(seconds: $0) }
        #expect(times.sorted().map(\.seconds) == [-5, 0, 5, 1_700_000_000])
    }

    @Test("sums and differences stop at what 64 bits hold") func saturation() {
        let now = Timestamp(seconds: 1_700_000_000)
        let end = Timestamp(seconds: .max)
        #expect((now + 5).seconds == 1_700_000_005 && (now - 5).seconds == 1_699_999_995)
        #expect(end + 1 == end && end - -1 == end && Timestamp.epoch - .min == end)
        #expect(Timestamp.distantPast - 1 == .distantPast && Timestamp.distantPast + -1 == .distantPast)
        #expect(now.seconds(since: now - 5) == 5 && now.seconds(since: now + 5) == -5)
        #expect(end.seconds(since: .distantPast) == .max && Timestamp.distantPast.seconds(since: end) == .min)
        #expect(Timestamp.epoch.seconds(since: .distantPast) == .max)
    }

    @Test("nanoseconds are those that 64 bits hold") func nanoseconds() {
        #expect(Timestamp(seconds: -5).nanoseconds == -5_000_000_000)
        #expect(Timestamp(seconds: 9_223_372_036).nanoseconds == 9_223_372_036_000_000_000)
        #expect(Timestamp(seconds: 9_223_372_037).nanoseconds == nil)
        #expect(Timestamp(seconds: -62_135_596_800).nanoseconds == nil)
    }

    @Test("what stands satisfies a want of the same name, kind and version only") func satisfies() throws {
        let same = try TreeText("a=1").entries[0]
        guard case .file(let name, let version) = same.node else { return }
        let print = Fingerprint(inode: 1, size: 1, modifiedNanoseconds: 0)
        let have = LocalNode.file(name: name, version, print)
        #expect(have.satisfies(same.node))
        for other in ["A=1", "a=2", "a=1@other", "a=1%9", "a/", "a!"] {
            #expect(try !have.satisfies(TreeText(other).entries[0].node), "\(other)")
        }
        let folder = LocalNode.folder(name: name, inode: 3)
        #expect(try folder.satisfies(TreeText("a/").entries[0].node))
        for other in ["A/", "a=1", "a!"] {
            #expect(try !folder.satisfies(TreeText(other).entries[0].node), "\(other)")
        }
    }

    @Test("same content is size and hash, whatever revision and time") func sameContent() throws {
        func version(_ text: String) throws -> FileVersion {
            guard case .file(_, let version) = try TreeText("a=" + text).entries[0].node else {
                throw CancellationError()
            }
            return version
        }
        #expect(try version("1").sameContent(as: version("1@x%3")))
        #expect(try !version("1").sameContent(as: version("2")))
    }

    @Test("every reason and every operation has words") func words() throws {
        let reasons: [Unavailable] = [
            .notDownloadable, .symbolicLink(SymbolicLink(target: "/etc/passwd", rev: Rev("1"), modified: 0), nil),
            .noContentHash, .noAccess, .nulInName,
        ]
        #expect(Set(reasons.map(\.description)).count == 5)
        let fixture = try PlannerFixture(have: "a/ a/x=1 b=2", want: "a=3 c/ B=2")
        let operations =
            Planner.clearing(fixture.window) + Planner.placing(fixture.window, candidates: fixture.candidates)
            + Planner.pruning(fixture.window)
        #expect(
            operations.map(\.description) == [
                "clear /a (2)", "rename b -> B", "place a (1 bytes) <- download", "update metadata b", "make folder c",
                "remove file a/x",
            ])
        #expect(operations.map(\.key.text) == ["/a", "/b", "/a", "/b", "/c", "/a/x"])
    }
}
