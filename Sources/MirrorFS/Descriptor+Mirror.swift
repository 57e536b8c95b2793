import FileSystem
import Glibc

/// The calls that the mirror makes, with its own errors.
extension Descriptor {
    /// Opens `name` in `folder` without following a link at its end.
    static func open(_ name: String, in folder: Descriptor, flags: Int32, mode: mode_t = 0) throws(MirrorError)
        -> Descriptor
    {
        let number = retrying { openat(folder.number, name, flags | O_NOFOLLOW | O_CLOEXEC, mode) }
        guard number >= 0 else { throw .call("open", name, in: folder) }
        return Descriptor(number)
    }

    /// Renames an entry of this folder, as rename(2) does.
    ///
    /// - Parameter replacing: whether what stands there may be replaced; otherwise it fails with EEXIST.
    func rename(_ name: String, to folder: Descriptor, _ target: String, replacing: Bool) -> Int32 {
        if !replacing {
            let result = renameNoReplace(name, to: folder, target)
            // Some file systems know no such rename (renameat2(2), EINVAL): there the look before has to do.
            if result == 0 || errno != EINVAL { return result }
        }
        return renameat(number, name, folder.number, target)
    }

    func status() throws(MirrorError) -> stat {
        var status = stat()
        guard fstat(number, &status) == 0 else { throw .call("stat", "descriptor \(number)") }
        return status
    }

    /// Writes all bytes at a position: pwrite(2), again after a signal and after a part; errors name `place`.
    func write(_ bytes: UnsafeRawBufferPointer, at offset: Int64, of place: String) throws(MirrorError) {
        var done = 0
        while done < bytes.count {
            let rest = UnsafeRawBufferPointer(rebasing: bytes[done...])
            let count = retrying { pwrite(number, rest.baseAddress, rest.count, off_t(offset) + done) }
            guard count > 0 else { throw .call("write", place) }
            done += count
        }
    }

    func sync() throws(MirrorError) {
        guard retrying({ fsync(number) }) == 0 else { throw .call("fsync", "descriptor \(number)") }
    }
}
