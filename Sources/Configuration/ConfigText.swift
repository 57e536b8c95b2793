import TextFormatting

extension Config {
    /// The effective values as a configuration file that means the same, defaults included; secrets are not shown.
    package var toml: String {
        sections.map { table, keys in
            let lines = keys.map { key in
                shown(key).map { "\(key.name) = \($0)" } ?? "# \(key.name) is not set"
            }
            return (["[\(table)]"] + lines).joined(separator: "\n")
        }.joined(separator: "\n\n") + "\n"
    }

    /// The effective values as one JSON object of objects, with the names and texts of the file; null: not set.
    package var json: String {
        let tables = sections.map { table, keys in
            let members = keys.map { "    \(quoted($0.name)): \(shown($0) ?? "null")" }
            return "  \(quoted(table)): {\n" + members.joined(separator: ",\n") + "\n  }"
        }
        return "{\n" + tables.joined(separator: ",\n") + "\n}\n"
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

    private func shown(_ key: ConfigKey) -> String? {
        guard let literal = key.show(self) else { return nil }
        if key.secret { return quoted("hidden") }
        if key.path == "account.proxy", case .text(let url) = literal { return quoted(URLText.withoutPassword(url)) }
        return literal.description
    }
}
