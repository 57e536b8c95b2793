import Glibc
import Store
import TestSupport
import Testing

@testable import dbxsync

/// When a batch has settled, and where a command stands.
@Suite(.timeLimit(.minutes(5)))
struct FeedTests {
    private let start = ContinuousClock.now

    private func marks(_ first: Int64?, _ last: Int64, settled: Int64?) -> HistoryMarks {
        HistoryMarks(first: first, last: last, settled: settled)
    }

    @Test("a batch is what passes have ended with, once nothing has changed for a while")
    func settling() {
        var settling = Settling(settle: .seconds(5))
        func look(_ marks: HistoryMarks, after: Int64, _ seconds: Int) -> Int64? {
            settling.look(marks, after: after, now: start + .seconds(seconds))
        }
        #expect(look(marks(11, 12, settled: nil), after: 10, 0) == nil && settling.isWaiting)
        #expect(look(marks(11, 13, settled: 13), after: 10, 60) == nil)
        #expect(look(marks(11, 13, settled: 13), after: 10, 64) == nil)
        #expect(look(marks(11, 14, settled: 13), after: 10, 64) == nil)
        // The pass that has begun may never end.
        #expect(look(marks(11, 14, settled: 13), after: 10, 69) == 13)
        #expect(look(marks(11, 14, settled: 13), after: 13, 70) == nil)
        #expect(settling.isWaiting)
        #expect(look(marks(11, 15, settled: 15), after: 15, 71) == nil)
        #expect(!settling.isWaiting)
    }

    @Test("a command that has never run begins after what is there, but not within a pass")
    func beginning() {
        #expect(marks(nil, 1000, settled: nil).beginning == 1000)
        #expect(marks(1001, 1005, settled: 1004).beginning == 1004)
        #expect(marks(1001, 1005, settled: nil).beginning == 1000)
    }

    @Test("rows that are gone are noticed, where any are known to have been there")
    func dropped() {
        #expect(marks(11, 20, settled: 20).dropped(after: 10) == nil)
        #expect(marks(12, 20, settled: 20).dropped(after: 10) == 11...11)
        #expect(marks(nil, 20, settled: nil).dropped(after: 10) == 11...20)
        #expect(marks(nil, 20, settled: nil).dropped(after: 20) == nil)
        #expect(marks(1001, 1005, settled: 1005).dropped(after: 0) == nil)
    }

    @Test("the position lasts, with the batch that was begun")
    func position() throws {
        let folder = try TemporaryFolder()
        #expect(try FeedPosition.read(folder("p")) == nil)
        for position in [FeedPosition(after: 5), FeedPosition(after: 5, upto: 9), FeedPosition(after: 0)] {
            try position.write(folder("p"))
            #expect(try FeedPosition.read(folder("p")) == position)
        }
    }

    @Test(
        "a position that makes no sense is refused",
        arguments: ["", "{}", "{\"after\": -1}", "{\"after\": 5, \"upto\": 5}", "{\"after\": \"5\"}", "[5]"])
    func nonsense(text: String) throws {
        let folder = try TemporaryFolder()
        try folder.write(text, to: "p")
        let failure = #expect(throws: Failure.self) { try FeedPosition.read(folder("p")) }
        #expect(failure?.exitCode == .unusableDirectory && failure?.message.contains(folder("p")) == true)
    }

    @Test("a command that does not read its input is no failure, and one that fails says how")
    func children() async throws {
        signal(SIGPIPE, SIG_IGN)  // as the program does
        let quick = try ChildProcess.start(["/bin/true"], environment: [:])
        let text = String(repeating: "x", count: 1 << 20)
        #expect(await !quick.write(text))
        #expect(await quick.ending() == .exited(0))
        let failing = try ChildProcess.start(["/bin/sh", "-c", "cat >/dev/null; exit 3"], environment: [:])
        #expect(await failing.write(text))
        failing.closeInput()
        #expect(await failing.ending().description == "exit code 3")
        let killed = try ChildProcess.start(["/bin/sh", "-c", "kill -9 $$"], environment: [:])
        #expect(await killed.ending() == .killed(signal: SIGKILL))
        #expect(throws: (any Error).self) { try ChildProcess.start(["/no/such/program"], environment: [:]) }
    }

    @Test("a command gets signals as if nobody had ignored them")
    func signals() async throws {
        signal(SIGUSR1, SIG_IGN)
        defer { signal(SIGUSR1, SIG_DFL) }
        let child = try ChildProcess.start(["/bin/sh", "-c", "kill -USR1 $$; exit 0"], environment: [:])
        #expect(await child.ending() == .killed(signal: SIGUSR1))
    }
}
