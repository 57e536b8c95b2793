import SyncModel
import Testing

@Suite(.timeLimit(.minutes(5)))
struct PathBytesTests {
    /// A combining mark behind a slash makes one character of both: found by the fuzzer.
    @Test("a name that begins with a combining mark is a name of its own")
    func combiningMark() throws {
        let name = FileName("\u{301}x")
        let path = try MirrorPath.root.appending(FileName("a")).appending(name)
        #expect(MirrorPath(text: path.text) == path)
        #expect(RemoteKey("/a/\u{301}x").parent == RemoteKey("/a"))
        #expect("/a/\u{301}x".pathComponents.count == 2)
        #expect("/a/\u{301}x".pathAboveLastSlash == "/a")
    }
}
