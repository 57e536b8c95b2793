import Engine
import Sandbox
@testable import Store
import SyncModel
import TestSupport
import Testing

/// Entries of the account that nobody can read: the others are mirrored, and what stands at their place stays.
@Suite(.timeLimit(.minutes(30)))
struct UnreadableTests {
    private func names(_ fixture: EngineFixture) throws -> [String] {
        try Tree(directory: fixture.mirror).lines.keys.sorted()
    }

    /// Lets the entry of a key be unreadable in each page from now on.
    private func spoil(_ fixture: EngineFixture, _ keys: Set<String>, unread: [UnreadEntry] = []) {
        fixture.remote.alter { page in
            page.changes = page.changes.map { change in
                guard case .put(let key, let node, let parents) = change, keys.contains(key.text) else { return change }
                return .put(key, .unavailable(name: node.name, .unreadable("no size"), rev: nil), parents: parents)
            }
            page.unread += unread
        }
    }

    private func backlog(_ fixture: EngineFixture) async throws -> Backlog { try await fixture.start().store.backlog() }

    @Test("a file that cannot be read is parked, its old version stays, and the next good entry brings the new one")
    func file() async throws {
        let fixture = try EngineFixture()
        _ = try fixture.account.put("/a/f", "old")
        _ = try fixture.account.put("/a/case", "case")
        try await fixture.pass()
        let before = try Tree(directory: fixture.mirror)
        spoil(fixture, ["/a/f", "/a/never", "/a/case"])
        _ = try fixture.account.put("/a/f", "new, and longer")
        _ = try fixture.account.put("/a/never", "seen")
        _ = try fixture.account.delete("/a/case")
        _ = try fixture.account.put("/a/CASE", "case")
        // Its content must not be taken from where it stands: nobody knows that it leaves.
        _ = try fixture.account.put("/a/same", "old")
        _ = try fixture.account.put("/b/other", "other")
        let report = try await fixture.pass()
        #expect(report.parked == 3)
        let now = try Tree(directory: fixture.mirror)
        for (path, line) in before.lines where path != "a" { #expect(now.lines[path] == line, "\(path)") }
        #expect(try names(fixture) == ["a", "a/case", "a/f", "a/same", "b", "b/other"])
        #expect(try await backlog(fixture).parked == 3)
        #expect(fixture.board.now.parked == 3)
        let troubles = try await fixture.start().store.pathIssues(limit: 9)
        #expect(troubles.allSatisfy { $0.isParked && $0.reason.contains("no size") && $0.reason.contains("unproven") })
        #expect(try await fixture.brokenInvariants() == [])
        fixture.remote.alter(nil)
        for path in ["/a/f", "/a/never", "/a/CASE"] { _ = try fixture.account.put(path, "healed " + path) }
        try await fixture.pass()
        #expect(try fixture.differences() == [])
        #expect(try await backlog(fixture) == Backlog())
    }

    @Test("a folder that cannot be read stays with all that is below it, which goes on being mirrored")
    func folder() async throws {
        let fixture = try EngineFixture()
        _ = try fixture.account.put("/a/b/f", "one")
        _ = try fixture.account.put("/a/b/g", "two")
        try await fixture.pass()
        spoil(fixture, ["/a", "/a/b"])
        fixture.account.expireCursors()
        _ = try fixture.account.put("/a/b/f", "changed")
        try await fixture.pass()
        #expect(try names(fixture) == ["a", "a/b", "a/b/f", "a/b/g"])
        #expect(try await backlog(fixture) == Backlog(unread: 2))
        #expect(try fixture.differences() == [])
        fixture.remote.alter(nil)
        fixture.time.advance(by: 90_000)
        try await fixture.pass()
        #expect(try await backlog(fixture) == Backlog())
        #expect(try fixture.differences() == [])
    }

    @Test("an entry without a path is told until a listing comes without it, and nothing goes for its sake")
    func withoutPath() async throws {
        let fixture = try EngineFixture()
        _ = try fixture.account.put("/a/f", "one")
        try await fixture.pass()
        let entry = UnreadEntry(what: "null", reason: "it is not an object", beginning: .root)
        spoil(fixture, [], unread: [entry])
        fixture.remote.alter { page in
            page.changes = []
            page.unread = [entry]
        }
        fixture.account.expireCursors()
        try await fixture.pass()
        #expect(try names(fixture) == ["a", "a/f"])
        #expect(try await backlog(fixture) == Backlog(unread: 1))
        #expect(fixture.board.now.unread == 1)
        fixture.remote.alter(nil)
        try await fixture.pass()
        #expect(try await backlog(fixture).unread == 1)
        fixture.time.advance(by: 86_400)
        try await fixture.pass()
        #expect(try await backlog(fixture) == Backlog())
        #expect(try fixture.differences() == [])
    }

    @Test("sizes that no sum holds are one failure each, and nothing else") func hugeSizes() async throws {
        let fixture = try EngineFixture()
        _ = try fixture.account.put("/a/small", "small")
        for number in 0..<5 { _ = try fixture.account.put("/a/huge\(number)", "huge \(number)") }
        fixture.remote.alter { page in
            page.changes = page.changes.map { change in
                guard case .put(let key, .file(let name, var version), let parents) = change,
                    name.text.hasPrefix("huge")
                else { return change }
                version.size = .max
                return .put(key, .file(name: name, version), parents: parents)
            }
        }
        _ = try? await fixture.pass()
        #expect(try names(fixture) == ["a", "a/small"])
        #expect(try await backlog(fixture).pendingBytes == .max)
        fixture.remote.alter(nil)
        fixture.account.expireCursors()
        try await fixture.pass()
        #expect(try fixture.differences() == [])
    }
}
