import CLinux
import FileSystem
import Glibc
public import SyncModel
import Synchronization

/// Reads a file of the mirror once more, a piece at a time, to see whether it still holds the bytes of its version.
///
/// Nothing stays open between two pieces, so that the disk can be unmounted; and nothing stays in the page cache, so that
/// it is the disk that is read, and others find their files there. Not for use by two threads at a time.
public final class Proofreading: Sendable {
    /// What a piece tells.
    public enum Finding: Hashable, Sendable {
        /// There is more to read.
        case unfinished
        /// It holds the bytes of its version.
        case right
        /// It is by stat what was put there, and holds other bytes.
        case damaged
        /// By stat it is not what was put there.
        case drifted
        /// Somebody had to do with it in the meantime, though by stat it is what was put there: nothing is known.
        case disturbed
    }

    private struct State {
        let hasher = ContentHasher()
        var offset: off_t = 0
        /// When the file's status changed last, as it was at the first piece.
        var changed: timespec?
    }

    private let tree: MirrorTree
    private let entry: LocalEntry
    private let state = Mutex(State())

    private static let chunk = 1 << 20

    /// Begins to read a file.
    public init(_ entry: LocalEntry, in tree: MirrorTree) {
        self.entry = entry
        self.tree = tree
    }

    /// Reads the next piece, of at most `limit` bytes.
    ///
    /// - Returns: what it tells, and the bytes that were read.
    public func readOn(_ limit: Int) throws(MirrorError) -> (finding: Finding, bytes: Int) {
        guard case .file(_, let version, _) = entry.node, let parent = entry.path.parent,
            let name = entry.path.name
        else { return (.drifted, 0) }
        let file: Descriptor
        do {
            let folder = try tree.root.folder(parent)
            guard case .file = try folder.observe(name.text) else { return (.drifted, 0) }
            file = try Descriptor.open(name.text, in: folder, flags: O_RDONLY | O_NONBLOCK)
        } catch  where [ENOENT, ENOTDIR, ELOOP, ENXIO].contains(error.number) {
            return (.drifted, 0)
        }
        return try state.withLock { (state: inout State) throws(MirrorError) -> (Finding, Int) in
            if let finding = try look(at: file, &state) { return (finding, 0) }
            let count = try read(
                file, length: Int(min(off_t(limit), off_t(version.size) - state.offset)), state: &state)
            if let finding = try look(at: file, &state) { return (finding, count) }
            if state.offset < off_t(version.size) { return (count > 0 ? .unfinished : .disturbed, count) }
            return (state.hasher.finish() == version.hash ? .right : .damaged, count)
        }
    }

    /// What stat tells against going on.
    private func look(at file: Descriptor, _ state: inout State) throws(MirrorError) -> Finding? {
        let status = try file.status()
        let seen = Observed(status)
        guard case .file = seen, Drift(KnownEntry(entry), seen, comparingInodes: tree.keepsInodes) == nil else {
            return .drifted
        }
        let now = status.st_ctim
        let before = state.changed ?? now
        state.changed = before
        return before.tv_sec == now.tv_sec && before.tv_nsec == now.tv_nsec ? nil : .disturbed
    }

    /// Reads from the disk and hashes.
    ///
    /// - Returns: the bytes that were read: fewer if there are no more.
    private func read(_ file: Descriptor, length: Int, state: inout State) throws(MirrorError) -> Int {
        let start = state.offset
        posix_fadvise(file.number, start, off_t(length), POSIX_FADV_DONTNEED)
        defer { posix_fadvise(file.number, start, off_t(length), POSIX_FADV_DONTNEED) }
        let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: Self.chunk, alignment: 4096)
        defer { buffer.deallocate() }
        var count = 0
        while count < length {
            let wanted = min(Self.chunk, length - count)
            let got = retrying { pread(file.number, buffer.baseAddress, wanted, state.offset) }
            guard got >= 0 else { throw .unreadable() }
            if got == 0 { break }
            state.hasher.update(UnsafeRawBufferPointer(rebasing: buffer[..<got]))
            state.offset += off_t(got)
            count += got
        }
        return count
    }
}

/// Lets the calling thread get at the disk only when nobody else wants to, where the disk's scheduler knows that.
public func readOnlyWhenIdle() {
    _ = dbx_be_idle()  // where it is refused, the pace still leaves the others their turn
}
