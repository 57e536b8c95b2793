import Engine
import Foundation
import Sandbox
import Store
import TestSupport
import Testing

/// Crashes at every fault point while names come that a file system takes for those that stand there: what a restart
/// finds under a name may be the other one's.
@Suite(
    .timeLimit(.minutes(30)), .needs(.fuse, .pyfuse),
    .serialized)
struct FoldingCrashTests {
    /// The result.
    private struct End: Equatable {
        var lines: [String: String]
        var parked: [String]
        var aside: [String]
        var broken: [String]
    }

    @Test(
        "a crash at any fault point ends as if there had been none",
        arguments: [FoldingTests.Kind.files, .fileThenFolder, .folderThenFile], [false, true])
    func everyFaultPoint(_ kind: FoldingTests.Kind, isLeaving: Bool) async throws {
        var whole: [End] = []
        for pair in FoldingTests.pairs {
            let end = try await end(kind, pair, isLeaving, crashAt: .max).end
            #expect(end.aside == [] && end.broken == [])
            #expect(end.parked.isEmpty == isLeaving)
            whole.append(end)
        }
        var point = 0
        while true {
            let number = point % whole.count
            let (crashed, end) = try await end(kind, FoldingTests.pairs[number], isLeaving, crashAt: point)
            #expect(end == whole[number], "crash at fault point \(point)")
            if !crashed { break }
            point += 1
        }
        #expect(point >= 10)
    }

    /// Has the second name come, instead of the first one if that `isLeaving`, crashes and starts again.
    private func end(
        _ kind: FoldingTests.Kind, _ pair: (mode: String, first: String, second: String), _ isLeaving: Bool,
        crashAt point: Int
    ) async throws -> (crashed: Bool, end: End) {
        let fixture = try EngineFixture()
        fixture.settings.batch = 2
        return try await FoldingFS.mounted(at: fixture.mirror, pair.mode) {
            try kind.put(pair.first, isFirst: true, in: fixture.account)
            _ = try fixture.account.put("/other.txt", "other")
            try await fixture.pass()
            if isLeaving { _ = try fixture.account.delete("/" + pair.first) }
            try kind.put(pair.second, isFirst: false, in: fixture.account)
            _ = try fixture.account.move("/other.txt", "/another.txt")
            let crashed = try await fixture.crashes(at: point)
            for _ in 0..<2 {
                try await fixture.pass()
                fixture.time.advance(by: 90_000)
            }
            let end = End(
                lines: try Tree(directory: fixture.mirror).lines.mapValues(Self.withoutTime),
                parked: try await fixture.start().store.pathIssues(limit: 9).map(\.path),
                aside: try FileManager.default.subpathsOfDirectory(atPath: fixture.mirror + "/.dbxsync")
                    .filter { $0.hasPrefix("aside/") },
                broken: try await fixture.brokenInvariants())
            try fixture.crash()
            return (crashed, end)
        }
    }

    /// Each account has its own times.
    private static func withoutTime(_ line: String) -> String {
        line.hasPrefix("file") ? line.split(separator: " ").dropLast().joined(separator: " ") : line
    }
}
