import Engine
import ServiceLifecycle

/// Runs the engine until the group shuts down: downloads stop at once, the batch being published is finished.
struct EngineService: Service {
    let engine: SyncEngine
    /// Is told why the engine ends, before anything else does.
    let onFailure: @Sendable (any Error) async -> Void

    func run() async throws {
        try await cancelWhenGracefulShutdown {
            do {
                try await engine.run()
            } catch {
                await onFailure(error)
                throw error
            }
        }
    }
}
