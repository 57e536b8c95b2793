import Transport

/// Who is signed in.
public struct AccountInfo: Hashable, Sendable {
    /// `account_id`, for example `dbid:AA…`.
    public var accountID: String
    /// The person's name as Dropbox displays it.
    public var displayName: String
    /// The e-mail address of the account.
    public var email: String
    /// The namespace of the team space, or of the account itself if it has none.
    public var rootNamespace: String
    /// The namespace of the member's own folder.
    public var homeNamespace: String
}

/// How full the account is, in bytes.
public struct SpaceUsage: Hashable, Sendable {
    /// What the account, or its team, uses.
    public var used: Int64
    /// What it may use, if the server tells.
    public var allocated: Int64?
}

extension DropboxClient {
    /// Who is signed in: `users/get_current_account`.
    public func account() async throws -> AccountInfo {
        let call = Call.rpc("users/get_current_account", role: .query, base: endpoints.api, argument: .null)
        return try await runner.run(call) { try DropboxClient.decode(AccountJSON.self, response: $0, call: call).info }
    }

    /// How full the account is: `users/get_space_usage`.
    public func spaceUsage() async throws -> SpaceUsage {
        let call = Call.rpc("users/get_space_usage", role: .query, base: endpoints.api, argument: .null)
        return try await runner.run(call) {
            let usage = try DropboxClient.decode(UsageJSON.self, response: $0, call: call)
            return SpaceUsage(used: usage.used, allocated: usage.allocation.allocated)
        }
    }

    /// Proves that server and sign-in work: `check/user`, which sends back what it was sent.
    ///
    /// - Throws: `DropboxError` if the call fails.
    public func check() async throws {
        let call = Call.rpc(
            "check/user", role: .query, base: endpoints.api, argument: APIArgument(["query": .text("dbxsync")]))
        try await runner.run(call) {
            let echo = try DropboxClient.decode(EchoJSON.self, response: $0, call: call)
            if echo.result != "dbxsync" {
                throw DropboxError.malformed(call, response: $0, complaint: "the echo is another")
            }
        }
    }
}

/// FullAccount (users.stone), as far as it is used.
private struct AccountJSON: Decodable {
    let account_id: String
    let name: Name
    let email: String
    let root_info: RootInfo

    struct Name: Decodable { let display_name: String }

    struct RootInfo: Decodable {
        let root_namespace_id: String
        let home_namespace_id: String
    }

    var info: AccountInfo {
        AccountInfo(
            accountID: account_id, displayName: name.display_name, email: email,
            rootNamespace: root_info.root_namespace_id, homeNamespace: root_info.home_namespace_id)
    }
}

/// SpaceUsage (users.stone).
private struct UsageJSON: Decodable {
    let used: Int64
    let allocation: Allocation

    struct Allocation: Decodable { let allocated: Int64? }
}

/// EchoResult (check.stone).
private struct EchoJSON: Decodable { let result: String }
