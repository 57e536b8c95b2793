import Engine
import ServiceLifecycle

/// Runs the engine until the group shuts down: downloads stop at once, the batch being published is finished.
struct EngineService: Service {
    let engine: SyncEngine

    func run() async throws {
        try await cancelWhenGracefulShutdown { try await engine.run() }
    }
}
