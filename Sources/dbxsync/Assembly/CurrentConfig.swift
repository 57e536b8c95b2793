import Configuration
import Synchronization

/// The configuration that the daemon runs with; a reload replaces it.
final class CurrentConfig: Sendable {
    private let config: Mutex<Config>

    init(_ config: Config) { self.config = Mutex(config) }

    /// What counts now.
    var value: Config { config.withLock { $0 } }

    /// Takes what a reload has made of it.
    func set(_ config: Config) { self.config.withLock { $0 = config } }
}
