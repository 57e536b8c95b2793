import Foundation
import Sandbox
import TestSupport
import Testing

/// `kill -9` while much is removed and replaced: what stood is in the mirror or in the trash, and the state says where.
///
/// DBXSYNC_CAMPAIGN sets how often the daemon is killed, DBXSYNC_SEED repeats the moments of an earlier run.
@Suite(.timeLimit(.minutes(60)))
struct TrashCrashTests {
    private static let environment = ProcessInfo.processInfo.environment
    private static let kills = environment["DBXSYNC_CAMPAIGN"].flatMap { Int($0) } ?? 12
    private static let seed = environment["DBXSYNC_SEED"].flatMap { UInt64($0) } ?? .random(in: 0...999_999)
    private static let files = 400

    @Test("none of it is nowhere") func nothingIsNowhere() async throws {
        try await DaemonFixture.run(["guard": "removals = \"off\"\nshare = \"off\""]) { fixture in
            var random = SeededRandom(seed: Self.seed)
            for number in 0..<Self.files { try put(fixture.account, number, round: 0) }
            try await fixture.sync()
            for round in 1...Self.kills {
                let standing = try contents(fixture, below: "")
                let kept = try contents(fixture, below: ".dbxsync/trash")
                try change(fixture.account, round, &random)
                let daemon = try fixture.place.start("run")
                try await Task.sleep(for: .milliseconds(random.number(60...500)))
                try await daemon.crash()
                let found = try contents(fixture, below: "").union(contents(fixture, below: ".dbxsync/trash"))
                    .union(contents(fixture, below: ".dbxsync/spared"))
                let lost = standing.union(kept).subtracting(found).sorted()
                #expect(lost == [], "seed \(Self.seed), round \(round)\n\(daemon.log)")
            }
            try await fixture.sync()
            let list = try await fixture.place.run("trash", "--json")
            let told = try #require(
                try JSONSerialization.jsonObject(with: Data(list.output.utf8)) as? [String: Any])
            #expect((told["items"] as? [Any])?.count == (try paths(fixture, below: ".dbxsync/trash")).count, "\(list)")
        }
    }

    private func put(_ account: Account, _ number: Int, round: Int) throws {
        try account.put("/d\(number % 20)/\(number)", "file \(number), as of round \(round)")
    }

    /// Folders go, files are replaced, others come back with another content.
    private func change(_ account: Account, _ round: Int, _ random: inout SeededRandom) throws {
        for _ in 0..<4 { _ = try? account.delete("/d\(random.number(0...19))") }  // it may be gone
        for _ in 0..<80 { try put(account, random.number(0...(Self.files - 1)), round: round) }
    }

    private func paths(_ fixture: DaemonFixture, below folder: String) throws -> [String] {
        let top = folder.isEmpty ? fixture.place.mirror : fixture.place.mirror + "/" + folder
        guard FileManager.default.fileExists(atPath: top) else { return [] }
        return try FileManager.default.subpathsOfDirectory(atPath: top).filter { path in
            var isFolder: ObjCBool = false
            let isThere = FileManager.default.fileExists(atPath: "\(top)/\(path)", isDirectory: &isFolder)
            return isThere && !isFolder.boolValue && !(folder.isEmpty && path.hasPrefix(".dbxsync"))
        }.map { "\(top)/\($0)" }
    }

    private func contents(_ fixture: DaemonFixture, below folder: String) throws -> Set<String> {
        Set(
            try paths(fixture, below: folder).compactMap { path in
                FileManager.default.contents(atPath: path).map { String(decoding: $0, as: UTF8.self) }
            })
    }
}
