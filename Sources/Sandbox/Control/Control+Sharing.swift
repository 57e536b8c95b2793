extension Control {
    /// What other members do with shared folders, and what a team does with its members.
    static let sharingCommands: [Command] = [
        Command(
            method: "POST", name: "shared-folder",
            help: "a shared folder of others that is not mounted yet: id (digits), team (true: owned by a team)"
        ) { control, json in
            control.account.makeSharedFolder(try json.text(of: "id"), isTeamOwned: json["team"]?.bool ?? false)
            return [:]
        },
        Command(
            method: "POST", name: "share",
            help: "makes a folder a shared one, which is told as deleted and there again: path, id (digits), team"
        ) { control, json in
            try control.account.share(
                try json.text(of: "path"), id: try json.text(of: "id"), isTeamOwned: json["team"]?.bool ?? false)
            return [:]
        },
        Command(method: "POST", name: "mount", help: "mounts a shared folder: id, path") { control, json in
            try control.account.mount(try json.text(of: "id"), at: try json.text(of: "path"))
            return [:]
        },
        Command(method: "POST", name: "unmount", help: "leaves a shared folder: path") { control, json in
            try control.account.unmount(try json.text(of: "path"))
            return [:]
        },
        Command(
            method: "POST", name: "access",
            help: "what the member may do with a shared folder: path; see (all, nothing, or a list of names in it); "
                + "read_only"
        ) { control, json in try control.setAccess(json) },
        Command(method: "GET", name: "shared-folders", help: "shared folders by id, and where they are mounted") {
            control, _ in
            .object(control.account.sharedFolders.sorted { $0.key < $1.key }.map { .init($0.key, .string($0.value)) })
        },
        Command(
            method: "POST", name: "join-team",
            help:
                "moves all that the member has into a folder of a team's space: root_namespace (digits), home (a name)"
        ) { control, json in
            control.account.joinTeam(
                try json.text(of: "root_namespace"), home: json["home"]?.string ?? "Ana Ruiz")
            return [:]
        },
    ]

    private func setAccess(_ json: JSON) throws -> JSON {
        let path = try json.text(of: "path")
        if let isReadOnly = json["read_only"]?.bool { try account.setReadOnly(path, isReadOnly) }
        switch json["see"] {
        case nil: break
        case .string("all"): try account.regainAccess(path)
        case .string("nothing"): try account.loseAccess(path)
        case .array(let names): try account.loseAccess(path, except: names.compactMap(\.string))
        default: throw ControlError("see is all, nothing or a list of names")
        }
        return [:]
    }
}
