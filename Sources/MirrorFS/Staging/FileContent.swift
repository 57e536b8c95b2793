import CLinux
import FileSystem
import Glibc
import SyncModel

/// Reading, hashing and copying whole files.
enum FileContent {
    private static let chunk = 1 << 20
    /// Bytes of a file up to which holes are read like data.
    private static let withoutHoles: off_t = 64 << 10

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
        try feed(file, size: try file.status().st_size, to: hasher)
    }

    /// Feeds the first `size` bytes of a file to `hasher`.
    ///
    /// - Returns: the number of bytes: fewer if the file has become shorter.
    static func feed(_ file: Descriptor, size: off_t, to hasher: ContentHasher) throws(MirrorError) -> Int64 {
        let buffer = UnsafeMutableRawBufferPointer.allocate(
            byteCount: max(1, min(chunk, Int(size))), alignment: 4096)
        defer { buffer.deallocate() }
        var offset: off_t = 0
        while offset < size {
            // Looking for holes takes longer than reading a few zeros.
            let data = size <= withoutHoles ? 0..<size : nextData(of: file, at: offset, size: size) ?? size..<size
            // Holes are zeros that need not be read.
            if offset < data.lowerBound { buffer.initializeMemory(as: UInt8.self, repeating: 0) }
            while offset < data.lowerBound {
                let zeros = min(chunk, data.lowerBound - offset)
                hasher.update(UnsafeRawBufferPointer(rebasing: buffer[..<zeros]))
                offset += zeros
            }
            while offset < data.upperBound {
                let wanted = min(chunk, data.upperBound - offset)
                let got = retrying { pread(file.number, buffer.baseAddress, wanted, offset) }
                guard got >= 0 else { throw .unreadable() }
                if got == 0 { return Int64(offset) }  // it has become shorter
                hasher.update(UnsafeRawBufferPointer(rebasing: buffer[..<got]))
                offset += got
            }
        }
        return Int64(offset)
    }

    /// Makes `to`, which is empty, hold what `from` holds: shared blocks where the file system can, else a copy that
    /// keeps holes.
    static func copy(from: Descriptor, to: Descriptor) throws(MirrorError) {
        if dbx_clone(to.number, from.number) == 0 { return }
        let size = try from.status().st_size
        var position: off_t = 0
        while position < size, let data = nextData(of: from, at: position, size: size) {
            try copy(data, from: from, to: to)
            position = data.upperBound
        }
        guard ftruncate(to.number, size) == 0 else { throw .call("set the size of", "a file") }
    }

    /// The next range that is no hole; `nil` if only a hole follows.
    ///
    /// If the file system does not report holes, the whole range counts as data.
    private static func nextData(of file: Descriptor, at position: off_t, size: off_t) -> Range<off_t>? {
        let start = dbx_next_data(file.number, position)
        if start < 0 { return errno == ENXIO ? nil : position..<size }
        let end = dbx_next_hole(file.number, start)
        return start..<max(start + 1, end < 0 ? size : end)
    }

    /// Error numbers by which copy_file_range(2) says that it cannot, rather than that the disk fails.
    private static let cannotCopyRanges = [EXDEV, EINVAL, ENOSYS, EOPNOTSUPP]

    private static func copy(_ range: Range<off_t>, from: Descriptor, to: Descriptor) throws(MirrorError) {
        var rest = range
        while !rest.isEmpty {
            let got = retrying { dbx_copy_range(from.number, to.number, rest.lowerBound, rest.count) }
            if got == 0 { return }  // it has become shorter; the hash tells
            if got < 0 {
                guard cannotCopyRanges.contains(errno) else { throw .call("copy", "a file") }
                return try copyBytes(rest, from: from, to: to)
            }
            rest = (rest.lowerBound + got)..<rest.upperBound
        }
    }

    private static func copyBytes(_ range: Range<off_t>, from: Descriptor, to: Descriptor) throws(MirrorError) {
        let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: chunk, alignment: 4096)
        defer { buffer.deallocate() }
        var offset = range.lowerBound
        while offset < range.upperBound {
            let wanted = min(chunk, range.upperBound - offset)
            let got = retrying { pread(from.number, buffer.baseAddress, wanted, offset) }
            guard got >= 0 else { throw .call("read", "a file") }
            if got == 0 { return }
            let put = retrying { pwrite(to.number, buffer.baseAddress, got, offset) }
            guard put > 0 else { throw .call("write", "a file") }
            offset += off_t(put)
        }
    }
}

/// Sets the modification time of an open file, in whole seconds; the access time stays.
func setModificationTime(_ file: Descriptor, time: Timestamp, name: String) throws(MirrorError) {
    guard dbx_set_modified(file.number, time.seconds) == 0 else { throw .call("set the time of", name) }
}
