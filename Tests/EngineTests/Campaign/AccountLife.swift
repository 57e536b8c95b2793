import Sandbox
import TestSupport

/// Random changes to an account over a name space so small that everything collides.
struct AccountLife {
    let account: Account
    var random: SeededRandom
    /// Whether there are online documents, and files that have the names of their exports.
    var hasDocuments = false
    /// Whether there are symbolic links.
    var hasLinks = false

    private static let names = ["a", "b", "c"]
    private static let contents = ["", "x", "yy", "zzzz"]
    private static let times: [Int64] = [1_500_000_000, 1_500_000_001]
    private static let targets = [
        "a", "B", "b/c", "./a", "../a", "../b/c", "../../c", "a/../../b", "/a", ".dbxsync/x", "",
    ]

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
        if hasLinks, random.chance(20) { return link() }
        switch random.number(0...99) {
        case 0..<36: attempt { try $0.put($1, $2, clientModified: $3) }
        case 36..<43: attempt { account, path, _, _ in try account.makeFolder(path) }
        case 43..<56: attemptOnExisting { account, path, _ in try account.delete(path) }
        case 56..<71: attemptOnExisting { try $0.move($1, $2) }
        case 71..<77: attemptOnExisting { try $0.copy($1, $2) }
        case 77..<80: attemptOnExisting { account, path, _ in try account.reshare(path) }
        case 80..<88: changeSharing()
        case 88..<94: renameCase()
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

    /// A symbolic link is made, or leads elsewhere.
    private mutating func link() {
        var traits = FileTraits()
        traits.symlinkTarget = random.pick(Self.targets)
        attempt { try $0.put($1, .text($2), clientModified: $3, traits: traits) }
    }

    private mutating func spelled(_ name: String) -> String { random.chance(70) ? name : name.uppercased() }

    private mutating func attempt(_ body: (Account, String, String, Int64) throws -> Any) {
        let (path, content, time) = (path(), random.pick(Self.contents), random.pick(Self.times))
        _ = try? body(member, path, content, time)  // refused is as good as not tried
    }

    private mutating func attemptOnExisting(_ body: (Account, String, String) throws -> Any) {
        guard let entry = existing() else { return }
        let target = path()
        _ = try? body(member, entry, target)  // refused is as good as not tried
    }

    /// Who may do in shared folders what the member may.
    private var member: Account { account.asMember(from: .root) }

    private mutating func existing() -> String? {
        let entries = account.tree().map(\.path)
        return entries.isEmpty ? nil : random.pick(entries)
    }

    /// A shared folder is made, mounted, left, taken away, given back, or changed by others.
    private mutating func changeSharing() {
        let id = random.pick(["9001", "9002"])
        guard let mounted = account.sharedFolders[id] else {
            guard let folder = existing(), random.chance(50) else { return account.makeSharedFolder(id) }
            return attempt { account, _, _, _ in try account.share(folder, id: id) }
        }
        if random.chance(40), !mounted.isEmpty, isOpen(mounted) {
            let shared = account.seen(from: .shared(id))
            return attempt { _, path, content, time in try shared.put(path, content, clientModified: time) }
        }
        if mounted.isEmpty { return attempt { account, path, _, _ in try account.mount(id, at: path) } }
        let (seen, isReadOnly) = ([random.pick(Self.names)], random.chance(50))
        switch random.number(0...9) {
        case 0..<2: attempt { account, _, _, _ in try account.unmount(mounted) }
        case 2..<4: attempt { account, _, _, _ in try account.loseAccess(mounted) }
        case 4: attempt { account, _, _, _ in try account.loseAccess(mounted, except: seen) }
        case 5..<9: attempt { account, _, _, _ in try account.regainAccess(mounted) }
        default: attempt { account, _, _, _ in try account.setReadOnly(mounted, isReadOnly) }
        }
    }

    /// Whether all of a shared folder is seen: what others put elsewhere is not.
    private func isOpen(_ path: String) -> Bool {
        let sharing = account.tree().first { $0.path == path }?.sharing
        return sharing?.isForbidden != true && sharing?.isTraverseOnly != true
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
        _ = try? member.delete(path)  // it exists
        switch random.number(0...3) {
        case 0: _ = try? member.put(path + "/" + spelled(random.pick(Self.names)), random.pick(Self.contents))
        case 1: _ = try? member.makeFolder(path)
        case 2: _ = try? member.put(path, random.pick(Self.contents), clientModified: random.pick(Self.times))
        default:
            var commit = Commit(path: path)
            commit.traits.isDownloadable = false
            _ = try? member.commit(commit, .text("document"))
        }
    }
}
