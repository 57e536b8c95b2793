extension Service {
    /// Writes without content: docs/dropbox-api.md#64-other-writes.
    static let changes: [Route] = [
        Route(name: "files/create_folder_v2", style: .rpc, scope: "files.content.write") { service, call in
            let path = try call.argument.path("path", .writePath)
            let autorename = try call.argument.bool("autorename", default: false)
            try call.argument.finish()
            let folder = try refusing(lookup: "path") {
                try service.account.makeFolder(path, autorename: autorename)
            }
            return .json(["metadata": service.metadataJSON.folder(folder)])
        },
        Route(name: "files/delete_v2", style: .rpc, scope: "files.content.write") { service, call in
            let path = try call.argument.path("path", .writePathOrID)
            let parent = try call.argument.revision("parent_rev")
            try call.argument.finish()
            let was = try refusing(lookup: "path_lookup", write: "path_write") {
                try service.account.delete(path, parentRev: parent)
            }
            return .json(["metadata": service.metadataJSON.entry(was)])
        },
        Route(name: "files/move_v2", style: .rpc, scope: "files.content.write") { service, call in
            try service.relocate(&call, isMove: true)
        },
        Route(name: "files/copy_v2", style: .rpc, scope: "files.content.write") { service, call in
            try service.relocate(&call, isMove: false)
        },
    ]

    private func relocate(_ call: inout Call, isMove: Bool) throws -> Answer {
        let from = try call.argument.path("from_path", .writePathOrID)
        let target = try call.argument.path("to_path", .writePathOrID)
        let autorename = try call.argument.bool("autorename", default: false)
        _ = try call.argument.bool("allow_shared_folder", default: false)
        _ = try call.argument.bool("allow_ownership_transfer", default: false)
        try call.argument.finish()
        let entry = try Self.refusing(lookup: "from_lookup", write: "to") {
            isMove
                ? try account.move(from, target, autorename: autorename)
                : try account.copy(from, target, autorename: autorename)
        }
        return .json(["metadata": metadataJSON.entry(entry)])
    }
}
