public import Logging
import Synchronization

/// A log that is kept, to be told if the end is wrong.
public final class Story: LogHandler {
    private let told = Mutex<[String]>([])
    private let named = Mutex<[String]>([])
    private let paths = Mutex<[String: [String]]>([:])

    private let level: Logger.Level

    /// Makes an empty one.
    public init(level: Logger.Level = .debug) { self.level = level }

    /// None; lines carry their own.
    public var metadata: Logger.Metadata {
        get { [:] }
        set { _ = newValue }
    }

    /// What it was made with: everything but traces.
    public var logLevel: Logger.Level {
        get { level }
        set { _ = newValue }
    }

    /// None; lines carry their own.
    public subscript(metadataKey key: String) -> Logger.Metadata.Value? {
        get { nil }
        set { _ = (key, newValue) }
    }

    /// What was told so far.
    public var lines: [String] { told.withLock { $0 } }

    /// Adds a line.
    public func tell(_ line: String) { told.withLock { $0.append(line) } }

    /// The names of the events that were told, in order.
    public var events: [String] { named.withLock { $0 } }

    /// The paths that were told with events, by event; a line that tells a path begins with it.
    public var pathsByEvent: [String: [String]] { paths.withLock { $0 } }

    /// Keeps a line.
    public func log(event: LogEvent) {
        tell("    \(event.message)")
        guard let name = event.metadata?["event"] else { return }
        named.withLock { $0.append("\(name)") }
        guard let path = event.metadata?["path"] else { return }
        let isNamed = "\(event.message)".contains("\(path)")
        paths.withLock { $0["\(name)", default: []].append(isNamed ? "\(path)" : "not named: \(path)") }
    }
}
