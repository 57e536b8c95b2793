import Foundation
import Sandbox
import SyncModel
import TestSupport
import Testing

/// `kill -9` at any moment: nothing half-written is seen, nothing is fetched twice, and it converges.
struct CrashTests {
    /// How often a first mirror is killed: `DBXSYNC_CAMPAIGN`, 20 without it.
    private static let kills = ProcessInfo.processInfo.environment["DBXSYNC_CAMPAIGN"].flatMap { Int($0) } ?? 20

    @Test("kill -9 again and again while the account is mirrored and changes")
    func campaign() async throws {
        try await Stand.run(["transfer": "parallel = 8"]) { stand in
            stand.account.fill(Seed(files: 1_500, maxSize: 60_000, largeFiles: 3, largeSize: 9_000_000))
            stand.account.configure { $0.rate = 3_000_000 }
            var random = SystemRandomNumberGenerator()
            for round in 1...Self.kills {
                let placed = try placedRevisions(stand)
                stand.server.log.clear()
                let daemon = try stand.place.start("run")
                try await Task.sleep(for: .milliseconds(Int.random(in: 30...600, using: &random)))
                try await daemon.crash()

                let again = stand.downloads.filter { placed.contains(String($0.subject.dropFirst("rev:".count))) }
                #expect(again.map(\.subject) == [], "round \(round): fetched twice\n\(daemon.told)")
                try whole(stand, round)
                try change(stand.account, round)
            }
            try await stand.sync()
            #expect(stand.aside == [])
            stand.server.log.clear()
            try await stand.sync()
            #expect(stand.downloads.map(\.subject) == [])
        }
    }

    /// Revisions that stand in the mirror as they are in the account.
    private func placedRevisions(_ stand: Stand) throws -> Set<String> {
        let (mirror, account) = (try stand.mirror(), Tree(account: stand.account))
        let entries = stand.account.tree().filter { entry in
            let path = Tree.exact(String(entry.path.dropFirst()))
            return mirror.lines[path].map { $0 == account.lines[path] } ?? false
        }
        return Set(entries.compactMap(\.rev))
    }

    /// Every file that stands there is a whole file that the account holds or has held.
    private func whole(_ stand: Stand, _ round: Int) throws {
        let known = Set(Tree(account: stand.account).lines.values)
        let strange = try stand.mirror().lines.filter { !known.contains($0.value) && !$0.key.hasPrefix("edited ") }
        #expect(strange == [:], "round \(round)")
    }

    /// One change a round, in turn; contents that vanish have names of their own.
    private func change(_ account: Account, _ round: Int) throws {
        let folders = account.tree().filter { !$0.isFile }
        switch round % 4 {
        case 0: try account.put("/edited \(round % 8).bin", .generated(seed: UInt64(round), size: 100_000))
        case 1: try account.move(folders[round % folders.count].path, "/moved \(round)")
        case 2: try account.put("/new \(round)/file.txt", "round \(round)")
        default:
            let name = String(folders[0].path.dropFirst()).uppercased()
            try account.renameCase(folders[0].path, to: name, isJournaled: true)
        }
    }
}
