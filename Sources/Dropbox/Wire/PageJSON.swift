package import SyncModel

extension ChangePage {
    /// Reads the JSON of a page, with keys below a folder whose path has `remoteDepth` components.
    ///
    /// - Throws: what is wrong with the document.
    package init(json: [UInt8], remoteDepth: Int) throws {
        var reader = PageJSON(json, RootedPaths(rootDepth: remoteDepth))
        self = try reader.read()
    }
}

/// ListFolderResult: a page is refused only if it cannot be told what its entries are, or where it stands in history.
struct PageJSON {
    private var paths: RootedPaths
    private var scanner: JSONScanner
    private var page = ChangePage(changes: [], cursor: Cursor(""), hasMore: false)
    private var found: Set<String> = []

    init(_ bytes: [UInt8], _ paths: RootedPaths) {
        self.paths = paths
        scanner = JSONScanner(bytes)
    }

    /// Reads the page.
    ///
    /// - Throws: what is wrong with the document.
    mutating func read() throws(JSONProblem) -> ChangePage {
        guard scanner.peek() != nil else { throw scanner.problem() }
        guard scanner.take("{") else {
            _ = try scanner.value()
            throw JSONProblem("the document is not an object")
        }
        if !scanner.take("}") {
            repeat { try readField() } while scanner.take(",")
            try scanner.expect("}")
        }
        guard scanner.peek() == nil else { throw scanner.problem() }
        for name in ["entries", "cursor", "has_more"] where !found.contains(name) {
            throw JSONProblem("the field \(name) is missing")
        }
        return page
    }

    private mutating func readField() throws(JSONProblem) {
        guard scanner.peek() == UInt8(ascii: "\"") else { throw scanner.problem() }
        let name = try JSONScanner.text(scanner.bytes, try scanner.value())
        try scanner.expect(":")
        switch name {
        case "entries": try readEntries()
        case "cursor": page.cursor = Cursor(try readCursor())
        case "has_more": page.hasMore = try readFlag()
        default:
            _ = try scanner.leap()
            return
        }
        guard found.insert(name).inserted else { throw JSONProblem("the field \(name) occurs twice") }
    }

    private mutating func readCursor() throws(JSONProblem) -> String {
        guard scanner.peek() == UInt8(ascii: "\"") else { throw JSONProblem("the field cursor is not a text") }
        return try JSONScanner.text(scanner.bytes, try scanner.value())
    }

    private mutating func readFlag() throws(JSONProblem) -> Bool {
        let value = scanner.bytes[try scanner.value()]
        if value.elementsEqual("true".utf8) { return true }
        guard value.elementsEqual("false".utf8) else {
            throw JSONProblem("the field has_more is neither true nor false")
        }
        return false
    }

    private mutating func readEntries() throws(JSONProblem) {
        guard scanner.take("[") else { throw JSONProblem("the field entries is not a list") }
        if scanner.take("]") { return }
        repeat {
            let entry = try EntryJSON(&scanner)
            if let change = paths.rootChange(of: entry), page.rootChange != .gone { page.rootChange = change }
            switch paths.read(entry) {
            case .change(let change):
                page.changes.append(change)
                if let id = entry.sharedFolder, case .put(let key, _, _) = change { page.shared[key] = id }
            case .unread(let entry): page.unread.append(entry)
            case .skipped(let reason): page.skipped.append(reason)
            case .root: break
            }
        } while scanner.take(",")
        try scanner.expect("]")
    }
}
