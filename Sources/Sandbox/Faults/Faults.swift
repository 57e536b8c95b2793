internal import Synchronization

/// The faults that are waiting for their requests.
public final class Faults: Sendable {
    private struct Waiting {
        var number: Int
        var fault: Fault
        var seen = 0
        var struck = 0

        var isSpent: Bool { fault.times.map { struck >= $0 } ?? false }
    }

    private struct State {
        var waiting: [Waiting] = []
        var next = 1
        var random: SplitMix
    }

    private let state: Mutex<State>

    /// No faults; chances follow from `seed`.
    public init(seed: UInt64 = 1) { state = Mutex(State(random: SplitMix(state: seed))) }

    /// Adds a fault behind those that are waiting and says its number.
    @discardableResult
    public func add(_ fault: Fault) -> Int {
        state.withLock { state in
            defer { state.next += 1 }
            state.waiting.append(Waiting(number: state.next, fault: fault))
            return state.next
        }
    }

    /// Forgets all of them.
    public func clear() { state.withLock { $0.waiting = [] } }

    /// Forgets one of them.
    public func remove(_ number: Int) { state.withLock { state in state.waiting.removeAll { $0.number == number } } }

    /// Those that may still strike, with the number of times that they have.
    public var waiting: [(number: Int, fault: Fault, struck: Int)] {
        state.withLock { $0.waiting.filter { !$0.isSpent }.map { ($0.number, $0.fault, $0.struck) } }
    }

    /// The fault that strikes a request: the first that matches and whose turn it is.
    ///
    /// Asked twice: when the head of the request is there, and for what spoils the answer when all of it is.
    func strike(_ endpoint: String, ofRequest: Bool = false, path: () -> String?) -> Fault.Effect? {
        state.withLock { state in
            var struck: Fault.Effect?
            for index in state.waiting.indices where !state.waiting[index].isSpent {
                let fault = state.waiting[index].fault
                guard fault.effect.isOfRequest == ofRequest, fault.matches(endpoint, path) else { continue }
                state.waiting[index].seen += 1
                let turn = state.waiting[index].seen - fault.skip
                guard struck == nil, turn > 0, turn % max(1, fault.every) == 0 else { continue }
                guard fault.probability >= 1 || Double.random(in: 0..<1, using: &state.random) < fault.probability
                else { continue }
                state.waiting[index].struck += 1
                struck = fault.effect
            }
            return struck
        }
    }
}
