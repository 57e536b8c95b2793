import Synchronization

/// A Boolean that one task sets and another reads.
final class AtomicFlag: Sendable {
    private let state: Atomic<Bool>

    init(_ value: Bool) { state = Atomic(value) }

    var value: Bool { state.load(ordering: .acquiring) }

    func set(_ value: Bool) { state.store(value, ordering: .releasing) }
}
