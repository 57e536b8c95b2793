import FileSystem
import Glibc

/// What has happened to a place.
public enum PlaceEvent: Hashable, Sendable {
    /// Its path may lead to another folder from now on: it, or a folder above it, was moved or removed, or something was
    /// mounted or unmounted anywhere.
    case mayLeadElsewhere
    /// Something was mounted or unmounted below it.
    case mountedBelow
}

/// Notices what happens to a folder as a whole.
///
/// A hint to look, as every event of the kernel: folders that may not be read are not watched.
public final class PlaceWatch: Sendable {
    /// Closing it ends the thread.
    private let alive: Int32

    /// Starts the thread, which hands what happens to `take`.
    ///
    /// - Parameter path: of a folder, absolute.
    /// - Throws: `Inotify.Failure` if the kernel grants no more watches, descriptors or threads.
    public init(_ path: String, _ take: @escaping @Sendable (PlaceEvent) -> Void) throws(Inotify.Failure) {
        let (events, end, alive) = try Inotify.open()
        self.alive = alive
        Self.watch(path, events)
        let reader = PlaceReader(end: end, events: events, mounts: Mounts(below: path), take)
        do {
            try startThread { reader.run() }
        } catch {
            close(alive)
            throw Inotify.Failure(number: error.number)
        }
    }

    deinit { close(alive) }

    /// Watches a folder and those above it, each by its path.
    private static func watch(_ path: String, _ events: Int32) {
        let mask = UInt32(IN_MOVE_SELF | IN_DELETE_SELF | IN_ONLYDIR)
        var folder = path[...]
        while let slash = folder.utf8.lastIndex(of: UInt8(ascii: "/")) {
            inotify_add_watch(events, String(folder), mask)
            folder = folder[..<slash]
        }
    }
}

/// What is mounted below a folder (proc_pid_mountinfo(5)).
private final class Mounts: Sendable {
    /// poll(2) tells POLLPRI when something was mounted or unmounted; negative if it cannot be opened.
    let descriptor = open("/proc/self/mountinfo", O_RDONLY | O_CLOEXEC)
    private let beginning: [UInt8]

    init(below path: String) {
        let real = realpath(path, nil)
        defer { free(real) }
        beginning = Self.escaped(real.map { String(cString: $0) } ?? path) + [UInt8(ascii: "/")]
    }

    deinit { if descriptor >= 0 { close(descriptor) } }

    /// Blank, tab, newline and backslash are written as three octal digits there.
    private static func escaped(_ path: String) -> [UInt8] {
        path.utf8.flatMap { byte -> [UInt8] in
            guard [0x20, 0x09, 0x0A, 0x5C].contains(byte) else { return [byte] }
            let digits = String(byte, radix: 8)
            return Array(("\\" + String(repeating: "0", count: 3 - digits.count) + digits).utf8)
        }
    }

    /// Mount ID and mount point of each mount below the folder; empty if they cannot be read.
    func found() -> Set<[UInt8]> {
        guard descriptor >= 0, lseek(descriptor, 0, SEEK_SET) == 0 else { return [] }
        var bytes: [UInt8] = []
        var piece = [UInt8](repeating: 0, count: 64 << 10)
        while case let count = read(descriptor, &piece, piece.count), count > 0 { bytes += piece[..<count] }
        let places = bytes.split(separator: UInt8(ascii: "\n")).compactMap { line -> [UInt8]? in
            let fields = line.split(separator: UInt8(ascii: " "), maxSplits: 5)
            guard fields.count > 4, fields[4].starts(with: beginning) else { return nil }
            return fields[0] + [UInt8(ascii: " ")] + fields[4]
        }
        return Set(places)
    }
}

/// The thread's side: owns the descriptors.
private final class PlaceReader: Sendable {
    /// Readable when nobody waits any more.
    private let end: Int32
    private let events: Int32
    private let mounts: Mounts
    private let take: @Sendable (PlaceEvent) -> Void

    init(end: Int32, events: Int32, mounts: Mounts, _ take: @escaping @Sendable (PlaceEvent) -> Void) {
        (self.end, self.events, self.mounts, self.take) = (end, events, mounts, take)
    }

    deinit {
        close(end)
        close(events)
    }

    /// Milliseconds between two calls: some machines mount and unmount all the time.
    private static let pause: Int32 = 200

    func run() {
        var buffer = [UInt8](repeating: 0, count: 4_096)
        var known = mounts.found()
        while true {
            var waited = [
                pollfd(fd: end, events: Int16(POLLIN), revents: 0),
                pollfd(fd: events, events: Int16(POLLIN), revents: 0),
                pollfd(fd: mounts.descriptor, events: Int16(POLLPRI), revents: 0),
            ]
            if poll(&waited, 3, -1) < 0 {
                if errno == EINTR { continue }
                return
            }
            if waited[0].revents != 0 { return }
            while read(events, &buffer, buffer.count) > 0 {}
            let found = mounts.found()
            if found != known { take(.mountedBelow) }
            known = found
            take(.mayLeadElsewhere)
            if poll(&waited, 1, Self.pause) > 0 { return }
        }
    }
}
