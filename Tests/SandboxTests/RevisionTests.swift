import Testing

@testable import Sandbox

@Suite(.timeLimit(.minutes(5)))
struct RevisionTests {
    private func revisions(_ account: Account, _ path: String) throws -> [String] {
        try account.revisions(of: path).entries.map(\.rev)
    }

    @Test("the revisions of a path are listed newest first, of a file that is gone, too")
    func listing() throws {
        let account = Account()
        let first = try account.put("/Docs/A.txt", "one").rev
        let second = try account.put("/Docs/A.txt", "two").rev
        #expect(try revisions(account, "/docs/a.TXT") == [second, first])
        #expect(try !account.revisions(of: "/docs/a.txt").isDeleted)
        try account.delete("/Docs")
        let gone = try account.revisions(of: "/docs/a.txt")
        #expect(gone.isDeleted && gone.entries.map(\.rev) == [second, first])
        #expect(gone.entries.map(\.pathDisplay) == ["/Docs/A.txt", "/Docs/A.txt"])
        // Another file under the same name has a history of its own, and shares the path's.
        let third = try account.put("/docs/a.txt", "three").rev
        #expect(try revisions(account, "/docs/a.txt") == [third, second, first])
        let id = try #require(account.tree().first { $0.isFile }).id
        #expect(try account.revisions(of: id, byID: true).entries.map(\.rev) == [third])
    }

    @Test("a moved file's revisions stay with the path that they stood at")
    func moved() throws {
        let account = Account()
        account.configure { $0.movesMakeRevisions = true }
        let first = try account.put("/a", "one").rev
        try account.move("/a", "/b")
        #expect(try revisions(account, "/a") == [first])
        let second = try #require(try revisions(account, "/b").first)
        #expect(second != first)
        #expect(try account.revisions(of: "/b", byID: true).entries.map(\.rev).contains(second))
    }

    @Test("a page ends at its limit, and the next one begins before a revision")
    func pages() throws {
        let account = Account()
        let revs = try (0..<5).map { try account.put("/a", .text("\($0)")).rev }
        let page = try account.revisions(of: "/a", limit: 2)
        #expect(page.entries.map(\.rev) == [revs[4], revs[3]] && page.hasMore)
        let rest = try account.revisions(of: "/a", limit: 3, before: revs[3])
        #expect(rest.entries.map(\.rev) == [revs[2], revs[1], revs[0]] && !rest.hasMore)
    }

    @Test("a folder, nothing at all, and a revision that is none of the file's are refused")
    func refusals() throws {
        let account = Account()
        try account.put("/d/a", "one")
        #expect(throws: AccountError.lookup("not_file")) { try account.revisions(of: "/d") }
        #expect(throws: AccountError.lookup("not_found")) { try account.revisions(of: "/e") }
        #expect(throws: AccountError.revisions("invalid_before_rev")) {
            try account.revisions(of: "/d/a", before: "123456789")
        }
        #expect(throws: AccountError.revisions("before_rev_not_supported")) {
            try account.revisions(of: "/d/a", byID: true, before: "123456789")
        }
    }
}
