import MirrorFS
import SyncModel
import TestSupport
import Testing

@testable import Engine

/// What the pull loop does next, as tables of events and actions: without a disk, a clock or a task.
///
/// Steps are in brackets; the machine answers them.
@Suite(.timeLimit(.minutes(5))) struct PullStateTests {
    @Test("nothing pending: one look, removals once, and the end")
    func nothing() {
        var pull = PullMachine()
        pull.on(.began, "[read window]", "[remove deleted]", "stop tasks", "finish")
    }

    @Test("no more fetches at a time than are allowed; the next one starts when one ends")
    func parallel() {
        var pull = PullMachine(parallel: 2)
        pull.windows = [.files(.test("/a"), .test("/b"), .test("/c"))]
        pull.on(
            .began, "[read window]", "[settle /a /b /c]", "read ahead", "download /a", "download /b",
            "listen in a while")
        pull.on(.readAhead(.empty, planGeneration: 0), "[read window after /c]", "[remove deleted]", "[read window]")
        pull.on(.fetched("/a"), "download /c", "tick")
        pull.on(.fetched("/b"))
        pull.on(.fetched("/c"), "publish /a /b /c")
        pull.on(.published("/a", "/b", "/c"), "stop tasks", "finish")
    }

    @Test("one batch at a time: what is ready waits for the one being published")
    func oneBatch() {
        var pull = PullMachine.downloading("/a", "/b", "/c", batch: 1)
        pull.on(.fetched("/a"), "publish /a")
        pull.on(.fetched("/b"))
        pull.on(.fetched("/c"))
        pull.on(.published("/a"), "publish /b")
        pull.on(.published("/b"), "publish /c")
    }

    @Test("finished files wait a moment for others, and no longer")
    func ticks() {
        var pull = PullMachine(parallel: 2, batch: 10)
        pull.windows = [.files(.test("/a"), .test("/b"))]
        pull.on(
            .began, "[read window]", "[settle /a /b]", "read ahead", "download /a", "download /b", "tick",
            "listen in a while")
        pull.on(.fetched("/a"))
        pull.on(.tick, "publish /a", "tick")
    }

    @Test("the next window is planned while files of this one arrive; a plan of before other paths is dropped")
    func ahead() {
        var pull = PullMachine(parallel: 1)
        pull.windows = [.files(.test("/a"), .test("/b"), .test("/c"))]
        pull.on(.began, "[read window]", "[settle /a /b /c]", "read ahead", "download /a", "listen in a while")
        guard case .planned(let plan) = WindowReader.Window.files(.test("/d"), .test("/e")) else { return }
        pull.on(.readAhead(.planned(plan), planGeneration: 0), "settle ahead")
        var stale = pull
        let settled = PlanSettler.Settled(last: plan.last, found: 2, placements: plan.placements)
        pull.on(.settledAhead(settled, planGeneration: 0), "read ahead")
        stale.on(.changed("/x"), "reset line budget", "[read wanted /a /b /c]")
        stale.on(.settledAhead(settled, planGeneration: 0), "[plan changes /x]", "[remove deleted]")
    }

    // MARK: What stands already

    @Test("what may stand already is hashed in a batch beside the downloads, and fetched if it is wrong")
    func adopts() {
        var pull = PullMachine(parallel: 1)
        pull.windows = [.files(.test("/a"), .test("/b"), .test("/c"), .test("/d"))]
        pull.standing = ["/a", "/b", "/d"]
        pull.on(
            .began, "[read window]", "[settle /a /b /c /d]", "read ahead", "adopt /a /b /d", "download /c", "tick",
            "listen in a while")
        pull.on(.readAhead(.empty, planGeneration: 0), "[read window after /d]", "[remove deleted]", "[read window]")
        pull.on(.adopted("/a", "/b", others: ["/d"]))
        pull.on(.fetched("/c"), "fetch /d")
        pull.on(.fetched("/d"), "publish /a /b /c /d")
        pull.on(.published("/a", "/b", "/c", "/d"), "stop tasks", "finish")
    }

    @Test("what is adopted goes on record in larger batches than what has effects") func adoptsManyAtOnce() {
        var pull = PullMachine.downloading("/a", "/b", "/c", "/d", batch: 2)
        pull.on(.fetched("/a"))
        pull.on(.fetched("/b"), "publish /a /b")
        pull.on(.fetched("/c"))
        pull.on(.adopted("/1", "/2", "/3", "/4", "/5"))
        pull.on(.fetched("/d"))
        pull.on(.adopted("/6", "/7", "/8", "/9"))
        pull.on(.published("/a", "/b"), "publish /c /1 /2 /3 /4 /5 /d /6")
        pull.on(.published("/c", "/1", "/2", "/3", "/4", "/5", "/d", "/6"), "publish /7 /8 /9")
    }

    @Test("what is adopted by a plan of before changes is planned again") func adoptedTooLate() {
        var pull = PullMachine(parallel: 1)
        pull.windows = [.files(.test("/a"), .test("/b"))]
        pull.standing = ["/a", "/b"]
        pull.on(
            .began, "[read window]", "[settle /a /b]", "adopt /a /b", "[read window after /b]", "tick",
            "[remove deleted]", "[read window]", "listen in a while")
        var stale = pull
        pull.on(.adopted("/a", "/b"), "publish /a /b")
        stale.on(.changed("/x"), "reset line budget", "[plan changes /x]", "[read window]", "[remove deleted]")
        stale.windows = [.files(.test("/a"), .test("/b"))]
        stale.on(.adopted("/a", "/b"), "[read window]", "[settle /a /b]", "adopt /a /b", "[read window after /b]")
    }

    @Test("a large file, and what can be moved, is got ready by itself") func noBatch() {
        #expect(AdoptionQueue.takes(.test("/a", size: 4 << 20)))
        #expect(!AdoptionQueue.takes(.large("/a")))
        #expect(!AdoptionQueue.takes(.test("/a", movedFrom: "/b")))
    }

    @Test("a batch ends with its files or its bytes, and only so many are hashed at a time") func batches() {
        var queue = AdoptionQueue()
        queue.append((0..<1000).map { .test("/\($0)") })
        #expect(queue.start()?.count == 64)
        var begun = 1
        while queue.start() != nil { begun += 1 }
        #expect(begun == 8)
        queue.finished()
        #expect(queue.start()?.first?.key == RemoteKey("/512"))
        #expect(queue.keep { $0.key.text != "/999" } == [RemoteKey("/999")])
        #expect(queue.removeAll().count == 423)
        queue.finished()
        queue.append((0..<9).map { .test("/\($0)", size: 1 << 20) })
        #expect(queue.start()?.count == 4)
    }

    // MARK: Precedence

    @Test("changed keys are planned before what else is pending")
    func changesFirst() {
        var pull = PullMachine(changed: ["/x/new"])
        pull.changes = [.files(.test("/x/new"))]
        pull.on(
            .began, "[plan changes /x /x/new]", "[settle /x/new]", "[read window]", "download /x/new",
            "[remove deleted]", "[prune]", "listen in a while")
    }

    @Test("a small changed file does not wait for large ones, a large one does")
    func smallBeforeLarge() {
        var pull = PullMachine(parallel: 2)
        pull.windows = [.files(.large("/a"), .large("/b"))]
        pull.on(
            .began, "[read window]", "[settle /a /b]", "read ahead", "fetch /a", "fetch /b", "tick", "listen in a while"
        )
        pull.on(
            .readAhead(.empty, planGeneration: 0), "[read window after /b]", "[remove deleted]", "[read window]",
            "[prune]")
        pull.on(.wokenUp(.changed), "[read retries]", "read changes")
        pull.changes = [.files(.large("/l"), .test("/s"))]
        pull.on(
            .changed("/l", "/s"), "reset line budget", "[read wanted /a /b]", "[plan changes /l /s]", "[settle /l /s]",
            "[read window]", "download /s", "[remove deleted]", "listen")
        pull.on(.fetched("/s"))
    }

    @Test("a fetch that is no longer wanted is cancelled, and its part file removed")
    func superseded() {
        var pull = PullMachine(parallel: 1)
        pull.windows = [.files(.large("/a"))]
        pull.on(.began, "[read window]", "[settle /a]", "read ahead", "fetch /a", "tick", "listen in a while")
        pull.on(
            .readAhead(.empty, planGeneration: 0), "[read window after /a]", "[remove deleted]", "[read window]",
            "[prune]")
        pull.unwanted = [RemoteKey("/a")]
        pull.on(
            .changed("/b"), "reset line budget", "[read wanted /a]", "cancel /a", "[plan changes /b]", "[read window]",
            "[remove deleted]", "[prune]")
        pull.on(.failed("/a", .superseded), "[discard part of /a]", "[read window]", "stop tasks", "finish")
    }

    // MARK: Paths

    @Test("paths change only when nothing is being published, and what was fetched meanwhile is planned again")
    func pathsChange() {
        var pull = PullMachine.downloading("/a", "/b", "/c", batch: 1)
        pull.on(.fetched("/a"), "publish /a")
        pull.changes = [.blocked("/x"), .blocked("/x"), .files(.test("/x/y"))]
        pull.on(.changed("/x"), "reset line budget", "[read wanted /b /c]", "[plan changes /x]")
        pull.on(.fetched("/b"), "[confirm /b]", "[discard part of /b]")
        pull.on(
            .published("/a"), "[plan changes /x]", "[apply clear /x (0)]", "[plan changes /x]", "[settle /x/y]",
            "[read window]", "download /x/y", "[remove deleted]", "[prune]")
    }

    @Test("changed keys that something stands in the way of are read again as soon as it is gone")
    func blockedChanges() {
        var pull = PullMachine(changed: ["/a"])
        pull.changes = [.blocked("/a"), .files(.test("/a"))]
        pull.on(
            .began, "[plan changes /a]", "[apply clear /a (0)]", "[plan changes /a]", "[settle /a]", "[read window]",
            "download /a", "[remove deleted]", "[prune]", "listen in a while")
    }

    // MARK: Removals

    @Test("removals wait for files that may be moved from there")
    func removalsAfterMoves() {
        var pull = PullMachine(changed: ["/new"], deleted: ["/old", "/old/x"])
        pull.changes = [.files(.test("/new", movedFrom: "/old/x"))]
        pull.on(.began, "[plan changes /new]", "[settle /new]", "[read window]", "fetch /new", "listen in a while")
        pull.on(.fetched("/new"), "publish /new")
        pull.on(.published("/new"), "[remove deleted /old]", "stop tasks", "finish")
    }

    @Test("nothing is removed while changes are being read, and what is incomplete stays due")
    func removalsAfterReading() {
        var pull = PullMachine(parallel: 1, deleted: ["/old"])
        pull.windows = [.files(.large("/a"))]
        pull.isComplete = false
        pull.on(.began, "[read window]", "[settle /a]", "read ahead", "fetch /a", "tick", "listen in a while")
        pull.on(.readAhead(.empty, planGeneration: 0), "[read window after /a]", "[remove deleted /old]")
        pull.on(
            .wokenUp(.interval), "[read retries]", "[read window]", "[remove deleted /old]", "[prune]", "read changes")
        pull.on(.tick)
        pull.isComplete = true
        pull.on(.changesRead(ChangedKeys(), .success(9)), "[remove deleted /old]", "[prune]", "listen")
    }

    @Test("nothing is removed during a first listing, and what its last page took back is cancelled before")
    func listing() {
        var pull = PullMachine(parallel: 1, isListing: true)
        pull.windows = [.files(.large("/a"))]
        pull.on(.began, "[read window]", "[settle /a]", "read ahead", "fetch /a", "watch listing")
        pull.on(.readAhead(.empty, planGeneration: 0), "[read window after /a]")
        pull.on(.pageRecorded(isLast: false), "[read window]", "watch listing")
        pull.unwanted = [RemoteKey("/a")]
        pull.on(
            .pageRecorded(isLast: true), "[read wanted /a]", "cancel /a", "[read window]", "[remove deleted]",
            "[prune]", "listen in a while")
    }

    // MARK: Failures

    @Test("an expired cursor: what is ready is published, then the account is listed anew")
    func expired() {
        var pull = PullMachine(parallel: 2, batch: 8)
        pull.windows = [.files(.test("/a"), .test("/b"))]
        pull.on(
            .began, "[read window]", "[settle /a /b]", "read ahead", "download /a", "download /b", "tick",
            "listen in a while")
        pull.on(.fetched("/a"))
        pull.on(.changesRead(ChangedKeys(), .failure(EngineError(.cursorReset, "expired"))), "publish /a")
        pull.on(.published("/a"), "stop tasks", "finish: list anew")
    }

    @Test("changes that cannot be read hold up no download; what nothing cures ends the pass")
    func readFailures() {
        var pull = PullMachine(parallel: 1)
        pull.windows = [.files(.test("/a"))]
        pull.on(.began, "[read window]", "[settle /a]", "read ahead", "download /a", "tick", "listen in a while")
        pull.on(
            .changesRead(ChangedKeys(), .failure(EngineError(.unreachable, "away"))), "reset line budget",
            "[note: away]", "[read wanted /a]")
        pull.on(.changesRead(ChangedKeys(), .failure(EngineError(.fatal, "damaged"))), "fail: damaged")
    }

    @Test("downloads that fail one after the other end the pass; one that arrives puts the blame on them")
    func unreachable() {
        var pull = PullMachine.downloading("/a", "/b")
        pull.on(.failed("/a", .unreachable(why: "away")))
        var other = pull
        pull.on(
            .failed("/b", .unreachable(why: "away")), "stop tasks", "[commit delayed /a, delayed /b]",
            "fail: 2 downloads in a row failed, the last one: away")
        other.on(.arrived([.test("/z")]), "[commit failed /a]")
    }

    @Test("what finds no room is tried alone, smallest first, and fails alone if others find some")
    func noRoom() {
        let why = MirrorError(code: .lowOnSpace, message: "full")
        var pull = PullMachine(parallel: 2)
        pull.windows = [.files(.test("/a", size: 9), .test("/b", size: 5))]
        pull.on(
            .began, "[read window]", "[settle /a /b]", "read ahead", "download /a", "download /b", "tick",
            "listen in a while")
        pull.on(
            .readAhead(.empty, planGeneration: 0), "[read window after /b]", "[remove deleted]", "[read window]",
            "[prune]")
        pull.on(.failed("/a", .noRoom(why, bytes: 9)))
        pull.on(.failed("/b", .noRoom(why, bytes: 5)), "[make room for /b]", "fetch /b")
        var full = pull
        full.hasRoomForOthers = false
        pull.on(
            .failed("/b", .noRoom(why, bytes: 5)), "[ask for room]", "[commit failed /b, failed /a]", "stop tasks",
            "finish"
        )
        full.on(.failed("/b", .noRoom(why, bytes: 5)), "[ask for room]", "fail: /b full")
    }

    @Test("an export that does not fit alone says nothing of larger files, and is not tried for ever")
    func noRoomForExport() {
        let why = MirrorError(code: .lowOnSpace, message: "full")
        var pull = PullMachine(parallel: 2)
        pull.windows = [.files(.testExport("/e"), .test("/f", size: 9))]
        pull.on(
            .began, "[read window]", "[settle /e /f]", "read ahead", "fetch /e", "download /f", "tick",
            "listen in a while")
        pull.on(
            .readAhead(.empty, planGeneration: 0), "[read window after /f]", "[remove deleted]", "[read window]",
            "[prune]")
        pull.on(.failed("/e", .noRoom(why, bytes: 1)))
        pull.on(.failed("/f", .noRoom(why, bytes: 9)), "[make room for /e]", "fetch /e")
        pull.on(.failed("/e", .noRoom(why, bytes: 2)), "[make room for /f]", "fetch /f")
        var full = pull
        pull.on(.fetched("/f"), "publish /f")
        full.hasRoom = false
        full.on(
            .failed("/f", .noRoom(why, bytes: 9)), "[ask for room]", "[commit failed /f, failed /e]", "stop tasks",
            "finish"
        )
        pull.on(.published("/f"), "[ask for room]", "[commit failed /e]", "stop tasks", "finish")
    }

    // MARK: Zips

    @Test("a folder of many small files comes as one zip; what it has not brought is fetched singly")
    func zips() {
        let files = (0..<3).map { Placement.test("/f/\($0)") }
        var pull = PullMachine(parallel: 2, zips: ZipGrouping(leastFiles: 3))
        pull.windows = [.files(files[0], files[1], files[2])]
        pull.on(
            .began, "[read window]", "[settle /f/0 /f/1 /f/2]", "[read window after /f/2]", "[read extents of /f]",
            "fetch zip of /f (3)", "tick", "[remove deleted]", "[read window]", "[prune]", "listen in a while")
        pull.on(.unzipped(.init(placements: [files[1]], planGeneration: 0, nothingArrived: false)), "download /f/1")
    }
}
