import Transport

/// One call of one endpoint: everything about it but token and path root.
struct Call: Sendable {
    /// What a refusal of the call means to the rest.
    enum Role: Sendable {
        /// `list_folder`: the mirrored folder is read.
        case list
        /// `list_folder/continue`: a cursor is used.
        case listContinue
        /// `list_folder/longpoll`: a cursor is used, without a token.
        case longpoll
        /// The content of one revision.
        case download
        /// Anything about the account or one entry.
        case query
        /// Anything that writes.
        case upload
        /// `/oauth2/token`.
        case token
    }

    let endpoint: String
    let role: Role
    var request: HTTPRequest

    /// Whether the call carries the access token and, with it, passes the account's gate.
    var isAuthorized: Bool { role != .longpoll && role != .token }

    init(endpoint: String, role: Role, request: HTTPRequest) {
        self.endpoint = endpoint
        self.role = role
        self.request = request
    }

    /// An RPC call: the argument is the body, the result too.
    ///
    /// An answer that trickles in for ten minutes is given up. Without a limit for stalls the settings' one counts.
    static func rpc(
        _ endpoint: String, role: Role, base: String, argument: APIArgument, timeout: Duration? = .seconds(600),
        stallLimit: Duration? = nil
    ) -> Call {
        let request = HTTPRequest(
            .post, "\(base)/2/\(endpoint)", headers: [.init("Content-Type", "application/json")],
            body: .bytes(argument.bytes), timeout: timeout, stallLimit: stallLimit, acceptsCompression: true)
        return Call(endpoint: endpoint, role: role, request: request)
    }
}

/// One try of a call: the request as it is sent now, and where its body goes.
struct Attempt {
    var request: HTTPRequest
    var sink: (any BodySink)?
}
