import Glibc

/// Who holds a lock, as the lock's file says: the PID in the first line, then a line for each thing that is known.
public struct LockHolder: Hashable, Sendable {
    /// The process.
    public var pid: Int32
    /// Its machine: another one may hold a lock on a network file system.
    public var host: String?
    /// Its state directory.
    public var state: String?
    /// Where it says how it gets on, if it is a daemon.
    public var word: String?
    /// When it took the lock, in seconds of the machine's monotonic clock.
    public var since: Int64?

    /// Creates a holder.
    public init(pid: Int32, host: String? = nil, state: String? = nil, word: String? = nil, since: Int64? = nil) {
        self.pid = pid
        self.host = host
        self.state = state
        self.word = word
        self.since = since
    }

    /// This process.
    public static func current(state: String, word: String? = nil) -> LockHolder {
        LockHolder(pid: getpid(), host: hostName(), state: state, word: word, since: monotonicSeconds())
    }

    /// Seconds of the clock that no one sets; it stands still while the machine sleeps.
    public static func monotonicSeconds() -> Int64 {
        var time = timespec()
        clock_gettime(CLOCK_MONOTONIC, &time)
        return Int64(time.tv_sec)
    }

    private static func hostName() -> String? {
        var name = [CChar](repeating: 0, count: 256)
        guard gethostname(&name, name.count - 1) == 0 else { return nil }
        return String(decoding: name.prefix { $0 != 0 }.map { UInt8(truncatingIfNeeded: $0) }, as: UTF8.self)
    }

    /// The process in words, such as `PID 42 on nas`; the machine only if it is another one.
    public var process: String {
        guard let host, host != Self.hostName() else { return "PID \(pid)" }
        return "PID \(pid) on \(host)"
    }

    // MARK: The file's text

    /// Reads what a lock's file says; nil if it names no process.
    init?(text: String) {
        let lines = text.split(separator: "\n", omittingEmptySubsequences: false)
        guard let first = lines.first, let pid = Int32(first), pid > 0 else { return nil }
        self.init(pid: pid)
        for line in lines.dropFirst() {
            let parts = line.split(separator: ":", maxSplits: 1)
            guard parts.count == 2, parts[1].first == " " else { continue }
            let value = String(parts[1].dropFirst())
            switch parts[0] {
            case "host": host = value
            case "state": state = value
            case "word": word = value
            case "since": since = Int64(value)
            default: break  // a later version may know more
            }
        }
    }

    /// The text for the lock's file; what does not fit into a line is left out.
    var text: String {
        let facts = [("host", host), ("state", state), ("word", word), ("since", since.map { "\($0)" })]
        let lines = facts.compactMap { name, value in value.flatMap { $0.isOneLine ? "\(name): \($0)\n" : nil } }
        return "\(pid)\n" + lines.joined()
    }
}

extension String {
    /// Whether it has no control characters, so that it can stand in a line.
    var isOneLine: Bool { !unicodeScalars.contains { $0.properties.generalCategory == .control } }
}
