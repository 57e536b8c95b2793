import Foundation
import Store
import SyncModel
import TestSupport
import Testing

/// The state of a large account does not have to fit into memory.
@Suite struct SizeTests {
    @Test("60,000 entries are listed, selected, placed, listed again and removed in less than 70 MB") func memory()
        async
    {
        await #expect(processExitsWith: .success) {
            let desk = try Desk(inMemory: true)
            try await Life(desk: desk).run(entries: 60_000)
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
    let desk: Desk

    func run(entries: Int) async throws {
        try await desk.store.select(Selection(including: ["/top/5*"]))
        try await list(entries)
        try await desk.store.select(.everything)
        try await work { try await desk.store.additions(after: $0, limit: 2_000, now: Desk.now) }
        try await desk.store.beginRelist()
        try await list(entries)
        guard try await desk.additions() == [], try await desk.store.brokenInvariants() == [] else {
            print("the second listing made something pending")
            exit(EXIT_FAILURE)
        }
        try await desk.record(deleted: (10..<30).map { "top/\($0)" })
        try await work { try await desk.store.removals(before: $0, limit: 2_000, now: Desk.now) }
        guard try await desk.removals() == [] else { exit(EXIT_FAILURE) }
        try await becomeFile()
        try await work { try await desk.store.additions(after: $0, limit: 2_000, now: Desk.now) }
        try await desk.store.forget([RemoteKey("/top")])
        try await desk.store.beginRelist()
        try await desk.record("other=1")
        guard try await desk.store.brokenInvariants() == [] else { exit(EXIT_FAILURE) }
    }

    /// The folder with nearly everything is replaced by a file, and comes back.
    private func becomeFile() async throws {
        try await desk.record("top=1")
        while let item = try await desk.store.additions(after: nil, limit: 2_000, now: Desk.now).first, item.kindFlips {
            let going = item.hasMoreBelow ? item.below : item.below + [item.standing].compactMap(\.self)
            try await desk.commit(going.map { .have($0.key, nil) } + [.recheck(item.key)])
        }
        try await desk.record(deleted: ["top"])
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
            try await desk.record(page, isLast: start + 2_000 >= entries)
        }
    }

    private func work(_ window: (RemoteKey?) async throws -> [PendingItem]) async throws {
        var position: RemoteKey?
        while true {
            let items = try await window(position)
            guard let last = items.last else { return }
            position = last.key
            try await desk.commit(items.map { .have($0.key, $0.want.flatMap { desk.placed($0) }) })
        }
    }

    /// Bytes; VmHWM of proc(5).
    static func peakMemory() throws -> Int {
        let status = try String(contentsOfFile: "/proc/self/status", encoding: .utf8)
        let line = try #require(status.split(separator: "\n").first { $0.hasPrefix("VmHWM:") })
        return (Int(line.filter(\.isNumber)) ?? 0) << 10
    }
}
