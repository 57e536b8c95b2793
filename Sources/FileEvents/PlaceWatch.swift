import FileSystem
import Glibc

/// Notices that a path may lead to another folder from now on: it, or a folder above it, was moved or removed, or
/// something was mounted or unmounted anywhere.
///
/// A hint to look, as every event of the kernel: folders that may not be read are not watched.
public final class PlaceWatch: Sendable {
    /// Closing it ends the thread.
    private let alive: Int32

    /// Starts the thread, which calls `changed` each time.
    ///
    /// - Parameter path: of a folder, absolute.
    /// - Throws: `Inotify.Failure` if the kernel grants no more watches, descriptors or threads.
    public init(_ path: String, _ changed: @escaping @Sendable () -> Void) throws(Inotify.Failure) {
        let (events, end, alive) = try Inotify.open()
        self.alive = alive
        Self.watch(path, events)
        // proc_pid_mountinfo(5): poll(2) tells POLLPRI when something was mounted or unmounted.
        let reader = PlaceReader(
            descriptors: [end, events, open("/proc/self/mountinfo", O_RDONLY | O_CLOEXEC)], changed)
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

/// The thread's side: owns the descriptors, of which the first one ends it, and a negative one stands for none.
private final class PlaceReader: Sendable {
    private let descriptors: [Int32]
    private let changed: @Sendable () -> Void

    init(descriptors: [Int32], _ changed: @escaping @Sendable () -> Void) {
        (self.descriptors, self.changed) = (descriptors, changed)
    }

    deinit { for descriptor in descriptors where descriptor >= 0 { close(descriptor) } }

    /// Milliseconds between two calls: some machines mount and unmount all the time.
    private static let pause: Int32 = 200

    func run() {
        var buffer = [UInt8](repeating: 0, count: 4_096)
        let wanted = [POLLIN, POLLIN, POLLPRI]
        while true {
            var waited = zip(descriptors, wanted).map { pollfd(fd: $0, events: Int16($1), revents: 0) }
            if poll(&waited, nfds_t(waited.count), -1) < 0 {
                if errno == EINTR { continue }
                return
            }
            if waited[0].revents != 0 { return }
            while read(descriptors[1], &buffer, buffer.count) > 0 {}
            changed()
            if poll(&waited, 1, Self.pause) > 0 { return }
        }
    }
}
