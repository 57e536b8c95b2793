import Outbox
import SyncModel
import TextFormatting

/// Walks a parsed document key by key and collects every problem.
struct ConfigReader {
    private let document: TomlDocument
    private let file: String
    private var config = Config()
    private var problems: [ConfigProblem] = []
    /// Where each known key's value stands.
    private var places: [String: TextPlace] = [:]
    /// Known keys that are there, right or wrong.
    private var seen: Set<String> = []
    /// Known tables that are there.
    private var tables: [String: TextPlace] = [:]

    init(document: TomlDocument, file: String) {
        self.document = document
        self.file = file
    }

    /// The configuration, or all its problems in the order of the lines.
    mutating func read() -> Result<Config, ConfigProblems> {
        for index in document.children(of: 0) { readTable(index) }
        for key in Config.requiredKeys where !seen.contains(key) {
            let table = String(key.prefix { $0 != "." })
            complain(tables[table], key: key, message: "is missing, and there is no default")
        }
        for key in config.outbox.missingKeys where !seen.contains(key) {
            complain(tables["outbox"], key: key, message: "is missing, and there is no default")
        }
        for name in config.onChange.keys.sorted() {
            let table = "\(Config.onChangeTable).\(name)"
            guard !seen.contains("\(table).command") else { continue }
            complain(tables[table], key: "\(table).command", message: "is missing, and there is no default")
        }
        for (key, message) in config.contradictions() where !failed.contains(key) {
            complain(places[key], key: key, message: message)
        }
        guard problems.isEmpty else {
            let ordered = problems.enumerated().sorted {
                ($0.element.place ?? .top, $0.offset) < ($1.element.place ?? .top, $1.offset)
            }
            return .failure(ConfigProblems(problems: ordered.map(\.element)))
        }
        return .success(config)
    }

    private var failed: Set<String> { Set(problems.compactMap(\.key)) }

    private mutating func readTable(_ index: Int) {
        let node = document.nodes[index]
        if node.key == Config.onChangeTable { return readOnChange(index) }
        guard Config.keys.contains(where: { $0.table == node.key }) else {
            return complain(
                node.keyPlace, key: node.key, message: Suggestions.unknown(node.key, isTable: node.content == .table))
        }
        guard node.content == .table else {
            return complain(
                node.keyPlace, key: node.key, message: "is a table: write [\(node.key)], found \(node.found)")
        }
        readKeys(index, table: node.key, Config.keys)
    }

    /// The tables `[on_change.NAME]`.
    private mutating func readOnChange(_ index: Int) {
        let node = document.nodes[index]
        guard node.content == .table else {
            let message = "holds tables: write [\(node.key).NAME] with a name of your choice, found \(node.found)"
            return complain(node.keyPlace, key: node.key, message: message)
        }
        for child in document.children(of: index) { readNamed(child, in: node.key) }
    }

    private mutating func readNamed(_ index: Int, in parent: String) {
        let node = document.nodes[index]
        let table = "\(parent).\(node.key)"
        guard node.content == .table else {
            let message = "is a table: write [\(parent).NAME] with a name of your choice, found \(node.found)"
            return complain(node.keyPlace, key: table, message: message)
        }
        if let problem = OnChangeName.problem(node.key) { return complain(node.keyPlace, key: table, message: problem) }
        config.onChange[node.key] = OnChangeSettings()
        readKeys(index, table: table, Config.onChangeKeys(node.key))
    }

    private mutating func readKeys(_ index: Int, table: String, _ keys: [ConfigKey]) {
        tables[table] = document.nodes[index].place
        for child in document.children(of: index) { readKey(document.nodes[child], child, table: table, keys) }
    }

    private mutating func readKey(_ node: TomlDocument.Node, _ index: Int, table: String, _ keys: [ConfigKey]) {
        let path = table + "." + node.key
        guard let key = keys.first(where: { $0.path == path }) else {
            return complain(node.keyPlace, key: path, message: Suggestions.unknown(path, isTable: false, keys: keys))
        }
        seen.insert(path)
        places[path] = node.place
        if path == Config.timetableKey, node.content == .array { return readTimetable(index) }
        do throws(ConfigValueError) {
            try key.read(literal(of: node, index), node.found, &config)
        } catch {
            let element = error.element.map { document.nodes[document.children(of: index)[$0]].place }
            complain(element ?? node.place, key: path, message: error.message)
        }
    }

    /// The tables `[[transfer.timetable]]`.
    private mutating func readTimetable(_ index: Int) {
        let tables = document.children(of: index)
        if tables.count > Config.mostRules {
            let message = "has \(tables.count) tables; \(Config.mostRules) at most"
            return complain(document.nodes[index].place, key: Config.timetableKey, message: message)
        }
        for table in tables { readRule(table) }
    }

    private mutating func readRule(_ index: Int) {
        let (node, known) = (document.nodes[index], problems.count)
        guard node.content == .table else {
            let message = "is a list of tables: write [[\(Config.timetableKey)]], found \(node.found) in it"
            return complain(node.place, key: Config.timetableKey, message: message)
        }
        var rule = BandwidthRule()
        let members = document.children(of: index)
        for member in members { readMember(member, of: &rule) }
        if !members.contains(where: { document.nodes[$0].key == "bandwidth" }) {
            complain(
                node.place, key: "\(Config.timetableKey).bandwidth",
                message: "is missing: write a rate such as \"2MB/s\", or \"unlimited\"")
        }
        guard problems.count == known else { return }
        if let problem = rule.problem { return complain(node.place, key: Config.timetableKey, message: problem) }
        config.transfer.timetable.append(rule)
    }

    private mutating func readMember(_ index: Int, of rule: inout BandwidthRule) {
        let node = document.nodes[index]
        let path = "\(Config.timetableKey).\(node.key)"
        guard let key = TimetableKey.all.first(where: { $0.name == node.key }) else {
            return complain(node.keyPlace, key: path, message: TimetableKey.unknown(node.key))
        }
        do throws(ConfigValueError) {
            try key.read(literal(of: node, index), node.found, &rule)
        } catch {
            complain(node.place, key: path, message: error.message)
        }
    }

    /// The value in one of the kinds that keys can have; nil for any other.
    private func literal(of node: TomlDocument.Node, _ index: Int) -> ConfigLiteral? {
        switch node.content {
        case .string(let text): return .text(text)
        case .integer(let number): return .integer(number)
        case .boolean(let flag): return .boolean(flag)
        case .array:
            let children = document.children(of: index)
            let texts = children.compactMap { child -> String? in
                guard case .string(let text) = document.nodes[child].content else { return nil }
                return text
            }
            return texts.count == children.count ? .list(texts) : nil
        case .table, .float, .dateOrTime: return nil
        }
    }

    private mutating func complain(_ place: TextPlace?, key: String, message: String) {
        problems.append(ConfigProblem(file: file, place: place, key: key, message: message))
    }
}

extension TextPlace {
    fileprivate static let top = TextPlace(line: 0, column: 0)
}

private func < (a: (TextPlace, Int), b: (TextPlace, Int)) -> Bool { a.0 == b.0 ? a.1 < b.1 : a.0 < b.0 }

extension TomlDocument.Node {
    /// What it is, for the end of a refusal.
    ///
    /// Texts are not repeated: the key may be a secret.
    fileprivate var found: String {
        switch content {
        case .table: "a table"
        case .array: "a list"
        case .string: "a string"
        case .integer(let number): "the number \(number)"
        case .float(let number): "the number \(number)"
        case .boolean(let flag): "\(flag)"
        case .dateOrTime: "a date or time"
        }
    }
}

extension Config {
    /// What each value allows and all of them together do not: the key to change, and why.
    func contradictions() -> [(key: String, message: String)] {
        var found: [(key: String, message: String)] = []
        let (mirrored, kept, signIn) = (mirror.directory, state.directory, account.credentials)
        if mirrored == "/" {
            found.append(("mirror.directory", "the root of the file system cannot be a mirror"))
        } else if !mirrored.isEmpty {
            if PathText.lies(kept, in: mirrored) {
                found.append(("state.directory", "\(quoted(kept)) lies in the mirror \(quoted(mirrored))"))
            } else if PathText.lies(mirrored, in: kept) {
                found.append(("mirror.directory", "\(quoted(mirrored)) lies in the state directory \(quoted(kept))"))
            }
            if PathText.lies(signIn, in: mirrored) {
                found.append(("account.credentials", "\(quoted(signIn)) lies in the mirror \(quoted(mirrored))"))
            }
            if let textfile = metrics.textfile, PathText.lies(textfile, in: mirrored) {
                found.append(("metrics.textfile", "\(quoted(textfile)) lies in the mirror \(quoted(mirrored))"))
            }
        }
        if account.teamSpace, account.namespace != nil {
            found.append(("account.namespace", "cannot be mirrored together with account.team_space: set one of them"))
        }
        return found + outbox.contradictions(with: self) + brake.contradictions + trash.contradictions
    }
}

extension GuardSettings {
    /// What means nothing while nothing is ever held.
    fileprivate var contradictions: [(key: String, message: String)] {
        guard removals == nil, sharePercent == nil, overwrites == nil else { return [] }
        let reason = "means nothing while guard.removals, guard.share and guard.overwrites are all \"off\""
        return (releaseAfter == nil ? [] : [("guard.release_after", reason)])
            + (window == GuardSettings().window ? [] : [("guard.window", reason)])
    }
}

extension TrashSettings {
    /// What means nothing while there is no trash.
    fileprivate var contradictions: [(key: String, message: String)] {
        guard keep == nil, limit != TrashSettings().limit else { return [] }
        return [("trash.size", "means nothing while trash.keep is \"0\": then there is no trash")]
    }
}

extension Config.OutboxTable {
    /// The keys that have to be set for what is set.
    fileprivate var missingKeys: [String] {
        if self == Config.OutboxTable() { return [] }
        return (directory == nil ? ["outbox.directory"] : []) + (remoteFolder == nil ? ["outbox.remote_folder"] : [])
    }

    /// What is not possible beside the rest of the configuration.
    fileprivate func contradictions(with config: Config) -> [(key: String, message: String)] {
        guard let directory else { return [] }
        let key = "outbox.directory"
        if directory == "/" { return [(key, "the root of the file system cannot be an outbox")] }
        var found: [(key: String, message: String)] = []
        let others = [("the mirror", config.mirror.directory), ("the state directory", config.state.directory)]
        for (what, other) in others where !other.isEmpty {
            if insideMirror && other == config.mirror.directory { continue }
            if let problem = OutboxPlaces.overlap(directory, what: what, other: other) { found.append((key, problem)) }
        }
        if insideMirror, let problem = OutboxPlaces.misplaced(self, config.mirror) { found.append(problem) }
        if PathText.lies(config.account.credentials, in: directory) {
            found.append((key, "\(quoted(config.account.credentials)), the sign-in, lies in it and would be uploaded"))
        }
        if case .move(let folder) = after, folder.hasPrefix("/") {
            let places = others.filter { PathText.lies(folder, in: $0.1) }.map(\.0)
            for what in places { found.append(("outbox.after", "\(quoted(folder)) lies in \(what)")) }
            if PathText.lies(directory, in: folder) {
                found.append(("outbox.after", "\(quoted(folder)) holds the outbox"))
            }
        }
        return found
    }
}
