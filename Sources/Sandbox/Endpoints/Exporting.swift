extension Service {
    /// Exports of online documents: docs/dropbox-api.md#43-filesexport.
    static let exports: [Route] = [
        Route(name: "files/export", style: .download, scope: "files.content.read") { service, call in
            let path = try call.argument.path("path", .readPath)
            let format = try call.argument.optionalString("export_format")
            try call.argument.finish()
            let export = try refusing(lookup: "path") { try service.account.export(path, format: format) }
            return service.answer(with: export)
        }
    ]

    private func answer(with export: Export) -> Answer {
        var about: [JSON.Member] = [.init("name", .string(export.name)), .init("size", .int(export.size))]
        if let hash = export.hash { about.append(.init("export_hash", .string(hash))) }
        if let revision = export.paperRevision { about.append(.init("paper_revision", .int(revision))) }
        var answer = Answer(
            [("Content-Type", "application/octet-stream")], body: .content(export.content, 0..<export.size))
        answer.end = export.end
        answer.result = ["export_metadata": .object(about), "file_metadata": metadataJSON.file(export.file)]
        return answer
    }
}
