import SyncModel
import TestSupport
import Testing

@testable import Outbox

/// Decisions about a path of the outbox.
@Suite(.timeLimit(.minutes(10)))
struct OutboxPlanTests {
    private func state(_ number: Int64) -> FileState {
        FileState(inode: 7, size: 10, modifiedNanoseconds: number, changedNanoseconds: number)
    }

    private func receipt(_ number: Int64) -> OutboxReceipt {
        OutboxReceipt(of: state(number), remote: "/in/a", rev: Rev("rev \(number)"), hash: .empty, id: "id:1")
    }

    private func intent(_ number: Int64) -> OutboxIntent {
        OutboxIntent(of: state(number), remote: "/in/a", hash: .empty, replaces: nil)
    }

    /// The row after events.
    private func row(_ events: OutboxEvent..., finishes: Bool = false) -> OutboxFile {
        events.reduce(into: OutboxFile(OutboxPath("a"))) { $0.take($1, finishes: finishes) }
    }

    private func plan(_ row: OutboxFile, finishes: Bool = false, now: Timestamp = 1000) -> OutboxPlan {
        OutboxPlan(row, finishes: finishes, now: now)
    }

    @Test("a new file goes up; one that is confirmed as it is does not")
    func upload() {
        let new = row(.settled(state(1)))
        #expect(plan(new) == .upload(state(1), nil) && new.isOpen)
        let done = row(.settled(state(1)), .intended(intent(1)), .confirmed(receipt(1)))
        #expect(plan(done) == .nothing && !done.isOpen)
        #expect(plan(row(.settled(nil))) == .nothing)
    }

    @Test("a file that was changed after it was confirmed, or while it went up, goes up as the next revision")
    func update() {
        let after = row(.settled(state(1)), .confirmed(receipt(1)), .settled(state(2)))
        #expect(plan(after) == .upload(state(2), receipt(1)) && after.isOpen)
        let during = row(.settled(state(1)), .intended(intent(1)), .settled(state(2)), .confirmed(receipt(1)))
        #expect(plan(during) == .upload(state(2), receipt(1)))
        let again = row(.settled(state(1)), .confirmed(receipt(1)), .settled(nil), .settled(state(3)))
        #expect(plan(again) == .upload(state(3), receipt(1)))
    }

    @Test("an upload whose end is not known is looked for before anything else, whatever stands there")
    func resolve() {
        for event in [OutboxEvent.settled(state(1)), .settled(state(2)), .settled(nil), .changing] {
            let row = row(.settled(state(1)), .intended(intent(1)), event)
            #expect(plan(row) == .resolve(intent(1)) && row.isOpen)
        }
        #expect(plan(row(.settled(state(1)), .intended(intent(1)), .notMade)) == .upload(state(1), nil))
        let gone = row(.settled(state(1)), .intended(intent(1)), .settled(nil), .notMade)
        #expect(plan(gone) == .nothing && !gone.isOpen)
    }

    @Test("what is confirmed is removed or moved only if it still is what was confirmed")
    func finish() {
        let done = row(.settled(state(1)), .confirmed(receipt(1)), finishes: true)
        #expect(plan(done, finishes: true) == .finish(receipt(1)) && done.isOpen)
        let edited = row(.settled(state(1)), .confirmed(receipt(1)), .settled(state(2)), finishes: true)
        #expect(plan(edited, finishes: true) == .upload(state(2), receipt(1)))
        let gone = row(.settled(state(1)), .confirmed(receipt(1)), .finished, finishes: true)
        #expect(plan(gone, finishes: true) == .nothing && !gone.isOpen && gone.receipt == receipt(1))
    }

    @Test("what was dropped again while the old file was removed is not forgotten")
    func droppedAgain() {
        let row = row(.settled(state(1)), .confirmed(receipt(1)), .settled(state(2)), .finished, finishes: true)
        #expect(plan(row, finishes: true) == .upload(state(2), receipt(1)))
    }

    @Test("a failure is tried again later and later, and at once when the file has changed")
    func failure() {
        let failure = OutboxFailure(reason: "no")
        let once = row(.settled(state(1)), .failed(failure, now: 1000, jitter: 0))
        #expect(once.attempts == 1 && once.reason == "no" && !once.isParked)
        #expect(plan(once) == .wait(until: 1015) && plan(once, now: 1015) == .upload(state(1), nil))
        let twice = row(
            .settled(state(1)), .failed(failure, now: 1000, jitter: 0), .failed(failure, now: 1015, jitter: 0))
        #expect(plan(twice, now: 1015) == .wait(until: 1045))
        let same = row(.settled(state(1)), .failed(failure, now: 1000, jitter: 0), .settled(state(1)))
        #expect(same == once)
        let changed = row(.settled(state(1)), .failed(failure, now: 1000, jitter: 0), .settled(state(2)))
        #expect(plan(changed) == .upload(state(2), nil) && changed.reason == nil && changed.attempts == 0)
        let gone = row(.settled(state(1)), .failed(failure, now: 1000, jitter: 0), .settled(nil))
        #expect(plan(gone) == .nothing && gone.reason == nil)
    }

    @Test("a refusal drops the intent, since nothing was made; any other failure keeps it")
    func certainty() {
        let refused = OutboxFailure(reason: "no", isParked: true, least: 3600, isCertain: true)
        let parked = row(.settled(state(1)), .intended(intent(1)), .failed(refused, now: 0, jitter: 1))
        #expect(parked.intent == nil && parked.isParked && plan(parked, now: 3599) == .wait(until: 3600))
        let lost = OutboxFailure(reason: "gone")
        let open = row(.settled(state(1)), .intended(intent(1)), .failed(lost, now: 0, jitter: 1))
        #expect(plan(open, now: 3600) == .resolve(intent(1)))
    }

    @Test("names are numbered before the extension, and are cut so that a file system takes them")
    func numbers() {
        #expect(NumberedName.of("a.txt", 0) == "a.txt" && NumberedName.of("a.txt", 2) == "a (2).txt")
        #expect(NumberedName.of(".profile", 1) == ".profile (1)" && NumberedName.of("a", 1) == "a (1)")
        let long = NumberedName.of(String(repeating: "ä", count: 125) + ".txt", 12)
        #expect(long.utf8.count <= 255 && long.hasSuffix(" (12).txt"))
    }
}
