import CSystemd
import Configuration
import Glibc
import Synchronization
import TextFormatting

/// Tells the service manager how things stand (sd_notify(3)); without one every call does nothing.
final class SystemdNotifier: Sendable {
    private let send: @Sendable (String) -> Void
    private let lastStatus = Mutex("")
    /// The configuration that it is about, which what is advised then names.
    private let config: String

    /// Sends to `$NOTIFY_SOCKET`; tests may listen instead.
    init(
        config: String = DropIn.file(ofInstance: nil), send: @escaping @Sendable (String) -> Void = { sd_notify(0, $0) }
    ) { (self.config, self.send) = (config, send) }

    /// Configuration, lock, mirror and state are in order.
    ///
    /// Also ends what `reloading` began.
    func ready(status: String? = nil) {
        send("READY=1" + statusLine(status))
    }

    /// One line that says what is done now, or since when the mirror is in step.
    ///
    /// The same again is not sent.
    func status(_ text: String) {
        let line = statusLine(text)
        let isNew = lastStatus.withLock { last in
            defer { last = line }
            return last != line
        }
        if isNew { send(String(line.dropFirst())) }
    }

    /// A reload begins; the time tells it from an earlier one.
    func reloading() {
        send("RELOADING=1\nMONOTONIC_USEC=\(Self.monotonicMicroseconds())")
    }

    /// The end begins.
    func stopping(status: String? = nil) {
        send("STOPPING=1" + statusLine(status))
    }

    /// Something was finished since the last call, and perhaps the next sign of life may take longer than usual.
    func watchdog(_ message: Watchdog.Message) {
        switch message {
        case .ping: send("WATCHDOG=1")
        case .pingAndExpect(let limit): send("WATCHDOG=1\nWATCHDOG_USEC=\(Self.microseconds(limit))")
        }
    }

    /// The time within which `watchdog` must be called again; nil when nobody waits for it.
    ///
    /// The variable is for the process that it names, or for us if that one is a wrapper that started us.
    static var watchdogInterval: Duration? {
        var microseconds: UInt64 = 0
        if sd_watchdog_enabled(0, &microseconds) > 0 { return .microseconds(Int64(clamping: microseconds)) }
        guard variable("WATCHDOG_PID") == "\(getppid())", let text = variable("WATCHDOG_USEC"),
            let wrapped = Int64(text), wrapped > 0
        else { return nil }
        return .microseconds(wrapped)
    }

    private static func variable(_ name: String) -> String? { getenv(name).map { String(cString: $0) } }

    /// A line feed in a path would otherwise begin the next assignment.
    private func statusLine(_ text: String?) -> String {
        text.map { "\nSTATUS=" + escapingControls(CommandText.namingAdvice(config, in: $0)) } ?? ""
    }

    private static func microseconds(_ duration: Duration) -> Int64 {
        let (seconds, attoseconds) = duration.components
        return seconds * 1_000_000 + attoseconds / 1_000_000_000_000
    }

    private static func monotonicMicroseconds() -> Int64 {
        var time = timespec()
        clock_gettime(CLOCK_MONOTONIC, &time)
        return Int64(time.tv_sec) * 1_000_000 + Int64(time.tv_nsec) / 1_000
    }
}
