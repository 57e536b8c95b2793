import Store

/// Asks for a pass as soon as somebody has decided about what is held.
struct DecisionWatch: Sendable {
    let engine: SyncEngine
    let box: DecisionBox

    /// Time between looks.
    private static let interval = Duration.seconds(5)

    /// Looks until it is cancelled.
    func run() async throws {
        while true {
            if !box.waiting().isEmpty { engine.request() }
            try await Task.sleep(for: Self.interval)
        }
    }
}
