import Glibc
import Sandbox
import Store
import SyncModel
import Synchronization
import TestSupport
import Testing

@testable import Engine

/// Listings whose parts are read side by side.
@Suite(.timeLimit(.minutes(30)))
struct PartedListingTests {
    /// 300 files in folders, on pages of ten entries, several at a time.
    private func fixture(width: Int = 4, leastEntries: Int = 0) throws -> EngineFixture {
        let fixture = try EngineFixture(Account(seed: Seed(files: 300)), pageSize: 10)
        fixture.settings.listing.width = width
        fixture.settings.listing.leastEntries = leastEntries
        return fixture
    }

    private func expectEqual(_ fixture: EngineFixture) async throws {
        #expect(try fixture.differences() == [])
        #expect(try await fixture.brokenInvariants() == [])
        #expect(try await fixture.start().store.listingParts() == [])
        #expect(try await fixture.start().store.progress().isComplete)
    }

    @Test("several pages are under way at a time") func width() async throws {
        let fixture = try fixture()
        let (running, most) = (Shared(0), Shared(0))
        fixture.remote.onPage { _ in
            let count = running.withLock { count in
                count += 1
                return count
            }
            most.withLock { $0 = max($0, count) }
            try await Task.sleep(for: .milliseconds(5))
            running.withLock { $0 -= 1 }
        }
        try await fixture.pass()
        #expect(most.withLock { $0 } > 1)
        #expect(most.withLock { $0 } <= 4)
        try await expectEqual(fixture)
    }

    @Test("an account that fits on a page is asked for once") func small() async throws {
        let fixture = try EngineFixture(Account(seed: Seed(files: 8)), pageSize: 100)
        try await fixture.pass()
        #expect(fixture.remote.pages == 1)
        try await expectEqual(fixture)
    }

    @Test("a part that is large is divided by its own folders, however deep") func deep() async throws {
        let fixture = try EngineFixture(pageSize: 5)
        for number in 0..<60 { _ = try fixture.account.put("/top/only/in \(number % 6)/file \(number)", "\(number)") }
        let parts = Shared<Set<RemoteKey>>([])
        fixture.remote.onPart { part in _ = parts.withLock { $0.insert(part.folder) } }
        try await fixture.pass()
        #expect(parts.withLock { $0 }.isSuperset(of: (0..<6).map { RemoteKey("/top/only/in \($0)") }))
        try await expectEqual(fixture)
    }

    @Test("folders that hold next to nothing become one part again") func united() async throws {
        let fixture = try EngineFixture(pageSize: 20)
        for number in 0..<400 { _ = try fixture.account.put("/folder \(number)/file", "\(number)") }
        fixture.settings.listing.sample = 8
        fixture.settings.listing.leastEntries = 5
        try await fixture.pass()
        #expect(fixture.remote.pages < 120, "800 entries are 40 pages, and so are the folders")
        try await expectEqual(fixture)
    }

    @Test("a folder that is said not to be there is not believed to be empty") func notFound() async throws {
        let fixture = try fixture()
        let lost = Shared<RemoteKey?>(nil)
        fixture.remote.loses { part in
            part.folder != .root
                && lost.withLock { key in
                    key = key ?? part.folder
                    return key == part.folder
                }
        }
        #expect(try await fixture.pass().resets == 1)
        #expect(lost.withLock { $0 } != nil)
        try await expectEqual(fixture)
    }

    @Test("a stop right after a page that cannot be read whole loses none of its folders", arguments: 0..<6)
    func stopped(point: Int) async throws {
        let fixture = try fixture()
        fixture.settings.listing.pages = 1
        let isFirst = Shared(true)
        fixture.remote.onPart { part in if !part.isRecursive { isFirst.withLock { $0 = false } } }
        fixture.remote.alter { page in
            guard isFirst.withLock({ !$0 }) else { return }
            isFirst.withLock { $0 = true }
            page.unread.append(UnreadEntry(what: "?", reason: "for the test", beginning: .root))
        }
        let left = Shared(point)
        fixture.faults = { fault in
            guard fault == .record else { return }
            let isOver = left.withLock { count in
                count -= 1
                return count < 0
            }
            if isOver { throw SimulatedCrash() }
        }
        _ = try? await fixture.pass()
        fixture.faults = { _ in }
        fixture.remote.alter(nil)
        try fixture.crash()
        try await fixture.pass()
        #expect(try fixture.differences() == [])
    }

    @Test("a thousand empty folders are no endless listing") func empty() async throws {
        let fixture = try EngineFixture(pageSize: 100)
        fixture.settings.listing.leastEntries = 0
        fixture.account.configure { $0.listsWatchedFolder = false }
        for number in 0..<1100 { _ = try fixture.account.makeFolder("/folder \(number)") }
        try await fixture.pass()
        try await expectEqual(fixture)
    }

    @Test("a folder that lies elsewhere opens no part") func elsewhere() throws {
        func folders(_ keys: String..., of part: ListingPart) -> [RemoteKey]? {
            let changes = keys.map { key in
                RemoteChange.put(RemoteKey(key), .folder(name: FileName(RemoteKey(key).name)), parents: [])
            }
            return PartedListing.folders(
                in: ChangePage(changes: changes, cursor: Cursor("C"), hasMore: false), of: part)
        }
        let part = ListingPart(RemoteKey("/a"), isRecursive: false)
        #expect(folders("/a", "/a/b", "/a/c", of: part) == [RemoteKey("/a/b"), RemoteKey("/a/c")])
        #expect(folders("/a/b", "/a/b/c", of: part) == nil)
        #expect(folders("/b", of: part) == nil)
        #expect(folders("/a/b/c", of: ListingPart(RemoteKey("/a"), isRecursive: true)) == [])
    }

    @Test("what moves between parts while they are listed is told afterwards", arguments: 0..<12)
    func moved(seed: UInt64) async throws {
        let fixture = try fixture(leastEntries: seed % 2 == 0 ? 0 : 3)
        let random = Shared(SeededRandom(seed: seed))
        let account = fixture.account
        fixture.remote.onPage { _ in
            try random.withLock { random in
                let tree = account.tree()
                let from = random.pick(tree).path
                switch random.number(0...3) {
                case 0: _ = try? account.delete(from)
                case 1: _ = try? account.move(from, "/Projects 1/moved \(random.number(0...99))")
                case 2: _ = try? account.move(from, "/moved \(random.number(0...99))")
                default: _ = try account.put("/new \(random.number(0...9))/file \(random.number(0...9))", "new")
                }
            }
        }
        _ = try? await fixture.pass()
        fixture.remote.onPage(nil)
        try await fixture.pass()
        try await expectEqual(fixture)
    }

    @Test("what went after its page and before the cursor is not wanted") func gone() async throws {
        let fixture = try fixture()
        fixture.settings.listing.pages = 1
        let account = fixture.account
        let told = Shared<[String]>([])
        fixture.remote.alter { page in
            told.withLock { keys in
                guard keys.isEmpty else { return }
                for case .put(let key, .file, _) in page.changes { keys.append(key.text) }
            }
        }
        fixture.remote.onLatestCursor { for key in told.withLock({ $0 }) { _ = try account.delete(key) } }
        try await fixture.pass()
        #expect(told.withLock { $0.count } > 2)
        try await expectEqual(fixture)
    }

    @Test("after a stop only what is not complete is asked for again", arguments: [8, 15, 25])
    func resumed(stop: Int) async throws {
        let fixture = try fixture(width: 3)
        fixture.remote.onPage { if $0 >= stop { throw SandboxError(disposition: .unreachable) } }
        await #expect(throws: SandboxError.self) { try await fixture.pass() }
        try fixture.crash()
        #expect(try await !fixture.start().store.listingParts().isEmpty)
        fixture.remote.onPage(nil)
        fixture.remote.resetCounts()
        _ = try fixture.account.put("/meanwhile", "new")
        try await fixture.pass()
        let rest = fixture.remote.pages
        try await expectEqual(fixture)
        let whole = try self.fixture(width: 3)
        try await whole.pass()
        #expect(rest < whole.remote.pages - stop / 3)
    }

    @Test("nothing is removed before all parts are there") func removals() async throws {
        let fixture = try fixture()
        try await fixture.pass()
        let files = fixture.account.tree().filter(\.isFile)
        let gone = try #require(files.first).path
        let place = fixture.mirror + gone
        _ = try fixture.account.delete(gone)
        fixture.account.expireCursors()
        fixture.remote.resetCounts()
        fixture.remote.onPage { number in
            #expect(access(place, F_OK) == 0)
            if number > 12 { throw SandboxError(disposition: .unreachable) }
        }
        await #expect(throws: SandboxError.self) { try await fixture.pass() }
        #expect(access(place, F_OK) == 0)
        fixture.remote.onPage(nil)
        try await fixture.pass()
        #expect(access(place, F_OK) != 0)
        try await expectEqual(fixture)
    }

    @Test("a folder that cannot be listed by itself has the account listed as a whole") func refused() async throws {
        let fixture = try fixture()
        fixture.remote.onPart { if $0.folder != .root { throw SandboxError(disposition: .skipItem) } }
        #expect(try await fixture.pass().resets == 1)
        try await expectEqual(fixture)
    }

    @Test("an entry that cannot be read has its folder listed as a whole") func unreadable() async throws {
        let fixture = try fixture()
        let parts = Shared<[ListingPart]>([])
        fixture.remote.onPart { part in parts.withLock { $0.append(part) } }
        fixture.remote.alter { page in
            if parts.withLock({ $0.count == 1 }) {
                page.unread.append(UnreadEntry(what: "?", reason: "for the test", beginning: .root))
            }
        }
        try await fixture.pass()
        #expect(parts.withLock { $0.dropFirst().allSatisfy { $0.folder == .root && $0.isRecursive } })
        #expect(try fixture.differences() == [])
    }
}
