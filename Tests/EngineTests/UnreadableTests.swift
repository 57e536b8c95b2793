import Engine
import Sandbox
@testable import Store
import SyncModel
import TestSupport
import Testing

/// Entries of the account that nobody can read: the others are mirrored, and what stands at their place stays.
@Suite struct UnreadableTests {
    private func names(_ rig: Rig) throws -> [String] { try Tree(directory: rig.mirror).lines.keys.sorted() }

    /// Lets the entry of a key be unreadable in each page from now on.
    private func spoil(_ rig: Rig, _ keys: Set<String>, unread: [UnreadEntry] = []) {
        rig.remote.alter { page in
            page.changes = page.changes.map { change in
                guard case .put(let key, let node, let parents) = change, keys.contains(key.text) else { return change }
                return .put(key, .unavailable(name: node.name, .unreadable("no size"), rev: nil), parents: parents)
            }
            page.unread += unread
        }
    }

    private func backlog(_ rig: Rig) async throws -> Backlog { try await rig.start().store.backlog() }

    @Test("a file that cannot be read is parked, its old version stays, and the next good entry brings the new one")
    func file() async throws {
        let rig = try Rig()
        _ = try rig.account.put("/a/f", "old")
        _ = try rig.account.put("/a/case", "case")
        try await rig.pass()
        let before = try Tree(directory: rig.mirror)
        spoil(rig, ["/a/f", "/a/never", "/a/case"])
        _ = try rig.account.put("/a/f", "new, and longer")
        _ = try rig.account.put("/a/never", "seen")
        _ = try rig.account.delete("/a/case")
        _ = try rig.account.put("/a/CASE", "case")
        // Its content must not be taken from where it stands: nobody knows that it leaves.
        _ = try rig.account.put("/a/same", "old")
        _ = try rig.account.put("/b/other", "other")
        let report = try await rig.pass()
        #expect(report.parked == 3)
        let now = try Tree(directory: rig.mirror)
        for (path, line) in before.lines where path != "a" { #expect(now.lines[path] == line, "\(path)") }
        #expect(try names(rig) == ["a", "a/case", "a/f", "a/same", "b", "b/other"])
        #expect(try await backlog(rig).parked == 3)
        #expect(rig.board.now.parked == 3)
        let troubles = try await rig.start().store.troubles(limit: 9)
        #expect(troubles.allSatisfy { $0.isParked && $0.reason.contains("no size") && $0.reason.contains("unproven") })
        #expect(try await rig.brokenInvariants() == [])
        rig.remote.alter(nil)
        for path in ["/a/f", "/a/never", "/a/CASE"] { _ = try rig.account.put(path, "healed " + path) }
        try await rig.pass()
        #expect(try rig.differences() == [])
        #expect(try await backlog(rig) == Backlog())
    }

    @Test("a folder that cannot be read stays with all that is below it, which goes on being mirrored")
    func folder() async throws {
        let rig = try Rig()
        _ = try rig.account.put("/a/b/f", "one")
        _ = try rig.account.put("/a/b/g", "two")
        try await rig.pass()
        spoil(rig, ["/a", "/a/b"])
        rig.account.expireCursors()
        _ = try rig.account.put("/a/b/f", "changed")
        try await rig.pass()
        #expect(try names(rig) == ["a", "a/b", "a/b/f", "a/b/g"])
        #expect(try await backlog(rig) == Backlog(unread: 2))
        #expect(try rig.differences() == [])
        rig.remote.alter(nil)
        rig.time.advance(by: 90_000)
        try await rig.pass()
        #expect(try await backlog(rig) == Backlog())
        #expect(try rig.differences() == [])
    }

    @Test("an entry without a path is told until a listing comes without it, and nothing goes for its sake")
    func withoutPath() async throws {
        let rig = try Rig()
        _ = try rig.account.put("/a/f", "one")
        try await rig.pass()
        let entry = UnreadEntry(what: "null", reason: "it is not an object", beginning: .root)
        spoil(rig, [], unread: [entry])
        rig.remote.alter { page in
            page.changes = []
            page.unread = [entry]
        }
        rig.account.expireCursors()
        try await rig.pass()
        #expect(try names(rig) == ["a", "a/f"])
        #expect(try await backlog(rig) == Backlog(unread: 1))
        #expect(rig.board.now.unread == 1)
        rig.remote.alter(nil)
        try await rig.pass()
        #expect(try await backlog(rig).unread == 1)
        rig.time.advance(by: 86_400)
        try await rig.pass()
        #expect(try await backlog(rig) == Backlog())
        #expect(try rig.differences() == [])
    }

    @Test("sizes that no sum holds are one failure each, and nothing else") func hugeSizes() async throws {
        let rig = try Rig()
        _ = try rig.account.put("/a/small", "small")
        for number in 0..<5 { _ = try rig.account.put("/a/huge\(number)", "huge \(number)") }
        rig.remote.alter { page in
            page.changes = page.changes.map { change in
                guard case .put(let key, .file(let name, var version), let parents) = change,
                    name.text.hasPrefix("huge")
                else { return change }
                version.size = .max
                return .put(key, .file(name: name, version), parents: parents)
            }
        }
        _ = try? await rig.pass()
        #expect(try names(rig) == ["a", "a/small"])
        #expect(try await backlog(rig).pendingBytes == .max)
        rig.remote.alter(nil)
        rig.account.expireCursors()
        try await rig.pass()
        #expect(try rig.differences() == [])
    }
}
