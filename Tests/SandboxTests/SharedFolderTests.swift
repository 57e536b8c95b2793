import Testing

@testable import Sandbox

/// What listings tell of shared folders.
@Suite(.timeLimit(.minutes(5)))
struct SharedFolderTests {
    /// An account with `/S`, which is shared, a folder in it, and a file in each.
    private static func filled() throws -> Account {
        let account = Account()
        account.makeSharedFolder("9001")
        let others = account.seen(from: .shared("9001"))
        try others.put("/b", "b")
        try others.put("/F/c", "c")
        try account.put("/own", "o")
        try account.mount("9001", at: "/S")
        return account
    }

    /// The folder's `sharing_info` in the entries that tell it.
    private static func sharings(_ account: Account, since cursor: String, of path: String) throws -> [Sharing?] {
        try account.continueList(cursor).entries.compactMap { entry -> Sharing?? in
            guard case .folder(let folder) = entry, folder.pathLower == path else { return nil }
            return folder.sharing
        }
    }

    @Test("one that is mounted comes with all in it, and goes as one deletion")
    func mounting() throws {
        let account = Account()
        let cursor = try account.latestCursor()
        account.makeSharedFolder("9001")
        try account.seen(from: .shared("9001")).put("/F/c", "c")
        #expect(try account.news(cursor).isEmpty && account.entryCount == 0 && account.usedBytes == 0)
        try account.mount("9001", at: "/In/S")
        #expect(try account.news(cursor) == ["/in/", "/in/s/", "/in/s/f/", "+/in/s/f/c"])
        #expect(account.entryCount == 4 && account.usedBytes == 1 && account.sharedFolders == ["9001": "/In/S"])
        let later = try account.latestCursor()
        try account.unmount("/In/S")
        #expect(try account.news(later) == ["-/in/s"])
        #expect(account.entryCount == 1 && account.usedBytes == 0 && account.sharedFolders == ["9001": ""])
        try account.mount("9001", at: "/T")
        #expect(try account.content(of: "/t/f/c").load() == Array("c".utf8))
    }

    @Test("its entries name it, and what is in it")
    func sharingInfo() throws {
        let account = try Self.filled()
        let tree = Dictionary(uniqueKeysWithValues: account.tree().map { ($0.path, $0.sharing) })
        #expect(tree["/own"] == .some(nil))
        #expect(tree["/S"] == Sharing(id: "9001"))
        for path in ["/S/b", "/S/F", "/S/F/c"] { #expect(tree[path] == Sharing(parent: "9001"), "\(path)") }
        try account.share("/S/F", id: "9002")
        #expect(try account.metadata("/S/F").sharing == Sharing(parent: "9001", id: "9002"))
        #expect(try account.metadata("/S/F/c").sharing == Sharing(parent: "9002"))
    }

    @Test("a folder that becomes a shared one is told as deleted and there again")
    func sharingAFolder() throws {
        let account = Account()
        try account.put("/F/a", "a")
        let cursor = try account.latestCursor()
        try account.share("/F", id: "9001")
        #expect(try account.news(cursor) == ["-/f", "/f/", "+/f/a"])
        #expect(throws: AccountError.self) { try account.share("/F", id: "9002") }
        #expect(throws: AccountError.self) { try account.share("/F/a", id: "9002") }
    }

    @Test("access that is lost: no_access on the folder, what was in it deleted; and regained")
    func access() throws {
        let account = try Self.filled()
        var cursor = try account.latestCursor()
        try account.loseAccess("/S")
        #expect(try account.news(cursor) == ["/s/", "-/s/b", "-/s/f"])
        #expect(try Self.sharings(account, since: cursor, of: "/s") == [Sharing(id: "9001", isForbidden: true)])
        #expect(account.tree().map(\.path) == ["/S", "/own"] && account.usedBytes == 1)
        #expect(!account.admits("9001"))
        cursor = try account.latestCursor()
        try account.seen(from: .shared("9001")).put("/b", "changed meanwhile")
        #expect(try account.news(cursor).isEmpty)
        try account.regainAccess("/S")
        #expect(try account.news(cursor) == ["/s/", "+/s/b", "/s/f/", "+/s/f/c"])
        #expect(try account.content(of: "/s/b").load() == Array("changed meanwhile".utf8))
    }

    @Test("a folder of which only a part is seen")
    func traverseOnly() throws {
        let account = try Self.filled()
        let cursor = try account.latestCursor()
        try account.loseAccess("/S", except: ["f"])
        #expect(try account.news(cursor) == ["/s/", "-/s/b"])
        #expect(try Self.sharings(account, since: cursor, of: "/s") == [Sharing(id: "9001", isTraverseOnly: true)])
        try account.regainAccess("/S")
        #expect(try account.metadata("/S/b").pathLower == "/s/b")
    }

    @Test("entries tell the sharing of their time")
    func past() throws {
        let account = try Self.filled()
        let cursor = try account.latestCursor()
        try account.loseAccess("/S")
        try account.regainAccess("/S")
        let sharings = try Self.sharings(account, since: cursor, of: "/s")
        #expect(sharings == [Sharing(id: "9001", isForbidden: true), Sharing(id: "9001")])
    }

    @Test("read-only: told once of the folder, refused to the member and to nobody else")
    func readOnly() throws {
        let account = try Self.filled()
        try account.share("/S/F", id: "9002")
        let cursor = try account.latestCursor()
        try account.setReadOnly("/S", true)
        #expect(try account.news(cursor) == ["/s/"])
        #expect(try account.metadata("/S/b").sharing == Sharing(isReadOnly: true, parent: "9001"))
        let member = account.asMember(from: .home)
        for path in ["/S/new", "/s/b", "/S/G/new"] {
            #expect(throws: AccountError.write(["no_write_permission"]), "\(path)") { try member.put(path, "x") }
        }
        #expect(throws: AccountError.write(["no_write_permission"])) { try member.delete("/S/b") }
        try member.put("/S/F/new", "x")
        try member.put("/S beside", "x")
        try account.put("/S/b", "of another member")
        try account.setReadOnly("/S", false)
        try member.put("/S/b", "y")
    }

    @Test("a member that removes one leaves it; that of a team stays")
    func leaving() throws {
        let account = try Self.filled()
        account.makeSharedFolder("9003", isTeamOwned: true)
        try account.mount("9003", at: "/Team")
        let member = account.asMember(from: .home)
        let cursor = try account.latestCursor()
        try member.delete("/S")
        #expect(throws: AccountError.write(["team_folder"])) { try member.delete("/Team") }
        #expect(try account.news(cursor) == ["-/s"])
        #expect(account.sharedFolders == ["9001": "", "9003": "/Team"])
        try account.delete("/Team")
        #expect(account.sharedFolders == ["9001": ""])
    }

    @Test("who looks at the folder itself sees what happens in it, and not what happens to it")
    func fromWithin() throws {
        let account = try Self.filled()
        let within = account.seen(from: .shared("9001"))
        #expect(within.tree().map(\.path) == ["/F", "/F/c", "/b"])
        let cursor = try within.latestCursor()
        try account.move("/S", "/Renamed")
        try account.setReadOnly("/Renamed", true)
        try account.unmount("/Renamed")
        #expect(try within.news(cursor).isEmpty)
        try account.mount("9001", at: "/Again")
        try account.put("/Again/F/d", "d")
        try account.delete("/again/b")
        try account.put("/own", "elsewhere")
        #expect(try within.news(cursor) == ["+/f/d", "-/b"])
        let file = try account.metadata("/again/f/d")
        #expect(try within.metadata("/F/D").id == file.id)
        #expect(try within.download(file.id).metadata.pathLower == "/f/d")
        #expect(throws: AccountError.lookup("not_found")) { try within.metadata(account.metadata("/own").id) }
    }

    @Test("rename: the ids stay, and the revisions of what other members have")
    func renaming() throws {
        let account = try Self.filled()
        let before = account.tree().filter { $0.path.hasPrefix("/S/") }.map(\.rev)
        let cursor = try account.latestCursor()
        try account.move("/S", "/R")
        #expect(try account.news(cursor) == ["-/s", "/r/", "+/r/b", "/r/f/", "+/r/f/c"])
        #expect(account.tree().filter { $0.path.hasPrefix("/R/") }.map(\.rev) == before)
        #expect(account.sharedFolders == ["9001": "/R"])
    }
}

extension Entry {
    fileprivate var sharing: Sharing? {
        switch self {
        case .file(let file): return file.sharing
        case .folder(let folder): return folder.sharing
        case .deleted: return nil
        }
    }

    fileprivate var id: String {
        switch self {
        case .file(let file): return file.id
        case .folder(let folder): return folder.id
        case .deleted: return ""
        }
    }
}
