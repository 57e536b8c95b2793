import FileSystem
import Glibc
import SyncModel

/// An unfinished download beside the file that it is to become: the revision is in its name, so that it can go on.
///
/// Not for use by two threads at a time.
final class PartFile: ByteSink, @unchecked Sendable {
    // `@unchecked`: one user at a time by contract.
    let path: String
    let target: String
    private let file: Descriptor
    private let hasher = ContentHasher()
    private(set) var offset: Int64 = 0
    private let meter: DownloadMeter

    /// The name of the unfinished file of a revision; the longest name that a file system takes is not exceeded.
    ///
    /// - Parameter isHidden: whether an outbox is to leave it alone.
    static func path(for target: String, _ rev: Rev, isHidden: Bool = false) -> String {
        let ending = ".\(rev.text).part"
        let name = target.pathComponents.last ?? ""
        var short = (isHidden ? ".dbxsync." : "") + name
        while short.utf8.count + ending.utf8.count > 255 { short.removeLast() }
        return target.dropLast(name.count) + short + ending
    }

    /// Opens the unfinished file, or begins one; what is there already is hashed.
    init(
        for target: String, _ rev: Rev, isHidden: Bool = false, meter: DownloadMeter
    ) throws(DownloadError) {
        self.target = target
        self.meter = meter
        path = Self.path(for: target, rev, isHidden: isHidden)
        let number = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0o666)
        guard number >= 0 else { throw Self.failure(path, "cannot be made") }
        file = Descriptor(number)
        guard flock(number, LOCK_EX | LOCK_NB) == 0 else {
            throw DownloadError(.held, "\(target): another dbxsync is downloading it just now")
        }
        let have = Self.feed(number) { hasher.update($0) }
        guard let have, lseek(number, 0, SEEK_END) == have else { throw Self.failure(path, "cannot be read") }
        offset = have
        meter.add(have)
    }

    func write(_ bytes: UnsafeRawBufferPointer) throws {
        do {
            try writeAll(bytes, to: file.number)
        } catch {
            throw Self.failure(path, "cannot be written", error)
        }
        hasher.update(bytes)
        offset += Int64(bytes.count)
        meter.add(Int64(bytes.count))
    }

    func restart() throws {
        guard ftruncate(file.number, 0) == 0, lseek(file.number, 0, SEEK_SET) == 0 else {
            throw Self.failure(path, "cannot be emptied")
        }
        meter.add(-offset)
        offset = 0
        _ = hasher.finish()  // it starts again with no content
    }

    /// Whether what has arrived is this version; after a no it has to be begun anew.
    func isWhole(_ version: FileVersion) -> Bool {
        offset == version.size && hasher.finish() == version.hash
    }

    /// What has arrived; afterwards it has to be begun anew or published.
    func content() -> ExportedFile.Content { ExportedFile.Content(size: offset, hash: hasher.finish()) }

    /// Gives the file its name in one step, with its bytes on the disk.
    ///
    /// - Parameter note: what is noted about it, where the file system can.
    func publish(_ modified: Timestamp, note: String? = nil) throws(DownloadError) {
        if let note { FileNote.set(note, on: file.number) }
        Self.setTime(file.number, modified)
        guard fsync(file.number) == 0 else { throw Self.failure(path, "cannot be written") }
        guard rename(path, target) == 0 else { throw Self.failure(target, "cannot be put in place") }
    }

    /// Takes its bytes from another file instead of from a download.
    ///
    /// - Parameter copy: fills the file, which is empty.
    func fill(_ copy: (Descriptor) throws -> Void) throws {
        try restart()
        try copy(file)
        let have = Self.feed(file.number) { hasher.update($0) }
        guard let have, lseek(file.number, 0, SEEK_END) == have else { throw Self.failure(path, "cannot be read") }
        offset = have
        meter.add(have)
    }

    /// The same as `publish`, but never in place of something else.
    ///
    /// - Parameter owner: whose file it becomes; nil for whoever runs this.
    func publishNew(_ modified: Timestamp, owner: FileOwner?) throws(DownloadError) {
        if let owner, fchown(file.number, owner.user, owner.group) != 0 {
            throw Self.failure(path, "cannot be given away")
        }
        Self.setTime(file.number, modified)
        guard fsync(file.number) == 0 else { throw Self.failure(path, "cannot be written") }
        let folder = open(Self.folder(of: target), O_RDONLY | O_DIRECTORY | O_CLOEXEC)
        guard folder >= 0 else { throw Self.failure(target, "cannot be put in place") }
        let there = Descriptor(folder)
        let (name, partName) = (target.pathComponents.last ?? "", path.pathComponents.last ?? "")
        if there.renameNoReplace(partName, to: there, name) == 0 { return }
        guard errno == EINVAL else { throw Self.refusal(target) }
        // Some file systems know no such rename: a second name is never taken in place of something else either.
        guard link(path, target) == 0 else { throw Self.refusal(target) }
        unlink(path)
    }

    private static func refusal(_ target: String) -> DownloadError {
        errno == EEXIST ? exists(target) : failure(target, "cannot be put in place")
    }

    static func exists(_ target: String) -> DownloadError {
        DownloadError(.exists, "\(target): stands there already, and is not overwritten")
    }

    private static func folder(of path: String) -> String {
        guard let slash = path.lastIndex(of: "/") else { return "." }
        return slash == path.startIndex ? "/" : String(path[..<slash])
    }

    /// Throws the bytes away.
    func discard() { unlink(path) }

    // MARK: Files that are there

    /// What is noted about the file at `path`; `nil` if nothing is, or no file stands there.
    static func note(of path: String) -> String? {
        let number = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK)
        guard number >= 0 else { return nil }
        defer { close(number) }
        return FileNote.of(number)
    }

    /// The size of the regular file at `path`; `nil` if none stands there.
    static func size(of path: String) -> Int64? {
        var status = stat()
        return lstat(path, &status) == 0 && status.st_mode & S_IFMT == S_IFREG ? Int64(status.st_size) : nil
    }

    /// Whether the file at `path` has these very bytes; then its time is set, too, unless it is to be left alone.
    static func isThere(_ path: String, _ version: FileVersion, settingTime: Bool = true) -> Bool {
        let descriptor = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK)
        guard descriptor >= 0 else { return false }
        defer { close(descriptor) }
        var status = stat()
        guard fstat(descriptor, &status) == 0, status.st_mode & S_IFMT == S_IFREG, Int64(status.st_size) == version.size
        else { return false }
        let hasher = ContentHasher()
        guard feed(descriptor, { hasher.update($0) }) == version.size, hasher.finish() == version.hash else {
            return false
        }
        if settingTime, Int64(status.st_mtim.tv_sec) != version.modified.seconds {
            setTime(descriptor, version.modified)
        }
        return true
    }

    private static func setTime(_ descriptor: Int32, _ time: Timestamp) {
        var status = stat()
        guard fstat(descriptor, &status) == 0 else { return }
        let times = [status.st_atim, timespec(tv_sec: Int(time.seconds), tv_nsec: 0)]
        _ = futimens(descriptor, times)  // a file system without times has none to set
    }

    /// Hands over all bytes from the beginning and says how many; `nil` when they cannot be read.
    private static func feed(_ descriptor: Int32, _ take: (UnsafeRawBufferPointer) -> Void) -> Int64? {
        var buffer = [UInt8](repeating: 0, count: 1 << 20)
        var offset: Int64 = 0
        while true {
            let count = retrying { pread(descriptor, &buffer, buffer.count, off_t(offset)) }
            if count == 0 { return offset }
            guard count > 0 else { return nil }
            buffer.withUnsafeBytes { take(UnsafeRawBufferPointer(rebasing: $0[..<count])) }
            offset += Int64(count)
        }
    }

    private static func failure(_ path: String, _ what: String, _ cause: SystemError = SystemError(errno))
        -> DownloadError
    {
        DownloadError(.unusable, "\(path): \(what): \(cause)")
    }
}
