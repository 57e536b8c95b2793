import Logging
import SyncModel
import TestSupport
import Testing

@testable import Engine

/// A disk that has spoilt many files floods no journal.
@Suite(.timeLimit(.minutes(5)))
struct ScrubLinesTests {
    @Test("a hundred files of a kind in an hour have a warning, the others are counted and told with the next hour")
    func bounded() {
        let lines = ScrubLines()
        let begin: Timestamp = 1_000_000
        for number in 0..<250 {
            let answer = lines.ask("damaged", now: begin + Int64(number))
            #expect(answer == ScrubLines.Answer(level: number < 100 ? .warning : .debug))
        }
        #expect(lines.ask("failed", now: begin + 300) == ScrubLines.Answer(level: .warning))
        #expect(lines.ask("damaged", now: begin + 3_600) == ScrubLines.Answer(level: .warning, withheld: 150))
        #expect(lines.ask("damaged", now: begin + 3_601) == ScrubLines.Answer(level: .warning))
        #expect(lines.ask("damaged", now: begin) == ScrubLines.Answer(level: .warning), "a clock that was set back")
    }
}
