import Glibc

/// Waits until something can be done with a descriptor (poll(2)).
///
/// - Parameters:
///   - descriptor: what is waited for.
///   - events: `POLLIN` or `POLLOUT`.
///   - end: when the waiting ends.
/// - Returns: whether it can, or the other side is gone; `false` when the time is over.
public func isReady(_ descriptor: Int32, for events: Int32, until end: ContinuousClock.Instant) -> Bool {
    while true {
        let left = (end - .now) / .milliseconds(1)
        guard left > 0 else { return false }
        var state = pollfd(fd: descriptor, events: Int16(events), revents: 0)
        let count = poll(&state, 1, Int32(clamping: Int64(left.rounded(.up))))
        if count > 0 { return true }
        if count == 0 || errno != EINTR { return false }
    }
}
