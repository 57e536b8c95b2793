import SyncModel
import TestSupport
import Testing

@testable import dbxsync

/// How old the oldest proof is, for people.
@Suite(.timeLimit(.minutes(5)))
struct ProofTextTests {
    private func text(_ files: Int, unknown: Int = 0, oldest: Timestamp?, scrub: Int64? = 2_592_000) -> String? {
        ProofText.line(
            StatusReport.Proofs(files: files, unknown: unknown, oldest: oldest.map(Moment.init), scrub: scrub),
            now: 1_700_086_400)
    }

    @Test("the oldest proof is told with its age, what is not known and whether it is off, too")
    func lines() {
        #expect(text(0, oldest: nil) == nil)
        let time = TimeText.local(1_700_000_000)
        #expect(text(3, oldest: 1_700_000_000) == "every file's bytes were read at \(time) (1 d 0 h ago) or later")
        #expect(
            text(3, unknown: 1, oldest: 1_700_000_000, scrub: nil)
                == "when 1 file was read last is not known; all others at \(time) (1 d 0 h ago) or later; "
                + "schedule.scrub is off")
        #expect(text(1234, unknown: 1234, oldest: nil) == "when 1,234 files were read last is not known")
    }
}
