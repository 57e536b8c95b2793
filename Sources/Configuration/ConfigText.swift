import TextFormatting

extension Config {
    /// The effective values as a configuration file that means the same, defaults included; secrets are not shown.
    package var toml: String {
        (sections + onChangeSections).map { table, keys in
            let lines = keys.map { key in
                shown(key, \.toml).map { "\(key.name) = \($0)" } ?? "# \(key.name) is not set"
            }
            return (["[\(table)]"] + lines).joined(separator: "\n")
        }.joined(separator: "\n\n") + "\n"
    }

    /// The effective values as one JSON object of objects, with the names and texts of the file; null: not set.
    package var json: String {
        let tables = sections.map { object($0.table, $0.keys, indent: "  ") }
        let names = onChange.keys.sorted().map { object($0, Self.onChangeKeys($0), indent: "    ") }
        let onChange = Self.object(Self.onChangeTable, names, indent: "  ")
        return "{\n" + (tables + [onChange]).joined(separator: ",\n") + "\n}\n"
    }

    private func object(_ name: String, _ keys: [ConfigKey], indent: String) -> String {
        Self.object(name, keys.map { "\(indent)  \(quoted($0.name)): \(shown($0, \.json) ?? "null")" }, indent: indent)
    }

    private static func object(_ name: String, _ members: [String], indent: String) -> String {
        let beginning = "\(indent)\(quoted(name)): {"
        return members.isEmpty ? beginning + "}" : beginning + "\n" + members.joined(separator: ",\n") + "\n\(indent)}"
    }

    private var onChangeSections: [(table: String, keys: [ConfigKey])] {
        onChange.keys.sorted().map { ("\(Self.onChangeTable).\($0)", Self.onChangeKeys($0)) }
    }

    private var sections: [(table: String, keys: [ConfigKey])] {
        var sections: [(table: String, keys: [ConfigKey])] = []
        for key in Self.keys {
            if sections.last?.table == key.table {
                sections[sections.count - 1].keys.append(key)
            } else {
                sections.append((key.table, [key]))
            }
        }
        return sections
    }

    private func shown(_ key: ConfigKey, _ form: KeyPath<ConfigLiteral, String>) -> String? {
        guard let literal = key.show(self) else { return nil }
        if key.secret { return quoted("hidden") }
        if key.path == "account.proxy", case .text(let url) = literal { return quoted(URLText.withoutPassword(url)) }
        return literal[keyPath: form]
    }
}
