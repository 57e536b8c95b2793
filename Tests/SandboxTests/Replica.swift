@testable import Sandbox

/// A client that does with entries what docs/dropbox-api.md#26-applying-entries says, and nothing more.
struct Replica {
    enum Node: Hashable {
        case file(hash: String?)
        case folder
    }

    private(set) var nodes: [String: Node] = [:]
    private(set) var cursor: String

    /// The state after a first listing.
    init(of account: Account, limit: Int? = nil) throws {
        let page = try account.list(ListOptions(limit: limit))
        cursor = page.cursor
        apply(page)
        if page.hasMore { try catchUp(with: account) }
    }

    /// Reads all that is unread.
    mutating func catchUp(with account: Account) throws {
        var hasMore = true
        while hasMore { hasMore = try readPage(of: account) }
    }

    /// Reads one page and says whether there are more.
    mutating func readPage(of account: Account) throws -> Bool {
        let page = try account.continueList(cursor)
        apply(page)
        cursor = page.cursor
        return page.hasMore
    }

    private mutating func apply(_ page: Page) {
        for entry in page.entries {
            switch entry {
            case .file(let file):
                remove(file.pathLower)
                makeParents(file.pathLower)
                nodes[file.pathLower] = .file(hash: file.contentHash)
            case .folder(let folder):
                if case .file = nodes[folder.pathLower] { remove(folder.pathLower) }
                makeParents(folder.pathLower)
                nodes[folder.pathLower] = .folder
            case .deleted(let gone): remove(gone.pathLower)
            }
        }
    }

    private mutating func remove(_ path: String) {
        nodes = nodes.filter { $0.key != path && !$0.key.hasPrefix(path + "/") }
    }

    private mutating func makeParents(_ path: String) {
        var parent = path[...]
        while let slash = parent.lastIndex(of: "/"), slash > parent.startIndex {
            parent = parent[..<slash]
            if nodes[String(parent)] != .folder { nodes[String(parent)] = .folder }
        }
    }

    /// What the account holds, in the same form.
    static func truth(_ account: Account) -> [String: Node] {
        let entries = account.tree().map { ($0.pathLower, $0.isFile ? Node.file(hash: $0.contentHash) : .folder) }
        return Dictionary(uniqueKeysWithValues: entries)
    }
}

extension Page {
    /// The entries in short: `+/a` a file, `/a/` a folder, `-/a` a deletion.
    var short: [String] {
        entries.map { entry in
            switch entry {
            case .file: return "+" + entry.pathLower
            case .folder: return entry.pathLower + "/"
            case .deleted: return "-" + entry.pathLower
            }
        }
    }
}

extension Account {
    /// Everything unread since `cursor`, in short.
    func news(_ cursor: String) throws -> [String] {
        var news: [String] = []
        var cursor = cursor
        var hasMore = true
        while hasMore {
            let page = try continueList(cursor)
            news += page.short
            (cursor, hasMore) = (page.cursor, page.hasMore)
        }
        return news
    }
}
