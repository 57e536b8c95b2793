import Testing

@testable import Sandbox

/// What paths are relative to.
@Suite(.timeLimit(.minutes(5)))
struct SpaceTests {
    @Test("who joins a team finds his own folder as it was, and beside it what the team has")
    func joining() throws {
        let account = Account()
        try account.put("/Docs/a", "a")
        try account.put("/gone", "g")
        try account.delete("/gone")
        let home = account.seen(from: .home)
        let cursor = try home.latestCursor()
        account.joinTeam("90001")
        try account.put("/Team/t", "t")
        #expect(try home.news(cursor).isEmpty)
        #expect(home.tree().map(\.path) == ["/Docs", "/Docs/a"])
        #expect(account.tree().map(\.path) == ["/Ana Ruiz", "/Ana Ruiz/Docs", "/Ana Ruiz/Docs/a", "/Team", "/Team/t"])
        try home.put("/Docs/b", "b")
        try account.put("/Ana Ruiz/c", "c")
        #expect(try home.news(cursor) == ["+/docs/b", "+/c"])
        #expect(throws: AccountError.reset) { try account.continueList(cursor) }
        guard case .deleted = try home.metadata("/gone", includeDeleted: true) else {
            Issue.record("the deletion is forgotten")
            return
        }
    }

    @Test("addresses within a namespace: home, the team's root, a shared folder")
    func namespaces() throws {
        let account = Account()
        account.joinTeam("90001", home: "Me")
        account.makeSharedFolder("9001")
        try account.seen(from: .shared("9001")).put("/x", "x")
        try account.seen(from: .home).put("/a", "a")
        #expect(throws: AccountError.lookup("not_found")) { try account.metadata("ns:9001/x") }
        try account.mount("9001", at: "/Me/S")
        for address in ["ns:90001/Me/S/x", "ns:70011/S/x", "ns:9001/x"] {
            #expect(try account.metadata(address).pathLower == "/me/s/x", "\(address)")
        }
        let home = account.seen(from: .home)
        #expect(try home.metadata("ns:9001/x").pathLower == "/s/x")
        #expect(throws: AccountError.lookup("not_found")) { try home.metadata("ns:90001/Me/a") }
        #expect(account.seen(from: .shared("9009")).tree().isEmpty)
        #expect(throws: AccountError.lookup("not_found")) { try account.seen(from: .shared("9009")).list() }
    }

    private static func call(
        _ account: Account, _ route: String, _ argument: String, root: String?, inHeader: Bool = false
    ) async throws -> RawClient.Response {
        let server = SandboxServer(account: account)
        let port = try await server.start()
        var lines = ["POST /2/\(route) HTTP/1.1", "Host: x", "Connection: close"]
        if route != "files/list_folder/longpoll" { lines.append("Authorization: Bearer \(Tokens.standing)") }
        if let root { lines.append("Dropbox-API-Path-Root: \(root)") }
        if inHeader {
            lines += [
                "Dropbox-API-Arg: \(argument)", "Content-Type: application/octet-stream", "Content-Length: 0", "",
            ]
            lines.append("")
        } else {
            lines += ["Content-Type: application/json", "Content-Length: \(argument.utf8.count)", "", argument]
        }
        let response = await RawClient.exchange(port: port, lines.joined(separator: "\r\n"))
        await server.stop()
        return response
    }

    private static let roots = [
        (#"{".tag":"namespace_id","namespace_id":"9001"}"#, "/x"),
        (#"{".tag":"root","root":"90001"}"#, "/ana ruiz/s/x"),
        (#"{".tag":"home"}"#, "/s/x"),
    ]

    private static func team() throws -> Account {
        let account = Account()
        account.joinTeam("90001")
        account.makeSharedFolder("9001")
        try account.seen(from: .shared("9001")).put("/x", "x")
        try account.mount("9001", at: "/Ana Ruiz/S")
        return account
    }

    @Test("the header counts in every style of route", arguments: roots)
    func header(root: String, path: String) async throws {
        let account = try Self.team()
        let argument = #"{"path":"\#(path)"}"#
        let metadata = try await Self.call(account, "files/get_metadata", argument, root: root)
        #expect(try JSON.parse(metadata.body)["path_lower"]?.string == path)
        let download = try await Self.call(account, "files/download", argument, root: root, inHeader: true)
        #expect(download.text == "x")
        let upload = try await Self.call(
            account, "files/upload", #"{"path":"\#(path) new"}"#, root: root, inHeader: true)
        #expect(try JSON.parse(upload.body)["path_lower"]?.string == path + " new")
        #expect(account.tree().map(\.path).contains("/Ana Ruiz/S/x new"))
        let listing = try await Self.call(account, "files/list_folder", #"{"path":"","recursive":true}"#, root: root)
        let page = try JSON.parse(listing.body)
        #expect(page["entries"]?.array?.contains { $0["path_lower"]?.string == path } == true)
        let cursor = #"{"cursor":"\#(try #require(page["cursor"]?.string))"}"#
        let next = try await Self.call(account, "files/list_folder/continue", cursor, root: root)
        #expect(next.status == 200)
        for (other, _) in Self.roots where other != root {
            let response = try await Self.call(account, "files/list_folder/continue", cursor, root: other)
            #expect(response.status == 409 && response.text.contains("reset/"))
        }
        try account.put("/Ana Ruiz/S/x", "news")
        let wait = try await Self.call(account, "files/list_folder/longpoll", cursor, root: nil)
        #expect(wait.text.contains("true"), "\(wait.text)")
    }

    @Test("a stale root comes with the fresh one; a shared folder without access is refused")
    func refusals() async throws {
        let account = try Self.team()
        account.configure { $0.rootNamespace = "90002" }
        let stale = try await Self.call(account, "files/list_folder", #"{"path":""}"#, root: Self.roots[1].0)
        let error = try JSON.parse(stale.body)["error"]
        #expect(stale.status == 422 && error?[".tag"] == "invalid_root")
        #expect(error?["invalid_root"]?["root_namespace_id"] == "90002")
        #expect(error?["invalid_root"]?[".tag"] == "team" && error?["invalid_root"]?["home_path"] == "/Ana Ruiz")
        try account.loseAccess("/Ana Ruiz/S")
        let closed = try await Self.call(account, "files/list_folder", #"{"path":""}"#, root: Self.roots[0].0)
        #expect(closed.status == 422 && closed.text.contains("no_permission/"))
        account.configure { $0.rootInfoSaysUser = true }
        let info = try await Self.call(account, "users/get_current_account", "null", root: nil)
        #expect(try JSON.parse(info.body)["root_info"]?[".tag"] == "user")
    }
}
