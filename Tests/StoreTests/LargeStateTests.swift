import Foundation
import Store
import SyncModel
import TestSupport
import Testing

/// The state of a large account does not have to fit into memory.
@Suite(.timeLimit(.minutes(15)))
struct LargeStateTests {
    @Test("60,000 entries are listed, selected, placed, listed again and removed in less than 70 MB") func memory()
        async
    {
        await #expect(processExitsWith: .success) {
            let fixture = try StoreFixture(inMemory: true)
            try await Life(fixture: fixture).run(entries: 60_000)
            let peak = try Life.peakMemory()
            if peak > 70 << 20 {
                print("the peak was \(peak >> 20) MiB")
                exit(EXIT_FAILURE)
            }
        }
    }
}

/// A large account's life.
private struct Life {
    let fixture: StoreFixture

    func run(entries: Int) async throws {
        try await fixture.store.select(Selection(including: ["/top/5*"]))
        try await list(entries)
        try await fixture.store.select(.everything)
        try await work { try await fixture.store.additions(after: $0, limit: 2_000, now: StoreFixture.now) }
        try await fixture.store.beginRelist()
        try await list(entries)
        guard try await fixture.additions() == [], try await fixture.store.brokenInvariants() == [] else {
            print("the second listing made something pending")
            exit(EXIT_FAILURE)
        }
        try await fixture.record(deleted: (10..<30).map { "top/\($0)" })
        try await work { try await fixture.store.removals(before: $0, limit: 2_000, now: StoreFixture.now) }
        guard try await fixture.removals() == [] else { exit(EXIT_FAILURE) }
        try await becomeFile()
        try await work { try await fixture.store.additions(after: $0, limit: 2_000, now: StoreFixture.now) }
        try await fixture.store.forget([RemoteKey("/top")])
        try await fixture.store.beginRelist()
        try await fixture.record("other=1")
        guard try await fixture.store.brokenInvariants() == [] else { exit(EXIT_FAILURE) }
    }

    /// The folder with nearly everything is replaced by a file, and comes back.
    private func becomeFile() async throws {
        try await fixture.record("top=1")
        while let item = try await fixture.store.additions(after: nil, limit: 2_000, now: StoreFixture.now).first,
            item.kindFlips
        {
            let going = item.hasMoreBelow ? item.below : item.below + [item.entry].compactMap(\.self)
            try await fixture.commit(going.map { .have($0.key, nil) } + [.recheck(item.key)])
        }
        try await fixture.record(deleted: ["top"])
        try await list(20_000)
    }

    private func list(_ entries: Int) async throws {
        let version = TreeText.version("x")
        for start in stride(from: 0, to: entries, by: 2_000) {
            let page = (start..<start + 2_000).map { number in
                let name = "a file with a name of usual length \(number)"
                return RemoteChange.put(
                    RemoteKey("/top/\(number % 100)/" + name), .file(name: FileName(name), version),
                    parents: [FileName("top"), FileName("\(number % 100)")])
            }
            try await fixture.record(page, isLast: start + 2_000 >= entries)
        }
    }

    private func work(_ window: (RemoteKey?) async throws -> [PendingItem]) async throws {
        var position: RemoteKey?
        while true {
            let items = try await window(position)
            guard let last = items.last else { return }
            position = last.key
            try await fixture.commit(items.map { .have($0.key, $0.want.flatMap { fixture.placed($0) }) })
        }
    }

    /// Bytes; VmHWM of proc(5).
    static func peakMemory() throws -> Int {
        let status = try String(contentsOfFile: "/proc/self/status", encoding: .utf8)
        let line = try #require(status.split(separator: "\n").first { $0.hasPrefix("VmHWM:") })
        return (Int(line.filter(\.isNumber)) ?? 0) << 10
    }
}
