import SyncModel
import TestSupport
import Testing

@testable import Engine
@testable import dbxsync

/// When the journal is told of a long pass, and what.
@Suite(.timeLimit(.minutes(5)))
struct ProgressJournalTests {
    private static let now: Timestamp = 1_700_000_000

    /// One that is asked of a status alone.
    private final class Journal {
        var journal = ProgressJournal()

        func line(_ status: EngineStatus, at time: Int64, rate: Int64? = nil) -> String? {
            var live = LiveStatus(status, downloads: [], now: now)
            live.bytesPerSecond = rate
            return journal.line(status, live, at: time)
        }
    }

    private func status(_ phase: EngineStatus.Phase) -> EngineStatus {
        var status = EngineStatus()
        status.phase = phase
        (status.filesDone, status.filesTotal) = (1_234, 10_000)
        (status.bytesDone, status.bytesTotal) = (3_000_000_000, 20_000_000_000)
        return status
    }

    @Test("a pass that takes long is told every five minutes, with what is left")
    func every() {
        let journal = Journal()
        let applying = status(.applying)
        let told = (Int64(0)...660).filter { journal.line(applying, at: 50 + $0) != nil }
        #expect(told == [300, 600])
        #expect(
            journal.line(applying, at: 950, rate: 12_000_000)
                == "placing: 1,234 of 10,000 files, 3.0 GB of 20.0 GB, 12.0 MB/s, 23 min left")
        #expect(
            journal.line(applying, at: 1_250) == "placing: 1,234 of 10,000 files, 3.0 GB of 20.0 GB")
    }

    @Test("a daemon that is idle, or waits, is not told of; an idle one begins anew")
    func quiet() {
        let journal = Journal()
        for time in [0, 400, 800] as [Int64] {
            for phase in [EngineStatus.Phase.idle, .starting, .waiting(why: "no network")] {
                #expect(journal.line(status(phase), at: time) == nil)
            }
        }
        let applying = status(.applying)
        #expect(journal.line(applying, at: 1_000) == nil)
        #expect(journal.line(status(.idle), at: 1_200) == nil)
        #expect(journal.line(applying, at: 1_310) == nil)
        #expect(journal.line(status(.waiting(why: "no network")), at: 1_700) == nil)
        var paused = applying
        paused.pausedUntil = Self.now + 60
        #expect(journal.line(paused, at: 1_700) == nil)
        #expect(journal.line(applying, at: 1_702) != nil)
    }
}
