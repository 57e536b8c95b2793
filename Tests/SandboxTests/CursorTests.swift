import Testing

@testable import Sandbox

@Suite(.timeLimit(.minutes(5)))
struct CursorTests {
    let account = Account()

    @Test("a page has no more entries than asked for, and pages together hold the tree", arguments: [1, 2, 7, 500])
    func pages(limit: Int) throws {
        account.fill(Seed(files: 30, depth: 3, filesPerFolder: 4))
        var page = try account.list(ListOptions(limit: limit))
        var paths = page.entries.map(\.pathLower)
        while page.hasMore {
            #expect(page.entries.count == limit)
            page = try account.continueList(page.cursor)
            paths += page.entries.map(\.pathLower)
        }
        #expect(paths.sorted() == account.tree().map(\.pathLower).sorted())
    }

    @Test("each page brings a new cursor, also when nothing is new, and old cursors replay")
    func replay() throws {
        try account.put("/a", "a")
        let first = try account.list()
        try account.put("/b", "b")
        let second = try account.continueList(first.cursor)
        #expect(second.short == ["+/b"])
        #expect(try account.continueList(first.cursor).entries == second.entries)
        let idle = try account.continueList(second.cursor)
        #expect(idle.entries.isEmpty && !idle.hasMore && idle.cursor != second.cursor)
    }

    @Test("what changes while a first listing is read comes after it")
    func changesMeanwhile() throws {
        for name in ["a", "b", "c"] { try account.put("/\(name)", name) }
        let page = try account.list(ListOptions(limit: 1))
        try account.delete("/c")
        try account.put("/d", "d")
        var replica = try Replica(of: account, limit: 1)
        #expect(try account.news(page.cursor) == ["+/b", "-/c", "+/d"])
        try replica.catchUp(with: account)
        #expect(replica.nodes == Replica.truth(account))
    }

    @Test("empty pages come in between, never for ever")
    func emptyPages() throws {
        account.fill(Seed(files: 9, depth: 0))
        account.configure { settings in
            settings.pageSize = 2
            settings.emptyPageEvery = 2
        }
        var sizes: [Int] = []
        var page = try account.list()
        sizes.append(page.entries.count)
        while page.hasMore {
            page = try account.continueList(page.cursor)
            sizes.append(page.entries.count)
        }
        #expect(sizes == [2, 0, 2, 0, 2, 0, 2, 0, 1])
    }

    @Test("expired cursors answer reset, in the middle of a listing as well")
    func expiry() throws {
        account.fill(Seed(files: 9, depth: 0))
        let middle = try account.list(ListOptions(limit: 2)).cursor
        let latest = try account.latestCursor()
        account.expireCursors()
        for cursor in [middle, latest] {
            #expect(throws: AccountError.reset) { try account.continueList(cursor) }
            #expect(throws: AccountError.reset) { try account.hasChanges(cursor) }
        }
        #expect(try Replica(of: account).nodes == Replica.truth(account))
    }

    @Test("a cursor of another account is to be listed anew; an altered one is none")
    func foreignCursors() throws {
        let cursor = try account.latestCursor()
        #expect(throws: AccountError.reset) { try Account(salt: 99).continueList(cursor) }
        for text in ["", "AAH", "garbage", cursor.dropLast(4) + "AAAA", cursor + "AAAA"] {
            #expect(throws: AccountError.badCursor) { try account.continueList(String(text)) }
        }
    }

    @Test("a cursor of a folder reports what is in it, and nothing after it is gone")
    func watchedFolder() throws {
        try account.put("/In/a", "a")
        try account.put("/Inside/b", "b")
        let cursor = try account.list(ListOptions(path: "/IN")).cursor
        try account.put("/in/c/d", "d")
        try account.put("/inside/e", "e")
        try account.put("/f", "f")
        #expect(try account.news(cursor) == ["/in/c/", "+/in/c/d"])
        try account.delete("/in")
        #expect(throws: AccountError.lookup("not_found")) { try account.continueList(cursor) }
    }

    @Test("a cursor of one level does not report what is deeper")
    func notRecursive() throws {
        try account.put("/top/a", "a")
        let page = try account.list(ListOptions(path: "/top", isRecursive: false))
        #expect(page.short == ["+/top/a"])
        try account.put("/top/sub/deep", "d")
        #expect(try account.news(page.cursor) == ["/top/sub/"])
    }

    @Test("the latest cursor begins now; deleted things are listed only on request")
    func latestAndDeleted() throws {
        try account.put("/Gone", "g")
        try account.delete("/gone")
        let cursor = try account.latestCursor()
        try account.put("/new", "n")
        #expect(try account.news(cursor) == ["+/new"])
        #expect(try account.list().short == ["+/new"])
        var options = ListOptions()
        options.includesDeleted = true
        #expect(try account.list(options).short == ["+/new", "-/gone"])
        try account.put("/GONE", "back")
        #expect(try account.list(options).short == ["+/new", "+/gone"])
    }

    @Test("documents that cannot be downloaded are left out on request")
    func nonDownloadable() throws {
        var traits = FileTraits()
        traits.isDownloadable = false
        try account.put("/sheet", .bytes([]), traits: traits)
        #expect(try account.list().short == ["+/sheet"])
        var options = ListOptions()
        options.includesNonDownloadable = false
        #expect(try account.list(options).short == [])
        #expect(throws: AccountError.unsupportedFile) { try account.download("/sheet") }
    }
}
