import SyncModel

/// Position of the repeated scan through the pending keys.
struct PendingScan {
    /// Scans that may find something.
    private static let most = 4

    private(set) var position: RemoteKey?
    private var found = 0
    private var remaining = Self.most
    private(set) var isExhausted = false

    /// What a window has brought.
    mutating func advance(to last: RemoteKey, found count: Int) {
        position = last
        found += count
    }

    /// A window had to be worked off before it could be planned; it is read again.
    mutating func stay(found count: Int) { found += count }

    /// There is nothing beyond the last window.
    ///
    /// - Parameter mayGrow: whether a listing may have brought more since that was read.
    /// - Returns: whether it is worth beginning again at once.
    mutating func end(mayGrow: Bool) -> Bool {
        isExhausted = !mayGrow && (found == 0 || remaining == 0)
        if !mayGrow && found > 0 { remaining -= 1 }
        defer { (position, found) = (nil, 0) }
        return found > 0
    }

    /// There is more to find, somewhere.
    mutating func resume() { isExhausted = false }

    /// There is more to find, from the first key on.
    mutating func restart() {
        position = nil
        remaining = Self.most
        isExhausted = false
    }
}
