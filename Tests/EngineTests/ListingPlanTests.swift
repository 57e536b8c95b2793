import SyncModel
import Testing

@testable import Engine

/// What is asked for next, and what becomes of the folders.
@Suite(.timeLimit(.minutes(5)))
struct ListingPlanTests {
    private static func limits(width: Int = 4, pages: Int = 2, sample: Int = 3, least: Int = 10) -> ListingLimits {
        var limits = ListingLimits()
        (limits.width, limits.pages, limits.sample, limits.leastEntries) = (width, pages, sample, least)
        return limits
    }

    private func plan(_ parts: [String], _ limits: ListingLimits = Self.limits()) -> ListingPlan {
        ListingPlan(parts.map { ListingPart(RemoteKey($0), isRecursive: true) }, limits: limits)
    }

    /// As many as may be asked for now.
    private func ask(_ plan: inout ListingPlan) -> [ListingPart] {
        var parts: [ListingPart] = []
        while let part = plan.next() { parts.append(part) }
        return parts
    }

    /// Reads a page of the next part.
    private func read(
        _ plan: inout ListingPlan, entries: Int = 1, next: String? = nil, folders: [RemoteKey]? = []
    ) throws -> ListingPart? {
        let part = plan.next()
        return plan.didRead(
            try #require(part), entries: entries, next: next.map { Cursor($0) }, folders: folders)
    }

    @Test("the number of pages at a time doubles with each that comes, up to the width") func width() throws {
        var plan = plan((0..<20).map { "/\($0)" })
        var counts: [Int] = []
        var running = ask(&plan)
        for _ in 0..<4 {
            counts.append(running.count)
            let change = plan.didRead(running.removeFirst(), entries: 100, next: nil, folders: [])
            #expect(change == nil)
            running += ask(&plan)
        }
        #expect(counts == [1, 2, 4, 4])
    }

    @Test("the folders of a page become parts; a part that goes on comes first") func order() throws {
        var plan = ListingPlan([ListingPart(.root, isRecursive: false)], limits: Self.limits(width: 2))
        let change = try read(&plan, entries: 5, next: "more", folders: [RemoteKey("/a"), RemoteKey("/b")])
        #expect(change == nil)
        let asked = ask(&plan)
        #expect(
            asked == [
                ListingPart(.root, isRecursive: false, cursor: Cursor("more")),
                ListingPart(RemoteKey("/a"), isRecursive: true),
            ])
    }

    @Test("a part that goes on while nothing else waits is divided once it has had its pages") func divided() throws {
        var plan = plan(["/a"])
        let changes = [try read(&plan, next: "1"), try read(&plan, next: "2")]
        #expect(changes == [nil, ListingPart(RemoteKey("/a"), isRecursive: false)])
        let asked = ask(&plan)
        #expect(asked == [ListingPart(RemoteKey("/a"), isRecursive: false)])
    }

    @Test("a part is not divided while others wait") func busy() throws {
        var plan = plan(["/a", "/b", "/c"], Self.limits(width: 1))
        for page in 1...9 {
            let change = try read(&plan, next: "\(page)")
            #expect(change == nil)
        }
    }

    @Test("folders that hold too little become one part, and stay one") func united() throws {
        var plan = plan((0..<9).map { "/top/\($0)" } + ["/other"], Self.limits(width: 1))
        let changes = [try read(&plan), try read(&plan), try read(&plan)]
        #expect(changes == [nil, nil, ListingPart(RemoteKey("/top"), isRecursive: true)])
        _ = try read(&plan)
        for page in 1...9 {
            let part = plan.next()
            #expect(part?.folder == RemoteKey("/top"))
            let change = plan.didRead(try #require(part), entries: 1, next: Cursor("\(page)"), folders: [])
            #expect(change == nil)
        }
    }

    @Test("folders that hold enough are left as they are") func worthIt() throws {
        var plan = plan((0..<9).map { "/top/\($0)" }, Self.limits(width: 1))
        for _ in 0..<9 {
            let change = try read(&plan, entries: 10)
            #expect(change == nil)
        }
        let rest = plan.next()
        #expect(rest == nil)
    }

    @Test("a page that does not tell all folders has its folder listed as one part") func unread() throws {
        var plan = ListingPlan([ListingPart(.root, isRecursive: false)], limits: Self.limits())
        let change = try read(&plan, folders: nil)
        #expect(change == ListingPart(.root, isRecursive: true))
        let next = plan.next()
        #expect(next == ListingPart(.root, isRecursive: true))
    }

    @Test("what is under way of a folder that is listed anew is no longer awaited") func replaced() throws {
        var plan = plan((0..<9).map { "/top/\($0)" }, Self.limits(width: 4, sample: 2))
        var running = ask(&plan)
        _ = plan.didRead(running.removeFirst(), entries: 1, next: nil, folders: [])
        running += ask(&plan)
        let change = plan.didRead(running.removeFirst(), entries: 1, next: nil, folders: [])
        #expect(change == ListingPart(RemoteKey("/top"), isRecursive: true))
        #expect(!running.isEmpty)
        for part in running { #expect(!plan.isAwaited(part)) }
    }
}
