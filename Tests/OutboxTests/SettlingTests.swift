import SyncModel
import Testing

@testable import Outbox

/// What the watcher and the uploader remember, by times that the tests give.
@Suite(.timeLimit(.minutes(5))) struct SettlingTests {
    private let start = ContinuousClock.now
    private let a = OutboxPath("a")
    private let b = OutboxPath("b")

    private func state(_ size: Int64) -> FileState {
        FileState(inode: 1, size: size, modifiedNanoseconds: 0, changedNanoseconds: 0)
    }

    private func expect(
        _ paths: inout SettlingPaths, at now: ContinuousClock.Instant, _ state: FileState?,
        _ expected: [OutboxPath: FileState?], sourceLocation: SourceLocation = #_sourceLocation
    ) {
        let settled = paths.settle(at: now) { _ in state }
        #expect(settled == expected, sourceLocation: sourceLocation)
    }

    @Test("a path has settled when it was left alone for long enough, and not before")
    func settled() {
        var paths = SettlingPaths(settleTime: .seconds(2))
        paths.touch(a, state(1), at: start)
        paths.touch(b, nil, at: start + .seconds(1))
        #expect(paths.nextLook == start + .seconds(2))
        expect(&paths, at: start + .seconds(1), nil, [:])
        expect(&paths, at: start + .seconds(2), state(1), [a: state(1)])
        #expect(!paths.contains(a) && paths.contains(b))
        expect(&paths, at: start + .seconds(3), nil, [b: nil])
        #expect(paths.nextLook == nil)
    }

    @Test("what is another thing than it was waits once more")
    func changing() {
        var paths = SettlingPaths(settleTime: .seconds(2))
        paths.touch(a, state(1), at: start)
        expect(&paths, at: start + .seconds(2), state(2), [:])
        #expect(paths.nextLook == start + .seconds(4))
        expect(&paths, at: start + .seconds(4), state(2), [a: state(2)])
    }

    @Test("many paths that become due one after the other are looked at together")
    func together() {
        var paths = SettlingPaths(settleTime: .seconds(4))
        for index in 0..<10 {
            paths.touch(OutboxPath("\(index)"), nil, at: start + .milliseconds(10 * index))
        }
        let first = start + .seconds(4)
        let one = paths.settle(at: first) { _ in nil }
        #expect(one.count == 1)
        #expect(paths.nextLook == first + .milliseconds(500))
        let others = paths.settle(at: first + .milliseconds(500)) { _ in nil }
        #expect(others.count == 9)
    }

    @Test("a watch belongs to one folder, and a folder to one watch")
    func watches() {
        var watched = WatchedPaths()
        watched.set(1, a)
        watched.set(2, OutboxPath("a/x"))
        watched.set(1, b)
        #expect(watched[1] == b)
        watched.set(3, b)
        #expect(watched[1] == nil && watched[3] == b)
        let below = watched.remove(below: a)
        #expect(below == [2] && watched[2] == nil)
        let removed = [watched.remove(3), watched.remove(3)]
        #expect(removed == [b, nil])
        let rest = watched.removeAll()
        #expect(rest.isEmpty)
    }

    @Test("several failures of the same time are one; the next one waits longer")
    func pause() {
        var pause = UploadPause()
        #expect(pause.end(after: start) == nil)
        let first = pause.begin(at: start, jitter: 0)
        #expect(first)
        #expect(pause.end(after: start) == start + .seconds(5))
        let second = pause.begin(at: start + .seconds(1), jitter: 0)
        #expect(!second)
        #expect(pause.end(after: start + .seconds(5)) == nil)
        let third = pause.begin(at: start + .seconds(5), jitter: 0)
        #expect(third)
        #expect(pause.end(after: start + .seconds(5)) == start + .seconds(15))
        #expect(pause.failures == 2)
    }
}
