import CLinux
import Glibc
import SyncModel

/// Reading, hashing and copying whole files.
enum FileContent {
    private static let chunk = 1 << 20

    /// The content hash of an open file from its beginning.
    static func hash(_ file: Descriptor) throws(MirrorError) -> ContentHash {
        let hasher = ContentHasher()
        _ = try feed(file, to: hasher)
        return hasher.finish()
    }

    /// Feeds a file from its beginning to `hasher`.
    ///
    /// - Returns: the number of bytes.
    static func feed(_ file: Descriptor, to hasher: ContentHasher) throws(MirrorError) -> Int64 {
        let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: chunk, alignment: 4096)
        defer { buffer.deallocate() }
        var offset: Int64 = 0
        while true {
            let got = retrying { pread(file.number, buffer.baseAddress, chunk, off_t(offset)) }
            guard got >= 0 else { throw .unreadable() }
            if got == 0 { return offset }
            hasher.update(UnsafeRawBufferPointer(rebasing: buffer[..<got]))
            offset += Int64(got)
        }
    }

    /// Makes `to` hold what `from` holds: shared blocks where the file system can, else a copy.
    static func copy(from: Descriptor, to: Descriptor) throws(MirrorError) {
        if dbx_clone(to.number, from.number) == 0 { return }
        while true {
            let got = retrying { dbx_copy_range(from.number, to.number, 1 << 30) }
            if got == 0 { return }
            guard got > 0 else { throw .call("copy", "a file") }
        }
    }
}

/// Sets the modification time of an open file, in whole seconds; the access time stays.
func setModificationTime(_ file: Descriptor, _ time: Timestamp, _ name: String) throws(MirrorError) {
    guard dbx_set_modified(file.number, time.seconds) == 0 else { throw .call("set the time of", name) }
}
