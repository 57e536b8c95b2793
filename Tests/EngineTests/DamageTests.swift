import Engine
import Foundation
import Sandbox
import Store
import SyncModel
import TestSupport
import Testing

/// A state file that is damaged anywhere, also one whose process was killed: the mirror is right after a pass, or after a
/// rebuild; nothing that is right is removed or fetched again, and nothing that is wrong is called in step.
///
/// DBXSYNC_CAMPAIGN sets the number of rounds, a fiftieth of it.
@Suite(.timeLimit(.minutes(120)))
struct DamageTests {
    private static let histories = ProcessInfo.processInfo.environment["DBXSYNC_CAMPAIGN"].flatMap { Int($0) }
    private static let rounds = max(16, (histories ?? 0) / 50)

    @Test("anywhere", arguments: 1...5 as ClosedRange<UInt64>) func anywhere(seed: UInt64) async throws {
        let account = try DamagedWorld(seed: seed)
        for round in 0..<Self.rounds {
            do {
                try await account.round()
            } catch {
                Issue.record("seed \(seed), round \(round), \(account.story): \(error)")
                return
            }
        }
        #expect(!account.fixture.rebuilds.isEmpty)
    }
}

/// An account that lives on while the state of its mirror is damaged again and again.
private final class DamagedWorld {
    let fixture: EngineFixture
    private var random: SeededRandom
    private(set) var story = ""

    init(seed: UInt64) throws {
        random = SeededRandom(seed: seed)
        fixture = try EngineFixture(inMemory: true)
        for number in 0..<80 { _ = try fixture.account.put("/d\(number % 6)/f\(number).txt", "first \(number)") }
    }

    private var state: String { fixture.folder("state.db") }

    func round() async throws {
        fixture.time.advance(by: 90_000)  // so many rebuilds in a day are refused
        for _ in 0..<random.number(0...4) { try change() }
        if try await pass() {  // damage of an index is found when that is used, perhaps only now
            try check(strangers: try await strangers())
            try await removeStrangers()
            try await pass()
        }
        try check(strangers: [])
        let isKilled = random.chance(50)
        try end(killed: isKilled)
        try damage(killed: isKilled)
        for _ in 0..<random.number(0...3) { try change() }
        let entry = try Tree(directory: fixture.mirror)
        fixture.remote.resetCounts()
        let rebuilds = fixture.rebuilds.count
        try await pass()
        try check(strangers: try await strangers())
        let missing = Tree(account: fixture.account).differences(from: entry).count
        #expect(fixture.remote.downloads <= missing, "\(story): what stood was fetched again")
        if fixture.rebuilds.count > rebuilds { story += ", rebuilt" }
        try await removeStrangers()
        #expect(try await fixture.brokenInvariants() == [], "\(story)")
    }

    /// A pass; damage that is found in its middle ends the process, and the next one starts anew.
    ///
    /// - Returns: whether it did.
    @discardableResult
    private func pass() async throws -> Bool {
        for attempt in 0..<3 {
            do {
                try await fixture.pass()
                return attempt > 0
            } catch let error as StoreError {
                story += ", \(error)"
                let told = fixture.end(after: error) as? StoreError
                if [.foreign, .fromTheFuture].contains(error.code) {
                    try FileManager.default.removeItem(atPath: state)  // as the message asks for
                } else if told?.code != .setAside {
                    throw error
                }
            }
        }
        return true
    }

    // MARK: Changes and damage

    private func change() throws {
        let files = fixture.account.tree().filter(\.isFile).map(\.path)
        let path = random.pick(files)
        switch random.number(0...3) {
        case 0: _ = try fixture.account.put("/d\(random.number(0...7))/n\(random.next()).txt", "new \(random.next())")
        case 1: _ = try fixture.account.put(path, "edited \(random.next())")
        case 2: _ = try fixture.account.delete(path)
        default: _ = try fixture.account.move(path, "/d\(random.number(0...7))/m\(random.next()).txt")
        }
    }

    /// Ends the process, in order or in the middle of its life, with what it has not written back in the log.
    private func end(killed: Bool) throws {
        let copy = try TemporaryFolder(inMemory: true)
        for log in ["", "-wal"] where killed {
            try FileManager.default.copyItem(atPath: state + log, toPath: copy("state.db" + log))
        }
        try fixture.crash()
        for log in ["", "-wal"] where killed {
            try? FileManager.default.removeItem(atPath: state + log)  // there is not always a log
            try FileManager.default.moveItem(atPath: copy("state.db" + log), toPath: state + log)
        }
    }

    private func damage(killed: Bool) throws {
        let file = state + (killed && random.chance(50) ? "-wal" : "")
        var bytes = try Data(contentsOf: URL(fileURLWithPath: file))
        let start = random.number(0...(bytes.count - 1))
        let length = min(random.pick([1, 1, 16, 512, 4096]), bytes.count - start)
        story = "\(length) bytes at \(start) of \(file.hasSuffix("l") ? "the log" : "the file"), killed: \(killed)"
        switch random.number(0...9) {
        case 0: bytes = bytes.prefix(start)
        case 1: bytes.replaceSubrange(start..<start + length, with: Data(count: length))
        default: for index in start..<start + length { bytes[index] ^= UInt8(random.number(1...255)) }
        }
        try bytes.write(to: URL(fileURLWithPath: file))
    }

    // MARK: Looking

    /// What is told to be nobody's; what the account holds by now was adopted since.
    private func strangers() async throws -> [String] {
        let held = Set(fixture.account.tree().map(\.path))
        return try await fixture.start().store.findings(limit: 1000).strangerPaths.filter { !held.contains($0) }
    }

    /// What the account does not hold any more may stand, if it is told.
    private func check(strangers: [String]) throws {
        var mirror = try Tree(directory: fixture.mirror)
        for path in mirror.lines.keys where strangers.contains(where: { "/\(path)/".hasPrefix("\($0)/") }) {
            mirror.lines[path] = nil
        }
        #expect(mirror.differences(from: Tree(account: fixture.account)) == [], "\(story)")
    }

    private func removeStrangers() async throws {
        for path in try await strangers() { try FileManager.default.removeItem(atPath: fixture.mirror + path) }
        try fixture.crash()
    }
}
