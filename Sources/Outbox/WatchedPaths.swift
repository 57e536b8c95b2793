import SyncModel

/// Which folder the kernel means by the number of a watch; pure.
struct WatchedPaths: Sendable {
    private var paths: [Int32: OutboxPath] = [:]
    private var watches: [OutboxPath: Int32] = [:]

    /// The folder of a watch.
    subscript(watch: Int32) -> OutboxPath? { paths[watch] }

    /// Notes the watch of a folder: the same number as before, or that of another folder that was renamed to it.
    mutating func set(_ watch: Int32, _ path: OutboxPath) {
        if let old = watches[path], old != watch { paths[old] = nil }
        if let old = paths[watch], old != path { watches[old] = nil }
        watches[path] = watch
        paths[watch] = path
    }

    /// Notes that the kernel has ended a watch.
    ///
    /// - Returns: its folder.
    mutating func remove(_ watch: Int32) -> OutboxPath? {
        guard let path = paths.removeValue(forKey: watch) else { return nil }
        if watches[path] == watch { watches[path] = nil }
        return path
    }

    /// Forgets a folder, with those below it.
    ///
    /// - Returns: the watches, which are to be ended.
    mutating func remove(below folder: OutboxPath) -> [Int32] {
        let gone = watches.filter { folder.contains($0.key) }
        for (path, watch) in gone {
            watches[path] = nil
            paths[watch] = nil
        }
        return Array(gone.values)
    }

    /// Forgets all of them.
    ///
    /// - Returns: the watches, which are to be ended.
    mutating func removeAll() -> [Int32] {
        defer { (paths, watches) = ([:], [:]) }
        return Array(paths.keys)
    }
}
