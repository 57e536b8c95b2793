/// One route of the API.
struct Route: Sendable {
    /// Where the argument stands and what is expected beside it (docs/dropbox-api.md#12-the-four-endpoint-styles).
    enum Style: Sendable {
        case rpc
        case upload
        case download
        /// An RPC that refuses to be told who calls.
        case noAuth
    }

    /// `files/list_folder` and the like.
    let name: String
    let style: Style
    /// What the token must allow.
    let scope: String?
    /// True when the argument is `null`.
    var isVoid = false
    let respond: @Sendable (Service, inout Call) async throws -> Answer
}

/// A request that has been found to be in order, with its argument.
struct Call {
    let request: Request
    var argument: Argument
    /// What the token is, for routes that end sign-ins.
    let token: String
    /// What paths are relative to.
    let space: Space
}

/// The API: finds the route of a request, holds the request against the route's rules, and answers.
final class Service: Sendable {
    let account: Account
    let tokens: Tokens
    let sessions: UploadSessions
    let rawEntries: RawEntries
    let routes: [String: Route]

    init(account: Account, tokens: Tokens) {
        self.account = account
        self.tokens = tokens
        sessions = UploadSessions()
        rawEntries = RawEntries()
        let routes =
            Self.reading + Self.exports + Self.folders + Self.users + Self.changes + Self.uploads + Self.sessions
        self.routes = Dictionary(uniqueKeysWithValues: routes.map { ($0.name, $0) })
    }

    /// The same service for a call whose paths are relative to `space`.
    private init(_ service: Service, seenFrom space: Space) {
        account = service.account.asMember(from: space)
        tokens = service.tokens
        sessions = service.sessions
        rawEntries = service.rawEntries
        routes = service.routes
    }

    /// `files/list_folder` of `/2/files/list_folder`; the path itself for what is not below `/2/`.
    static func endpoint(of path: String) -> String {
        String(path.hasPrefix("/2/") ? path.dropFirst(3) : path.dropFirst(path.hasPrefix("/") ? 1 : 0))
    }

    /// What the API says to `request`.
    func answer(_ request: Request) async throws -> Answer {
        let endpoint = Self.endpoint(of: request.path)
        do {
            switch request.path {
            case "/oauth2/authorize": return try authorize(request)
            case "/oauth2/token": return try token(request)
            default: break
            }
            guard request.path.hasPrefix("/2/"), let route = routes[endpoint] else {
                throw Refusal(
                    status: 404, headers: [("Content-Type", "text/html; charset=utf-8")],
                    body: .plain(.bytes(Array("<html><body>Unknown API function: \(endpoint)</body></html>\n".utf8))))
            }
            var call = try admit(request, to: route)
            return try await route.respond(Service(self, seenFrom: call.space), &call)
        } catch let refusal as Refusal {
            return refusal.answer(endpoint)
        } catch let error as CancellationError {
            throw error
        } catch {
            return .text("\(error)\n", status: 500)
        }
    }

    // MARK: Admission

    private func admit(_ request: Request, to route: Route) throws(Refusal) -> Call {
        guard request.method == "POST" || (request.method == "GET" && route.style == .download) else {
            throw .bad("Bad HTTP method \"\(request.method)\". Expecting \"POST\".")
        }
        let token = try authorized(request, for: route)
        let space = route.style == .noAuth ? .home : try pathRoot(of: request)
        let argument: Argument
        switch route.style {
        case .rpc, .noAuth:
            try checkType(request, ["application/json", "application/json; charset=utf-8"])
            argument = try Self.bodyArgument(request, isVoid: route.isVoid)
        case .upload:
            try checkType(request, ["application/octet-stream"])
            argument = try Self.headerArgument(request)
        case .download:
            if request.method == "POST" {
                try checkType(request, ["", "text/plain", "text/plain; charset=utf-8", "application/octet-stream"])
            }
            guard request.body.isEmpty else { throw .bad("The request body is supposed to be empty, but isn't") }
            argument = try Self.headerArgument(request)
        }
        return Call(request: request, argument: argument, token: token, space: space)
    }

    /// The token that the request is made with, when it allows the route.
    private func authorized(_ request: Request, for route: Route) throws(Refusal) -> String {
        let header = request.headers["authorization"]
        guard route.style != .noAuth else {
            guard header == nil else {
                throw .bad("Your request includes an Authorization header, but this function does not use it.")
            }
            return ""
        }
        guard let header = header ?? request.query["authorization"] else {
            throw .bad("Must provide HTTP header \"Authorization\" or URL parameter \"authorization\".")
        }
        let words = header.split(separator: " ", maxSplits: 1, omittingEmptySubsequences: false)
        guard words.count == 2, words[0].lowercased() == "bearer", !words[1].isEmpty, !words[1].contains(" ") else {
            throw .bad(
                "Invalid authorization value in HTTP header \"Authorization\": expecting \"Bearer <access token>\".")
        }
        try tokens.check(String(words[1]), scope: route.scope)
        return String(words[1])
    }

    private func checkType(_ request: Request, _ accepted: [String]) throws(Refusal) {
        let type = request.contentType.split(separator: ";", omittingEmptySubsequences: false)
            .map { $0.split(separator: " ").joined(separator: " ") }.joined(separator: "; ")
        let browserType = "text/plain; charset=dropbox-cors-hack"
        guard !accepted.contains(type), type != browserType else { return }
        let expected = (accepted.filter { !$0.isEmpty } + [browserType]).map { "\"\($0)\"" }.joined(separator: ", ")
        throw .bad("Bad HTTP \"Content-Type\" header: \"\(request.contentType)\".  Expecting one of \(expected).")
    }

    private static func bodyArgument(_ request: Request, isVoid: Bool) throws(Refusal) -> Argument {
        guard !isVoid else {
            guard request.body == Array("null".utf8) else { throw .bad("request body: expected null, got value") }
            return try Argument(Array("{}".utf8), place: "request body")
        }
        return try Argument(request.body, place: "request body")
    }

    private static func headerArgument(_ request: Request) throws(Refusal) -> Argument {
        if let header = request.headers["dropbox-api-arg"] {
            let place = "HTTP header \"Dropbox-API-Arg\""
            guard header.utf8.allSatisfy({ $0 >= 0x20 && $0 < 0x7F }) else {
                throw .bad("\(place): could not decode input as JSON")
            }
            return try Argument(Array(header.utf8), place: place)
        }
        guard let text = request.query["arg"] else {
            throw .bad("Must provide HTTP header \"Dropbox-API-Arg\" or URL parameter \"arg\".")
        }
        return try Argument(Array(text.utf8), place: "URL parameter \"arg\"")
    }

    // MARK: Path root

    /// What the header `Dropbox-API-Path-Root` makes paths relative to (docs/dropbox-api.md#9-users-and-team-spaces).
    private func pathRoot(of request: Request) throws(Refusal) -> Space {
        guard let header = request.headers["dropbox-api-path-root"] else { return .home }
        let place = "HTTP header \"Dropbox-API-Path-Root\""
        var root = try Argument(Array(header.utf8), place: place)
        let tag = try root.string(".tag")
        let settings = account.settings
        let space: Space
        switch tag {
        case "home": space = .home
        case "root":
            space = .root
            guard try root.string("root") == settings.rootNamespace else {
                let info = rootInfo(settings)
                throw Refusal(
                    status: 422, body: .error([".tag": "invalid_root", "invalid_root": info], tags: ["invalid_root"]))
            }
        case "namespace_id":
            let id = try root.string("namespace_id")
            guard id.utf8.allSatisfy({ (0x30...0x39).contains($0) }), !id.isEmpty else {
                throw .bad("\(place): namespace_id: '\(id)' did not match pattern '[-_0-9a-zA-Z:]+'")
            }
            guard id == settings.rootNamespace || id == Account.namespaceID || account.admits(id) else {
                throw .tags(["no_permission"], status: 422)
            }
            space = id == Account.namespaceID ? .home : id == settings.rootNamespace ? .root : .shared(id)
        default: throw .bad("\(place): unknown tag '\(tag)'")
        }
        try root.finish()
        return space
    }

    /// RootInfo: team members see their own folder somewhere below the root.
    func rootInfo(_ settings: Settings) -> JSON {
        var members: [JSON.Member] = [
            .init(".tag", "user"), .init("root_namespace_id", .string(settings.rootNamespace)),
            .init("home_namespace_id", .string(Account.namespaceID)),
        ]
        if settings.rootNamespace != Account.namespaceID {
            if !settings.rootInfoSaysUser { members[0] = .init(".tag", "team") }
            members.append(.init("home_path", .string(account.homePath)))
        }
        return .object(members)
    }
}
