/// The interface under `/sandbox`, for scripts and tests: JSON in, JSON out, no sign-in.
///
/// `GET /sandbox` lists what there is. Errors are 400 (the request makes no sense) or 409 (the account refuses), with
/// `{"error": "…"}`. Paths begin at the root of all that the member can see, or with `namespace` in a shared folder.
struct Control: Sendable {
    let service: Service
    let log: RequestLog
    let faults: Faults
    /// What paths are relative to.
    var space = Space.root

    /// One command.
    struct Command: Sendable {
        let method: String
        let name: String
        let help: String
        let run: @Sendable (Control, JSON) throws -> JSON
    }

    var account: Account { service.account.seen(from: space) }

    static let commands: [Command] = treeCommands + documentCommands + sharingCommands + switchCommands

    /// What the control interface says to `request`.
    func answer(_ request: Request) -> Answer {
        let name = request.path.dropFirst("/sandbox".count).drop { $0 == "/" }
        do {
            if name.isEmpty { return .json(Self.help) }
            guard let command = Self.commands.first(where: { $0.name == name && $0.method == request.method }) else {
                let known = Self.commands.contains { $0.name == name }
                throw ControlError(known ? "\(name) takes another method" : "no command is called \(name)")
            }
            let argument = try Self.argument(of: request)
            var control = self
            if let id = argument["namespace"]?.string { control.space = .shared(id) }
            return .json(try command.run(control, argument))
        } catch let error as ControlError {
            return .json(["error": .string(error.description)], status: 400)
        } catch {
            return .json(["error": .string("\(error)")], status: 409)
        }
    }

    /// The body's JSON, or the query as an object of texts.
    private static func argument(of request: Request) throws(ControlError) -> JSON {
        guard !request.body.isEmpty else {
            return .object(request.query.fields.map { JSON.Member($0.name, .string($0.value)) })
        }
        do {
            return try JSON.parse(request.body)
        } catch {
            throw ControlError("the body is not JSON: byte \(error.offset)")
        }
    }

    private static var help: JSON {
        .object(commands.map { JSON.Member("\($0.method) /sandbox/\($0.name)", .string($0.help)) })
    }
}

extension JSON {
    func text(of key: String) throws(ControlError) -> String {
        guard let text = self[key]?.string else { throw ControlError("\(key) must be a text") }
        return text
    }

    func whole(_ key: String) throws(ControlError) -> Int64? {
        guard let value = self[key], value != .null else { return nil }
        guard let number = value.int ?? value.string.flatMap({ Int64($0) }) else {
            throw ControlError("\(key) must be a whole number")
        }
        return number
    }
}
