extension Control {
    /// Online documents.
    static let documentCommands: [Command] = [
        Command(
            method: "POST", name: "document",
            help: "writes an online document: path, kind (\(names(OnlineDocument.Kind.self))), export_as (null: none), "
                + "export_options (a list, or null: none), text, exports (by format: a text, or an object as for put), "
                + "listed_size, listed_hash (true: there is one), client_modified in seconds, restricted; and what goes "
                + "wrong with exports: not_ready (so many times, null: for ever), hash (\(names(ExportTrouble.Hash.self))), "
                + "differs (true: other bytes each time), changes (so many times: there is a new revision meanwhile), "
                + "name, end (\(names(BodyEnd.self)))"
        ) { control, json in try control.putDocument(json) }
    ]

    private static func names<Choice: RawRepresentable<String> & CaseIterable>(_: Choice.Type) -> String {
        Choice.allCases.map(\.rawValue).joined(separator: ", ")
    }

    private func putDocument(_ json: JSON) throws -> JSON {
        let kind = try json.choice("kind", OnlineDocument.Kind.self) ?? .other
        var document = OnlineDocument(kind, text: json["text"]?.string ?? "")
        if let format = json["export_as"] { document.exportAs = format.string }
        if let options = json["export_options"] { document.options = options.array?.compactMap(\.string) }
        let formats = (document.options ?? []) + (document.exportAs.map { [$0] } ?? [])
        for format in formats where document.exports[format] == nil {
            document.exports[format] = .text("\(format): \(json["text"]?.string ?? "")")
        }
        for member in json["exports"]?.members ?? [] {
            document.exports[member.key] = try member.value.string.map(Content.text) ?? Content(json: member.value)
        }
        document.listedSize = try json.whole("listed_size") ?? 0
        document.listsHash = json["listed_hash"]?.bool ?? false
        document.trouble = try ExportTrouble(json: json)
        var traits = FileTraits(document)
        traits.isRestricted = json["restricted"]?.bool ?? false
        let listed = Content.generated(seed: UInt64(bitPattern: try json.whole("seed") ?? 1), size: document.listedSize)
        let file = try account.put(
            try json.text(of: "path"), listed, clientModified: try json.whole("client_modified"), traits: traits)
        return MetadataJSON(extraFields: false).file(file)
    }
}

extension ExportTrouble {
    fileprivate init(json: JSON) throws {
        if let times = json["not_ready"] {
            notReady = times == .null ? nil : try json.whole("not_ready").map { Int($0) }
        }
        hash = try json.choice("hash", Hash.self) ?? .right
        differs = json["differs"]?.bool ?? false
        changes = Int(try json.whole("changes") ?? 0)
        name = json["name"]?.string
        end = try json.choice("end", BodyEnd.self) ?? .length
    }
}

extension JSON {
    /// The choice that the text under `key` names; `nil` when there is none.
    func choice<Choice: RawRepresentable<String> & CaseIterable>(_ key: String, _: Choice.Type) throws -> Choice? {
        guard let value = self[key], value != .null else { return nil }
        guard let choice = value.string.flatMap(Choice.init(rawValue:)) else {
            let names = Choice.allCases.map(\.rawValue).joined(separator: ", ")
            throw ControlError("\(key) is one of \(names)")
        }
        return choice
    }
}

extension Content {
    /// The bytes that `text`, `base64`, `file` or `size` of a command stand for.
    init(json: JSON) throws {
        if let text = json["text"]?.string {
            self = .text(text)
        } else if let base64 = json["base64"]?.string {
            guard let bytes = Base64.decodeURL(base64) else { throw ControlError("base64 has a letter too many") }
            self = .bytes(bytes)
        } else if let file = json["file"]?.string {
            self = .localFile(file)
            guard size != nil else { throw ControlError("cannot read \(file)") }
        } else if let size = try json.whole("size"), size >= 0 {
            self = .generated(seed: UInt64(bitPattern: try json.whole("seed") ?? 1), size: size)
        } else {
            throw ControlError("one of text, base64, file and size must be there")
        }
    }
}
