// FileEvents: what the kernel reports of watched folders. A hint where to look, never the truth; it may also be lost.

import FileSystem
import Glibc

/// Something that happened in a watched folder; what it was is seen by looking.
public enum FileEvent: Hashable, Sendable {
    /// Something happened to a name in the folder of a watch.
    case touched(watch: Int32, name: [UInt8], isFolder: Bool)
    /// The folder of a watch is gone, or no longer watched.
    case unwatched(Int32)
    /// More happened than the kernel has kept.
    case overflow
}

/// The kernel's events about folders (inotify(7)), read by a thread of its own.
public final class Inotify: Sendable {
    /// Why there is no watching.
    public struct Failure: Error, Hashable, Sendable, CustomStringConvertible {
        /// The error number.
        public var number: Int32

        /// In words.
        public var description: String { "inotify: \(SystemError(number))" }
    }

    private let descriptor: Int32
    /// Closing it ends the thread.
    private let alive: Int32

    private static let always = UInt32(
        IN_CLOSE_WRITE | IN_MODIFY | IN_CREATE | IN_DELETE | IN_MOVED_FROM | IN_MOVED_TO | IN_DELETE_SELF | IN_ONLYDIR
            | IN_EXCL_UNLINK)
    private let mask: UInt32

    /// Starts the thread, which hands what it reads to `take`.
    ///
    /// - Parameter attributes: whether changes of modes and times are told, too.
    /// - Throws: `Failure` if the kernel grants no more watches or descriptors.
    public init(attributes: Bool = false, _ take: @escaping @Sendable ([FileEvent]) -> Void) throws(Failure) {
        mask = Self.always | (attributes ? UInt32(IN_ATTRIB) : 0)
        let (events, end, alive) = try Self.open()
        (descriptor, self.alive) = (events, alive)
        let reader = Reader(descriptor: events, end: end, take: take)
        do {
            try startThread { reader.run() }
        } catch {
            close(alive)
            throw Failure(number: error.number)
        }
    }

    deinit { close(alive) }

    /// Opens what events are read from, and both ends of a pipe: closing the second ends whoever waits at the first.
    static func open() throws(Failure) -> (events: Int32, end: Int32, alive: Int32) {
        let events = inotify_init1(Int32(IN_NONBLOCK) | Int32(IN_CLOEXEC))
        guard events >= 0 else { throw Failure(number: errno) }
        var ends: [Int32] = [0, 0]
        guard pipe(&ends) == 0 else {
            let number = errno
            close(events)
            throw Failure(number: number)
        }
        for end in ends { _ = fcntl(end, F_SETFD, FD_CLOEXEC) }
        return (events, ends[0], ends[1])
    }

    /// Watches an open folder.
    ///
    /// - Returns: the number of the watch, or the negative error number.
    public func watch(_ folder: Int32) -> Int32 {
        // By its descriptor: whatever its path leads to by now.
        let watch = inotify_add_watch(descriptor, "/proc/self/fd/\(folder)", mask)
        return watch >= 0 ? watch : -errno
    }

    /// Ends a watch.
    public func unwatch(_ watch: Int32) { inotify_rm_watch(descriptor, watch) }

    /// Reads the events of a buffer: each has a head of 16 bytes, and a name padded with NULs.
    static func events(_ bytes: UnsafeRawBufferPointer) -> [FileEvent] {
        var found: [FileEvent] = []
        var place = 0
        while place + 16 <= bytes.count {
            let watch = bytes.loadUnaligned(fromByteOffset: place, as: Int32.self)
            let mask = Int32(bitPattern: bytes.loadUnaligned(fromByteOffset: place + 4, as: UInt32.self))
            let length = Int(bytes.loadUnaligned(fromByteOffset: place + 12, as: UInt32.self))
            let name = bytes[(place + 16)..<min(place + 16 + length, bytes.count)].prefix { $0 != 0 }
            place += 16 + length
            if mask & IN_Q_OVERFLOW != 0 {
                found.append(.overflow)
            } else if mask & (IN_IGNORED | IN_DELETE_SELF) != 0 {
                found.append(.unwatched(watch))
            } else if !name.isEmpty {
                let isFolder = UInt32(bitPattern: mask) & UInt32(IN_ISDIR) != 0
                found.append(.touched(watch: watch, name: Array(name), isFolder: isFolder))
            }
        }
        return found
    }
}

/// The thread's side: owns both descriptors.
private final class Reader: Sendable {
    private let descriptor: Int32
    private let end: Int32
    private let take: @Sendable ([FileEvent]) -> Void

    init(descriptor: Int32, end: Int32, take: @escaping @Sendable ([FileEvent]) -> Void) {
        self.descriptor = descriptor
        self.end = end
        self.take = take
    }

    deinit {
        close(descriptor)
        close(end)
    }

    func run() {
        var buffer = [UInt8](repeating: 0, count: 64 << 10)
        while true {
            var waited = [
                pollfd(fd: descriptor, events: Int16(POLLIN), revents: 0),
                pollfd(fd: end, events: Int16(POLLIN), revents: 0),
            ]
            if poll(&waited, 2, -1) < 0 && errno != EINTR { return }
            if waited[1].revents != 0 { return }
            let count = read(descriptor, &buffer, buffer.count)
            if count > 0 {
                take(buffer.withUnsafeBytes { Inotify.events(UnsafeRawBufferPointer(rebasing: $0[..<count])) })
            } else if count < 0 && errno != EAGAIN && errno != EINTR {
                return
            }
        }
    }
}
