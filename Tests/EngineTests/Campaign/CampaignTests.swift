import Foundation
import TestSupport
import Testing

/// Random histories, each followed by a comparison of whole trees: the mirror is right whatever happened.
///
/// DBXSYNC_CAMPAIGN sets the number of histories, DBXSYNC_FIRST the seed of the first one; DBXSYNC_SEED replays a single
/// one. In 400 of them each fault that `make mutants` plants is found, and further ones are the same in every run.
@Suite(.timeLimit(.minutes(240)))
struct CampaignTests {
    private static let environment = ProcessInfo.processInfo.environment
    private static let histories = environment["DBXSYNC_CAMPAIGN"].flatMap(UInt64.init) ?? 400
    private static let first = environment["DBXSYNC_FIRST"].flatMap(UInt64.init) ?? 1
    private static let replayed = environment["DBXSYNC_SEED"].flatMap(UInt64.init)

    @Test("every random history ends with a mirror equal to the account") func convergence() async throws {
        let seeds = Self.replayed.map { $0...$0 } ?? Self.first...(Self.first + Self.histories - 1)
        try await withThrowingTaskGroup(of: Void.self) { group in
            for (number, seed) in seeds.enumerated() {
                if number >= 8 { try await group.next() }
                group.addTask { await Self.live(seed) }
            }
            try await group.waitForAll()
        }
    }

    private struct NeverEnds: Error {}

    /// A history that goes round in circles is ended, and told like others that go wrong.
    private static func limited(_ history: History) async throws {
        nonisolated(unsafe) let history = history  // only one of the two tasks touches it
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { try await history.run() }
            group.addTask {
                try await Task.sleep(for: .seconds(replayed == nil ? 300 : 30))
                throw NeverEnds()
            }
            defer { group.cancelAll() }
            try await group.next()
        }
    }

    private static func live(_ seed: UInt64) async {
        var failures: [String]
        var story: [String] = []
        do {
            let history = try History(seed: seed)
            do {
                try await limited(history)
                failures = history.failures
            } catch {
                failures = ["it threw \(error)"]
            }
            if replayed != nil { story = history.story.lines }
        } catch {
            failures = ["it could not begin: \(error)"]
        }
        guard !failures.isEmpty else { return }
        Issue.record(
            """
            history \(seed) (replay: DBXSYNC_SEED=\(seed) swift test --filter Campaign):
            \((failures + story).joined(separator: "\n"))
            """)
    }
}
