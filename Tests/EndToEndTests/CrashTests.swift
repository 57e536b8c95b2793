import Foundation
import Sandbox
import SyncModel
import TestSupport
import Testing

/// `kill -9` at any moment: nothing half-written is seen, nothing is fetched twice, and it converges.
///
/// DBXSYNC_CAMPAIGN sets how often the daemon is killed, DBXSYNC_SEED repeats the changes and moments of an earlier run.
@Suite(.timeLimit(.minutes(60)))
struct CrashTests {
    private static let environment = ProcessInfo.processInfo.environment
    private static let kills = environment["DBXSYNC_CAMPAIGN"].flatMap { Int($0) } ?? 20
    private static let seed = environment["DBXSYNC_SEED"].flatMap { UInt64($0) } ?? .random(in: 0...999_999)

    /// What one kill may cost, in bytes: what eight transfers have received and not written yet.
    private static let costOfKill: Int64 = 8 * (5 * 256 << 10)

    @Test("kill -9 again and again while the account is mirrored, changes, and takes its cursors back")
    func campaign() async throws {
        try await DaemonFixture.run(["transfer": "parallel = 8"]) { fixture in
            fixture.account.fill(Seed(files: 1_500, maxSize: 60_000, largeFiles: 3, largeSize: 9_000_000))
            fixture.account.configure { $0.rate = 3_000_000 }
            var random = SeededRandom(seed: Self.seed)
            var ledger = Ledger()
            ledger.learn(fixture.account)
            for round in 1...Self.kills {
                let about: Comment = "seed \(Self.seed), round \(round)"
                let standing = try contents(fixture)
                fixture.server.log.clear()
                let daemon = try fixture.place.start("run")
                try await Task.sleep(for: .milliseconds(random.number(30...600)))
                try await daemon.crash()

                let again = ledger.book(fixture.downloads).filter { standing.contains($0) }
                #expect(again == [], "\(about): fetched though it stood in the mirror\n\(daemon.log)")
                try whole(fixture, about)
                for _ in 0..<random.number(1...2) { try change(fixture.account, round, &random) }
                ledger.learn(fixture.account)
            }
            fixture.server.log.clear()
            try await fixture.sync()
            _ = ledger.book(fixture.downloads)
            #expect(fixture.aside == [])
            #expect(ledger.fetchedAgain <= Int64(Self.kills) * Self.costOfKill, "seed \(Self.seed)")
            print(
                "\(Self.kills) kills, seed \(Self.seed): \(ledger.fetched) bytes fetched, \(ledger.fetchedAgain) again")
            try await quiet(fixture)
        }
    }

    /// Without crashes nothing is fetched: not for a pass without news, nor for moves.
    private func quiet(_ fixture: DaemonFixture) async throws {
        fixture.server.log.clear()
        try await fixture.sync()
        for folder in fixture.account.tree() where !folder.isFile && folder.path.dropFirst().contains("/") == false {
            try fixture.account.move(folder.path, "/moved at last" + folder.path)
        }
        try await fixture.sync()
        fixture.account.expireCursors()
        try await fixture.sync()
        #expect(fixture.downloads.map(\.subject) == [])
    }

    /// The hashes of all that stands in the mirror.
    private func contents(_ fixture: DaemonFixture) throws -> Set<String> {
        Set(
            try fixture.mirror().lines.values.compactMap { line in
                let words = line.split(separator: " ")
                return words.count == 4 ? String(words[2]) : nil
            })
    }

    /// Every file that stands there is a whole file that the account holds or has held.
    private func whole(_ fixture: DaemonFixture, _ about: Comment) throws {
        let known = Set(Tree(account: fixture.account).lines.values)
        let strange = try fixture.mirror().lines.filter { !known.contains($0.value) && !$0.key.hasPrefix("edited ") }
        #expect(strange == [:], about)
    }

    /// One change; contents that vanish have names of their own.
    private func change(_ account: Account, _ round: Int, _ random: inout SeededRandom) throws {
        let folders = account.tree().filter { !$0.isFile }.map(\.path)
        let folder = random.pick(folders)
        switch random.number(0...5) {
        case 0: try account.put("/edited \(round % 8).bin", .generated(seed: UInt64(round), size: 100_000))
        case 1:
            // Refused only if it would lie in itself or something is there.
            _ = try? account.move(folder, "/moved \(round)-\(random.number(0...9))")
        case 2: try account.put("/new \(round)/file.txt", "round \(round)")
        case 3:
            let name = folder[folder.index(after: folder.lastIndex(of: "/") ?? folder.startIndex)...]
            try account.renameCase(folder, to: name.uppercased(), isJournaled: random.chance(50))
        case 4: _ = try? account.move(folder, random.pick(folders) + "/inside \(round)")
        default: account.expireCursors()
        }
    }
}

/// What was fetched, by content.
private struct Ledger {
    private var contents: [String: (hash: String, size: Int64)] = [:]
    private var needed: Set<String> = []
    private var neededBytes: Int64 = 0
    /// Bytes of all downloads.
    private(set) var fetched: Int64 = 0

    /// Bytes beyond one download of each content.
    var fetchedAgain: Int64 { max(fetched - neededBytes, 0) }

    /// Takes note of the account's revisions.
    mutating func learn(_ account: Account) {
        account.computeHashes()
        for entry in account.tree() {
            guard let rev = entry.rev, let hash = entry.contentHash else { continue }
            contents[rev] = (hash, entry.size)
        }
    }

    /// Books downloads.
    ///
    /// - Returns: the hashes of their contents.
    mutating func book(_ downloads: [RequestLog.Record]) -> [String] {
        downloads.compactMap { record in
            guard [200, 206].contains(record.status),
                let (hash, size) = contents[String(record.subject.dropFirst("rev:".count))]
            else { return nil }
            fetched += record.bytes
            if needed.insert(hash).inserted { neededBytes += size }
            return hash
        }
    }
}
