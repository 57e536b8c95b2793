import Sandbox
import TestSupport

/// Random changes to an account over a name space so small that everything collides.
struct AccountLife {
    let account: Account
    var random: SeededRandom
    /// Whether there are online documents, and files that have the names of their exports.
    var hasDocuments = false

    private static let names = ["a", "b", "c"]
    private static let contents = ["", "x", "yy", "zzzz"]
    private static let times: [Int64] = [1_500_000_000, 1_500_000_001]

    /// Chooses how the account reports its changes.
    mutating func chooseFaults() {
        var random = random
        account.configure { settings in
            settings.childrenBeforeParents = random.chance(40)
            settings.deletesListChildren = random.chance(40)
            settings.movesAddFirst = random.chance(40)
            settings.movesMakeRevisions = random.chance(60)
            settings.ancestorCase = random.pick(Settings.AncestorCase.allCases)
            settings.emptyPageEvery = random.pick([0, 0, 3])
        }
        self.random = random
    }

    /// Changes something; a change that the account refuses is no change.
    mutating func change() {
        if hasDocuments, random.chance(30) { return document() }
        switch random.number(0...99) {
        case 0..<38: attempt { try $0.put($1, $2, clientModified: $3) }
        case 38..<46: attempt { account, path, _, _ in try account.makeFolder(path) }
        case 46..<60: attemptOnExisting { account, path, _ in try account.delete(path) }
        case 60..<76: attemptOnExisting { try $0.move($1, $2) }
        case 76..<82: attemptOnExisting { try $0.copy($1, $2) }
        case 82..<86: attemptOnExisting { account, path, _ in try account.reshare(path) }
        case 86..<93: renameCase()
        default: replace()
        }
    }

    private mutating func path() -> String {
        let path = (0..<random.number(1...3)).map { _ in "/" + spelled(random.pick(Self.names)) }.joined()
        return hasDocuments && random.chance(20) ? path + random.pick([".md", ".MD", ".docx", ".html", ".url"]) : path
    }

    /// A document is written, or an ordinary file in its place.
    private mutating func document() {
        let kind = random.pick([OnlineDocument.Kind.paper, .paper, .gdoc, .web])
        var document = OnlineDocument(kind, text: random.pick(Self.contents))
        document.trouble.notReady = random.pick([0, 0, 0, 1])
        document.trouble.hash = random.pick([.right, .right, .none])
        document.listsHash = random.chance(20)
        attempt { try $0.put($1, document, clientModified: $3) }
    }

    private mutating func spelled(_ name: String) -> String { random.chance(70) ? name : name.uppercased() }

    private mutating func attempt(_ body: (Account, String, String, Int64) throws -> Any) {
        let (path, content, time) = (path(), random.pick(Self.contents), random.pick(Self.times))
        _ = try? body(account, path, content, time)  // refused is as good as not tried
    }

    private mutating func attemptOnExisting(_ body: (Account, String, String) throws -> Any) {
        guard let entry = existing() else { return }
        let target = path()
        _ = try? body(account, entry, target)  // refused is as good as not tried
    }

    private mutating func existing() -> String? {
        let entries = account.tree().map(\.path)
        return entries.isEmpty ? nil : random.pick(entries)
    }

    /// The name is spelled anew and the account tells nobody.
    private mutating func renameCase() {
        guard let path = existing(), let slash = path.lastIndex(of: "/") else { return }
        let name = path[path.index(after: slash)...]
        _ = try? account.renameCase(path, to: random.chance(50) ? name.lowercased() : name.uppercased())
    }

    /// A file becomes a folder, a folder a file, or either something that cannot be downloaded.
    private mutating func replace() {
        guard let path = existing() else { return }
        _ = try? account.delete(path)  // it exists
        switch random.number(0...3) {
        case 0: _ = try? account.put(path + "/" + spelled(random.pick(Self.names)), random.pick(Self.contents))
        case 1: _ = try? account.makeFolder(path)
        case 2: _ = try? account.put(path, random.pick(Self.contents), clientModified: random.pick(Self.times))
        default:
            var commit = Commit(path: path)
            commit.traits.isDownloadable = false
            _ = try? account.commit(commit, .text("document"))
        }
    }
}
