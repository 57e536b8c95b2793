import Concurrency
import Configuration
import Synchronization

/// The configuration that the daemon runs with; a reload replaces it.
final class CurrentConfig: Sendable {
    private let config: Mutex<Config>
    private let observers = Mutex<[AsyncSignal]>([])

    init(_ config: Config) { self.config = Mutex(config) }

    /// What counts now.
    var value: Config { config.withLock { $0 } }

    /// Takes what a reload has made of it.
    func set(_ config: Config) {
        self.config.withLock { $0 = config }
        for signal in observers.withLock({ $0 }) { signal.notify() }
    }

    /// Notifies `signal` of every reload from now on.
    func notifyOfChanges(_ signal: AsyncSignal) { observers.withLock { $0.append(signal) } }
}
