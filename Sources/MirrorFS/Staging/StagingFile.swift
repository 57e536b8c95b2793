import CLinux
import FileSystem
import Glibc
public import SyncModel

/// Proof that the bytes of a version are complete and verified, under a name of their own in the staging folder.
///
/// Only `StagingFile.finish` and `BlockFile.finish` make one; nothing else can be published.
public struct StagedFile: Sendable {
    /// What it holds.
    public let version: FileVersion
    /// How it will be recognised after it was renamed.
    public let fingerprint: Fingerprint
    /// Whether its bytes are on stable storage already; otherwise the batch it is published in sees to that.
    public let isDurable: Bool
    let name: String
}

/// A file that is being received: writes and hashes in one object, so that offset and hash cannot part.
///
/// Not for use by two threads at a time.
public final class StagingFile: ByteSink, @unchecked Sendable {
    // `@unchecked`: one user at a time by contract.
    private let folder: Descriptor
    private var file: Descriptor
    private let name: String
    private let version: FileVersion
    private let mode: mode_t
    private let hasher = ContentHasher()
    /// Bytes received so far, those of an earlier run included.
    public private(set) var offset: Int64 = 0

    /// From this size on a file's space is reserved first, in bytes.
    private static let largeFile: Int64 = 16 << 20

    /// Opens the part file `name`, going on after what an earlier run has left of the same revision.
    init(name: String, in folder: Descriptor, for version: FileVersion, mode: mode_t) throws(MirrorError) {
        self.folder = folder
        self.name = name
        self.version = version
        self.mode = mode
        // Whoever goes on with it has to write to it, even if the file is to be read only.
        file = try Descriptor.open(name, in: folder, flags: O_RDWR | O_CREAT, mode: mode | 0o600)
        let present = Int64(try file.status().st_size)
        // Segments leave holes; without their list nobody can tell what is missing.
        let hadSegments = present > 0 && unlinkat(folder.number, BlockFile.listName(of: name), 0) == 0
        if present > version.size || hadSegments {
            try restart()
        } else if present > 0 {
            offset = try FileContent.feed(file, to: hasher)
        }
        if version.size >= Self.largeFile { try reserve() }
    }

    /// The part file's path, for messages.
    private var place: String { MirrorTree.own + "/staging/" + name }

    /// Reserving finds a full disk before the download, and keeps the file in few pieces.
    private func reserve() throws(MirrorError) {
        if dbx_reserve(file.number, off_t(offset), off_t(version.size - offset)) == 0 { return }
        if errno == ENOSPC || errno == EDQUOT { throw .call("reserve \(version.size) bytes for", place) }
        // Other failures: the file system cannot reserve (fallocate(2), EOPNOTSUPP); writing will tell.
    }

    /// Writes the next bytes and hashes them.
    ///
    /// - Throws: `MirrorError`; `.mismatch` if more bytes come than the version has.
    public func write(_ bytes: UnsafeRawBufferPointer) throws {
        guard offset + Int64(bytes.count) <= version.size else {
            throw MirrorError(
                code: .mismatch, message: "revision \(version.rev.text) has \(version.size) bytes, the server sent more"
            )
        }
        try file.write(bytes, at: offset, of: place)
        offset += Int64(bytes.count)
        hasher.update(bytes)
    }

    /// Forgets everything received.
    ///
    /// - Throws: `MirrorError` if the disk refuses it.
    public func restart() throws(MirrorError) {
        if try file.status().st_nlink > 1 {
            // A displaced file lends its bytes; it keeps them.
            unlinkat(folder.number, name, 0)
            file = try Descriptor.open(name, in: folder, flags: O_RDWR | O_CREAT | O_EXCL, mode: mode | 0o600)
        }
        guard ftruncate(file.number, 0) == 0 else { throw .call("truncate", place) }
        offset = 0
        _ = hasher.finish()
    }

    /// Fills the file from another file of this disk instead of from a download.
    func fill(from source: Descriptor) throws(MirrorError) {
        try restart()
        try FileContent.copy(from: source, to: file)
        offset = try FileContent.feed(file, to: hasher)
    }

    /// Checks size and hash, sets time and mode, and makes a large file's bytes durable.
    ///
    /// - Throws: `MirrorError`; on `.mismatch` what was received is thrown away.
    public func finish() throws -> StagedFile {
        let hash = hasher.finish()
        guard offset == version.size, hash == version.hash else {
            let got = "\(offset) bytes with hash \(hash.hex.prefix(12))…"
            discard()
            throw MirrorError(
                code: .mismatch,
                message: "revision \(version.rev.text) should be \(version.size) bytes with hash "
                    + "\(version.hash.hex.prefix(12))…, received were \(got)")
        }
        try setModificationTime(file, time: version.modified, name: name)
        let status = try file.status()
        // What an earlier run has left may have another mode, and the process's mask takes from that of a new file.
        if status.st_mode & 0o7777 != mode, fchmod(file.number, mode) != 0 {
            throw MirrorError.call("set the mode of", place)
        }
        let isLarge = version.size >= Self.largeFile
        if isLarge { try file.sync() }
        return StagedFile(
            version: version, fingerprint: Fingerprint(status), isDurable: isLarge, name: name)
    }

    /// Removes the part file.
    public func discard() { unlinkat(folder.number, name, 0) }
}
