import Synchronization
import Testing

@testable import Sandbox

@Suite(.timeLimit(.minutes(5)))
struct LongpollTests {
    let account = Account()

    private func somebodyWaits() async {
        while account.state.withLock({ $0.waiters.isEmpty }) { await Task.yield() }
    }

    @Test("unread entries are told at once")
    func unread() async throws {
        let cursor = try account.latestCursor()
        try account.put("/a", "a")
        #expect(try await account.awaitChange(after: cursor, for: .seconds(3_600)))
    }

    @Test("a change wakes who waits, wherever in the account it is")
    func wakes() async throws {
        try account.makeFolder("/watched")
        let cursor = try account.latestCursor(ListOptions(path: "/watched"))
        let isChanged = Task { try await account.awaitChange(after: cursor, for: .seconds(3_600)) }
        await somebodyWaits()
        try account.put("/elsewhere", "e")
        #expect(try await isChanged.value)
        #expect(try account.news(cursor) == [])
    }

    @Test("time passes without a change")
    func timeOut() async throws {
        let cursor = try account.latestCursor()
        #expect(try await !account.awaitChange(after: cursor, for: .milliseconds(1)))
    }

    @Test("who waits hears that cursors have expired")
    func expiry() async throws {
        let cursor = try account.latestCursor()
        let answer = Task { try await account.awaitChange(after: cursor, for: .seconds(3_600)) }
        await somebodyWaits()
        account.expireCursors()
        await #expect(throws: AccountError.reset) { try await answer.value }
    }

    @Test("a cursor with media info is none for longpoll")
    func mediaInfo() async throws {
        var options = ListOptions()
        options.includesMediaInfo = true
        let cursor = try account.latestCursor(options)
        await #expect(throws: AccountError.badCursor) { try await account.awaitChange(after: cursor, for: .zero) }
    }
}
