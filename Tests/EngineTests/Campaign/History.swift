import Engine
import Foundation
import Logging
import MirrorFS
import Sandbox
import Store
import SyncModel
import Synchronization
import TestSupport

/// One random history of an account and of the machine that mirrors it, told by its seed.
final class History {
    struct NeverEnds: Error {}

    private let fixture: EngineFixture
    private var life: AccountLife
    private var random: SeededRandom
    /// Who does things in the mirror; nil if nobody does.
    private var localEditor: LocalEditor?
    /// What the account held when a pass began, by the time of that; nothing for a pass during which it changed.
    private var accounts: [Timestamp: Tree?] = [:]
    /// Whether nobody has done anything in the mirror since it was last compared with have.
    private var isDiskKnown = false
    /// Whether patterns change; then nobody meddles, so that what is left alone can be told from what is lost.
    private let hasPatterns: Bool
    /// Who holds what is too much; nil if nothing is held.
    private var decider: Decider?
    /// What happened, line by line.
    let story = Story()
    /// What went wrong.
    private(set) var failures: [String] = []

    /// Fault points in one pass beyond which it is taken to go round in circles.
    private static let pointsAllowed = 20_000

    /// Chooses about online documents; a stream of its own, so that histories without them are what they were.
    private var documents: SeededRandom
    /// Chooses about symbolic links, likewise.
    private var links: SeededRandom

    init(seed: UInt64) throws {
        var random = SeededRandom(seed: seed)
        var documents = SeededRandom(seed: seed ^ 0x646f_6373)
        var links = SeededRandom(seed: seed ^ 0x6c69_6e6b)
        fixture = try EngineFixture(Account(), pageSize: random.number(1...7), inMemory: true)
        var life = AccountLife(account: fixture.account, random: SeededRandom(seed: random.next()))
        life.chooseFaults()
        life.hasDocuments = documents.chance(50)
        life.hasLinks = links.chance(40)
        fixture.settings.selection.symlinks = links.chance(70)
        self.life = life
        self.documents = documents
        self.links = links
        fixture.settings.batch = random.number(1...8)
        fixture.settings.window = random.number(1...16)
        fixture.settings.parallel = random.number(1...4)
        if random.chance(40) {
            localEditor = LocalEditor(mirror: fixture.mirror, random: SeededRandom(seed: random.next()))
            fixture.localChanges = random.pick([.aside, .aside, .overwrite, .keep])
            fixture.settings.strangers = random.pick([.keep, .aside])
            if random.chance(50) { fixture.settings.sweep = .zero }
        }
        fixture.settings.trash = TrashSettings(keep: .seconds(100 * 365 * 86_400), limit: .bytes(.max))
        // Patterns count for both names of a document, which these comparisons do not know.
        hasPatterns = localEditor == nil && random.chance(50) && !life.hasDocuments
        if localEditor == nil && !hasPatterns { decider = Decider(fixture, &random) }
        History.chooseZips(fixture, &random)
        History.chooseEars(fixture, &random)
        History.chooseParts(fixture, &random)
        self.random = random
        let story = story
        fixture.logger = Logger(label: "history") { _ in story }
        fixture.logger.logLevel = .debug
    }

    /// Some histories see folders of a few files as zips, some of which are cut or damaged.
    private static func chooseZips(_ fixture: EngineFixture, _ random: inout SeededRandom) {
        fixture.settings.bulk =
            random.chance(60) ? ZipGrouping(leastFiles: random.number(1...3)) : nil
        let chance = Shared(SeededRandom(seed: random.next()))
        fixture.remote.onZip { _, bytes in
            chance.withLock { chance in
                if chance.chance(30) { bytes.removeLast(chance.number(0...(bytes.count - 1))) }
                if !bytes.isEmpty, chance.chance(30) { bytes[chance.number(0...(bytes.count - 1))] ^= 0x21 }
            }
        }
    }

    /// Some histories hear of changes while files arrive.
    private static func chooseEars(_ fixture: EngineFixture, _ random: inout SeededRandom) {
        guard random.chance(60) else { return }
        fixture.settings.listensAfter = .zero
        fixture.settings.longpoll = random.chance(50)
        fixture.settings.interval = .milliseconds(random.number(0...2))
    }

    /// Most histories list the account in parts, divided and united at every opportunity.
    private static func chooseParts(_ fixture: EngineFixture, _ random: inout SeededRandom) {
        fixture.settings.listing.pages = random.pick([1, 1, 1, 2, 3, 1_000_000])
        fixture.settings.listing.width = random.number(1...4)
        fixture.settings.listing.sample = random.pick([1, 2, 32])
        fixture.settings.listing.leastEntries = random.number(0...4)
    }

    /// Lives through the history and compares at its end.
    func run() async throws {
        for _ in 0..<random.number(5...25) { try await step() }
        try await settle()
        try await compare()
    }

    private func step() async throws {
        let choice = random.number(0...99)
        defer { tell(choice) }
        switch choice {
        case 0..<45: for _ in 0..<random.number(1...4) { life.change() }
        case 45..<72:
            try await pass(crashing: random.chance(60))
            try await compareWord()
        case 72..<76: try fixture.crash()
        case 76..<81: fixture.account.expireCursors()
        case 79..<81 where decider != nil: try await decide()
        case 81..<86: fixture.time.advance(by: Int64(random.pick([10, 100, 4_000, 90_000, 700_000])))
        default:
            if localEditor != nil { edit() }
            if hasPatterns { await changePatterns() }
            // Another form is no loss of the account's, which the comparisons with a guard do not know.
            if life.hasDocuments, decider == nil, documents.chance(30) { await changeFormats() }
            if life.hasLinks, links.chance(20) { await changeLinks() }
        }
    }

    /// What the account holds, in the forms that are configured.
    private var accountTree: Tree {
        let selection = fixture.settings.selection
        return Tree(account: fixture.account, exports: selection.exports, symlinks: selection.symlinks)
    }

    private func changeLinks() async {
        var selection = fixture.settings.selection
        selection.symlinks.toggle()
        story.tell("links are made: \(selection.symlinks)")
        await fixture.select(selection)
    }

    private func changeFormats() async {
        var exports = ExportSettings()
        exports[.paper] = documents.pick([.format("md"), .format("html"), .link, .off, .standard])
        exports[.gdoc] = documents.pick([.format("docx"), .format("pdf"), .link, .off])
        exports[.other] = documents.pick([.standard, .link])
        story.tell("forms: \(exports)")
        var selection = fixture.settings.selection
        selection.exports = exports
        await fixture.select(selection)
    }

    private func edit() {
        isDiskKnown = false
        if let told = localEditor?.edit() { story.tell(told) }
    }

    private func tell(_ choice: Int) {
        story.tell("step \(choice), account: " + fixture.account.tree().map(\.path).joined(separator: " "))
        let mirror = (try? Tree(directory: fixture.mirror))?.lines.keys.sorted() ?? []
        story.tell("        mirror:  /" + mirror.joined(separator: " /"))
    }

    // MARK: Passes

    private func pass(crashing: Bool) async throws {
        let left = Atomic<Int>(crashing ? random.number(0...60) : Self.pointsAllowed)
        hook { if left.wrappingSubtract(1, ordering: .relaxed).oldValue <= 0 { throw SimulatedCrash() } }
        fixture.time.advance(by: 1)
        let began = fixture.time.now
        let isQuiet = !random.chance(30)
        if !isQuiet { misbehave() }
        let account = accountTree
        accounts.updateValue(isQuiet ? account : nil, forKey: began)
        let leftAlone = try filesLeftAlone()
        defer { compareLeftAlone(leftAlone) }
        let kept = KeptFiles(mirror: fixture.mirror)
        defer { compareKept(kept, replacing: isQuiet ? [] : kept.replacements(in: account)) }
        do {
            try await fixture.pass()
        } catch is SimulatedCrash {
            if !crashing { throw NeverEnds() }
            try fixture.crash()
        } catch is SandboxError {
            // The network failed for longer than a pass bears.
        } catch is EngineError {
            // Every cursor expired as soon as it was handed out.
        }
        fixture.remote.onPage(nil)
        fixture.remote.onLatestCursor(nil)
        fixture.remote.onDownload(nil)
        fixture.remote.onExport(nil)
        hook {}
        if try await fixture.start().store.sweptAt() == began { isDiskKnown = true }
    }

    /// The hook has to be in place before the store is opened, so a new one means a new start.
    private func hook(_ body: @escaping @Sendable () throws -> Void) {
        faults.withLock { $0 = body }
        let faults = faults
        fixture.faults = { _ in try faults.withLock { $0 }() }
    }

    private let faults = Shared<@Sendable () throws -> Void>({})

    /// News arrive between pages; pages and downloads fail.
    private func misbehave() {
        let trouble = Shared(SeededRandom(seed: random.next()))
        var other = AccountLife(account: fixture.account, random: SeededRandom(seed: random.next()))
        other.hasDocuments = life.hasDocuments
        other.hasLinks = life.hasLinks
        let changes = Shared(other)
        fixture.remote.onPage { _ in
            let (changesNow, expires, fails) = trouble.withLock { ($0.chance(40), $0.chance(5), $0.chance(5)) }
            if changesNow { changes.withLock { $0.change() } }
            if expires { changes.withLock { $0.account.expireCursors() } }
            if fails { throw SandboxError(disposition: .retry(after: nil)) }
        }
        fixture.remote.onLatestCursor {
            let (changesNow, fails) = trouble.withLock { ($0.chance(60), $0.chance(10)) }
            if changesNow { changes.withLock { $0.change() } }
            if fails { throw SandboxError(disposition: .unreachable) }
        }
        fixture.remote.onDownload { _ in
            let fails = trouble.withLock { random in random.chance(20) ? random.number(0...1) : nil }
            if let fails { throw SandboxError(disposition: fails == 0 ? .skipItem : .retry(after: .seconds(5))) }
        }
        fixture.remote.onExport { _, bytes in
            let fails = trouble.withLock { random in random.chance(30) ? random.number(0...2) : nil }
            switch fails {
            case 0?: throw SandboxError(disposition: .skipItem)
            case 1?: throw SandboxError(disposition: .parked)
            case 2? where !bytes.isEmpty: bytes.removeLast()
            default: break
            }
        }
    }

    /// None of what stood is nowhere, and no more of it went than was allowed or approved.
    ///
    /// - Parameter replacing: paths whose files may be replaced and then moved in the same pass.
    private func compareKept(_ before: KeptFiles, replacing: Set<String> = []) {
        let after = KeptFiles(mirror: fixture.mirror)
        failures += before.lost(in: after, sparing: localEditor != nil)
        if let excess = decider?.excess(before, after, accountTree, replacing, now: fixture.time.now) {
            failures.append(excess)
        }
    }

    private func decide() async throws {
        guard let told = try await decider?.decide(fixture.start().store, &random) else { return }
        story.tell(told)
    }

    // MARK: What is said

    /// If the state says that all is well, and nobody has done anything in the mirror since it was looked at, then the
    /// mirror is what the account was at the time that the state tells, or at the beginning of a pass since.
    private func compareWord() async throws {
        guard isDiskKnown, fixture.settings.selection.isEverything else { return }
        let store = try await fixture.start().store
        let progress = try await store.progress()
        let found = try await store.findings(limit: 10_000)
        let evidence = SyncSnapshot(
            progress: progress, isSelected: store.selection == fixture.settings.selection,
            backlog: try await store.backlog(), unproven: found.unproven.count)
        guard evidence.isInStep, let asOf = progress.inStepAsOf else { return }
        let accounts = accounts.filter { $0.key >= asOf }.sorted { $0.key < $1.key }.map(\.value)
        if accounts.isEmpty || accounts.contains(nil) { return }
        let unexplained = accounts.compactMap(\.self).map {
            self.unexplained($0, found, forgivingExtra: hasStrangers)
        }
        if unexplained.contains([]) { return }
        story.tell("        said to be in step as of \(asOf)")
        for (time, tree) in self.accounts.sorted(by: { $0.key < $1.key }) where time >= asOf {
            story.tell("        account at \(time): \(tree?.lines.keys.sorted() ?? ["changed"])")
        }
        failures += (unexplained.last ?? []).map { "said to be in step: \($0)" }
    }

    /// How the mirror differs from the account, but for strangers, which are told, or were put there since the last look;
    /// in lower case, since a listing alone tells of a name that is spelled anew.
    ///
    /// - Parameters:
    ///   - failing: paths in lower case that are told as failing or parked.
    ///   - forgivingExtra: whether what is somebody's may not be told yet: what was replaced by something of another kind
    ///     is a stranger's from the next look on.
    private func unexplained(
        _ account: Tree, _ found: Findings, but failing: Set<String> = [], forgivingExtra: Bool = false
    ) -> [String] {
        guard let mirror = try? Tree(directory: fixture.mirror) else { return ["the mirror is gone"] }
        let told = Set(found.strangerPaths.map { Self.folded($0.split(separator: "/")[...]) })
        let somebodys = localEditor?.texts ?? []
        let wantedNames = Set(account.lines.keys.map { $0.lowercased() })
        let rightNames = Set(account.lines.filter { mirror.lines[$0.key] == $0.value }.map { $0.key.lowercased() })
        let strange = mirror.lines.keys.filter { path in
            let name = path.lowercased()
            if let wanted = account.lines[path] {
                // What is wanted may stand there by the name that it had.
                let stands = mirror.lines.contains {
                    $0.key != path && $0.key.lowercased() == name && $0.value == wanted
                }
                if mirror.lines[path] == wanted || !stands { return false }
            }
            if forgivingExtra && (!wantedNames.contains(name) || rightNames.contains(name)) { return true }
            let names = path.split(separator: "/")
            // What stands below something that is told need not be told by itself.
            let isToldAbove = names.indices.contains {
                failing.contains("/" + names[..<$0].joined(separator: "/").lowercased())
            }
            if isToldAbove && !wantedNames.contains(name) { return true }
            return names.indices.contains { told.contains(Self.folded(names[...$0])) }
                || LocalEditor.text(at: fixture.mirror + "/" + path).map(somebodys.contains) ?? false
        }
        let holding = Set(
            strange.flatMap { path in path.indices.filter { path[$0] == "/" }.map { String(path[..<$0]) } })
        let ours = mirror.lines.filter { line in
            !strange.contains(line.key) && !(line.value == "dir" && holding.contains(line.key))
        }
        // Folders that hold what is somebody's may stand, whether the account has them or not.
        let alsoOurs = Set(ours.keys.map { $0.lowercased() })
        let theirs = account.lines.filter { line in
            !(line.value == "dir" && !alsoOurs.contains(line.key.lowercased())
                && holding.contains { $0.lowercased() == line.key.lowercased() })
        }
        let (entry, wanted) = (Self.folded(ours, but: failing), Self.folded(theirs, but: failing))
        return entry.differences(from: wanted)
    }

    /// A path with all but its last name in lower case: folders are told with the names that the account gives them.
    private static func folded(_ names: ArraySlice<Substring>) -> String {
        (names.dropLast().map { $0.lowercased() } + names.suffix(1).map(String.init)).joined(separator: "/")
    }

    private static func folded(_ lines: [String: String], but failing: Set<String>) -> Tree {
        // A link holds its document's name, and a listing alone tells that it is spelled anew.
        let folded = lines.map { ($0.key.lowercased(), $0.key.lowercased().hasSuffix(".url") ? "file" : $0.value) }
            .filter { !failing.contains("/" + $0.0) }
        return Tree(lines: Dictionary(folded) { one, _ in one })
    }

    // MARK: Patterns

    private func changePatterns() async {
        let words = ["a", "b", "/a", "B/", "/a/b", "c/*", "**/c", "/a/**", "*", "!a", "!/b/a", "!*/", "[ab]"]
        let (include, exclude) = (random.pick([0, 0, 1, 2]), random.number(0...3))
        let chosen = try? Selection(
            including: (0..<include).map { _ in random.pick(words) },
            excluding: (0..<exclude).map { _ in random.pick(words) })
        guard var chosen else { return failures.append("a pattern was refused") }
        chosen.symlinks = fixture.settings.selection.symlinks
        story.tell("patterns: \(chosen)")
        await fixture.select(chosen)
    }

    private func match(_ path: String, isFolder: Bool) -> Selection.Match {
        fixture.settings.selection.match(of: RemoteKey("/" + path.lowercased()), isFolder: isFolder)
    }

    /// Files that the next pass must not touch, by their paths in lower case.
    private func filesLeftAlone() throws -> [String: String] {
        if !hasPatterns { return [:] }
        let files = try Tree(directory: fixture.mirror).lines.filter {
            $0.value != "dir" && match($0.key, isFolder: false) == .outside
        }
        return Dictionary(uniqueKeysWithValues: files.map { ($0.key.lowercased(), $0.value) })
    }

    private func compareLeftAlone(_ before: [String: String]) {
        if before.isEmpty { return }
        guard let after = try? Tree(directory: fixture.mirror).lines else {
            return failures.append("the mirror is gone")
        }
        let now = Dictionary(after.map { ($0.key.lowercased(), $0.value) }, uniquingKeysWith: { one, _ in one })
        for (path, line) in before where now[path] != line {
            failures.append(
                "not left alone by \(fixture.settings.selection): \(path) was \(line), is \(now[path] ?? "-")")
        }
    }

    /// Whether something below a folder of the account is selected.
    private func holdsSelected(_ path: String, _ account: [String: String]) -> Bool {
        account.contains {
            $0.key.lowercased().hasPrefix(path.lowercased() + "/")
                && match($0.key, isFolder: $0.value == "dir") == .selected
        }
    }

    /// What is selected is as in the account, but for what is reported; the rest is nobody's business.
    private func compareSelected() async throws {
        failures += try await fixture.brokenInvariants()
        let troubles = try await fixture.start().store.pathIssues(limit: 1000)
        failures += troubles.filter { !$0.isParked }.map { "failing: \($0.path): \($0.reason)" }
        let reported = Set(troubles.map { $0.path.lowercased() })
        let (mirror, account) = (try Tree(directory: fixture.mirror).lines, accountTree.lines)
        let kinds = Dictionary(
            fixture.account.tree().map { ($0.path.lowercased(), $0.isFile) }, uniquingKeysWith: { one, _ in one })
        for (path, line) in account where mirror[path] != line && !reported.contains("/" + path.lowercased()) {
            let isNeeded =
                switch match(path, isFolder: line == "dir") {
                case .selected: true
                case .outside: false
                case .onTheWay: holdsSelected(path, account)
                }
            if isNeeded { failures.append("\(path): \(line) / \(mirror[path] ?? "nothing")") }
        }
        for (path, line) in mirror where account[path] == nil {
            let key = "/" + path.lowercased()
            let holdsLeftAlone = mirror.contains {
                $0.key.hasPrefix(path + "/") && match($0.key, isFolder: $0.value == "dir") == .outside
            }
            // What the account holds there decides, if it holds something that is wanted.
            let isFolder = kinds[key].map { !$0 } ?? (line == "dir")
            let isUnneeded = isFolder && match(path, isFolder: true) == .onTheWay && !holdsSelected(path, account)
            if match(path, isFolder: isUnneeded ? line == "dir" : isFolder) == .outside { continue }
            if holdsLeftAlone || reported.contains(key) { continue }
            failures.append("\(path): \(line) stands, and is not in the account")
        }
    }

    // MARK: The end

    private func settle() async throws {
        if hasPatterns {
            try await settleOnce()
            try await compareSelected()
            await fixture.select(.everything)
        }
        if life.hasDocuments { try await settleOnce() }
        try await settleOnce()
    }

    private func settleOnce() async throws {
        let left = Atomic<Int>(Self.pointsAllowed)
        hook { if left.wrappingSubtract(1, ordering: .relaxed).oldValue <= 0 { throw NeverEnds() } }
        let leftAlone = try filesLeftAlone()
        defer { compareLeftAlone(leftAlone) }
        try await fixture.pass()
        fixture.time.advance(by: 2 * 86_400)
        try await fixture.pass()
        // Silent renames are found by a listing.
        fixture.time.advance(by: 8 * 86_400)
        try await fixture.pass()
        try await release()
        if hasStrangers {
            // A folder that strangers kept standing waits for its next try.
            fixture.time.advance(by: 2 * 86_400)
            try await fixture.pass()
            try await release()
        }
        failures += try await fixture.trashDifferences()
    }

    /// Whether files that are somebody's may stand in the mirror.
    private var hasStrangers: Bool { localEditor != nil || decider?.hasRejected == true }

    /// Approves what is held until nothing is.
    private func release() async throws {
        while try await decider?.approveAll(fixture.start().store) == true { try await fixture.pass() }
    }

    private static let held = "deleted in Dropbox, but it holds files that are not from there"

    private func compare() async throws {
        failures += try await fixture.brokenInvariants()
        compareStrangers()
        // What is kept keeps the mirror from being equal.
        if localEditor != nil && fixture.localChanges == .keep { return }
        let store = try await fixture.start().store
        let troubles = try await store.pathIssues(limit: 1000)
        let held = troubles.filter { $0.reason == Self.held && hasStrangers }
        failures += troubles.filter { !$0.isParked && !held.contains($0) }.map { "\($0.path): \($0.reason)" }
        if !hasStrangers {
            failures += try fixture.differences()
        } else {
            let told = Set(troubles.map { $0.path.lowercased() })
            failures += unexplained(
                accountTree, try await store.findings(limit: 10_000), but: told)
        }
        let backlog = try await store.backlog()
        if backlog.pendingFiles + backlog.pendingRemovals > held.count { failures.append("left over: \(backlog)") }
        if try await !store.intents().isEmpty { failures.append("intents are left over") }
        fixture.remote.resetCounts()
        fixture.time.advance(by: 10)
        let idle = try await fixture.pass()
        if !idle.isEmpty || fixture.remote.downloads > 0 { failures.append("a pass without news does: \(idle)") }
    }

    /// What was put there or edited by somebody else is in the attic or where it was, whole; and nothing but that is.
    private func compareStrangers() {
        let attic = LocalEditor.texts(below: fixture.mirror + "/.dbxsync/aside")
        let mayHoldAny =
            decider?.hasRejected == true
            || localEditor != nil && (fixture.localChanges != .keep || fixture.settings.strangers == .aside)
        if !mayHoldAny && !attic.isEmpty { failures.append("set aside for no reason: \(attic)") }
        guard let localEditor, fixture.localChanges != .overwrite else { return }
        let lost = localEditor.texts.subtracting(attic).subtracting(LocalEditor.texts(below: fixture.mirror))
        if !lost.isEmpty { failures.append("destroyed: \(lost.sorted())") }
    }
}

/// A value that several tasks share.
final class Shared<Value>: @unchecked Sendable {
    // `@unchecked`: the value is touched with the lock held only.
    private let lock = Mutex(())
    private var value: Value

    init(_ value: Value) { self.value = value }

    func withLock<Result>(_ body: (inout Value) throws -> Result) rethrows -> Result {
        try lock.withLock { _ in try body(&value) }
    }
}
