import Store
import SyncModel
import TestSupport
import Testing

/// What is about to be put in place is looked at once more.
@Suite(.timeLimit(.minutes(15)))
struct IntendTests {
    @Test("nothing is put where nothing is wanted any more: its folder may be gone already") func unwanted()
        async throws
    {
        let fixture = try StoreFixture()
        try await fixture.record("a/ a/b=1 c=2")
        try await fixture.record(deleted: ["a"])
        let keys = ["/a", "/a/b", "/c"].map { RemoteKey($0) }
        let intents = try keys.map {
            Intent(key: $0, path: try #require(MirrorPath(text: String($0.text.dropFirst()))), after: nil)
        }
        #expect(try await fixture.store.intend(intents, placing: keys) == [keys[0], keys[1]])
        #expect(try await fixture.store.intents().map(\.key) == keys)
    }
}
