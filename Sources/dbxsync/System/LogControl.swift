import Configuration
import Logging
import Synchronization

/// What is logged and how, shared by all loggers, so that a reload changes all of them.
final class LogControl: Sendable {
    private let state: Mutex<Config.LogSettings>
    /// The configuration that it is about, which what is advised then names.
    let config: String

    /// Starts with a level and a format.
    init(_ level: Logger.Level, format: LogFormat = .auto, config: String = DropIn.file(ofInstance: nil)) {
        self.config = config
        state = Mutex(Config.LogSettings(level: level, format: format))
    }

    /// The least urgent level that is written.
    var level: Logger.Level {
        get { state.withLock { $0.level } }
        set { state.withLock { $0.level = newValue } }
    }

    /// How it is written.
    var format: LogFormat { state.withLock { $0.format } }

    /// Takes what is configured.
    func change(to settings: Config.LogSettings) { state.withLock { $0 = settings } }
}
