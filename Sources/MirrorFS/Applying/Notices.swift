import Synchronization

/// What is to be said once of a mirror, and is no reason not to go on.
final class Notices: Sendable {
    private let state = Mutex<(known: Set<String>, waiting: [String])>(([], []))

    /// Adds one, unless it was there before.
    func add(_ text: String) {
        state.withLock { if $0.known.insert(text).inserted { $0.waiting.append(text) } }
    }

    func take() -> [String] {
        state.withLock { state in
            defer { state.waiting = [] }
            return state.waiting
        }
    }
}

extension MirrorTree {
    /// What is to be said of the mirror now; each is said once.
    public func takeNotices() -> [String] { notices.take() }
}
