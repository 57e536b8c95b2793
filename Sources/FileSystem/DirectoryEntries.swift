import Glibc

/// What is in a folder, read once; `.` and `..` are left out.
public struct DirectoryEntries: ~Copyable {
    /// One entry; valid only while it is being handed over.
    public struct Entry {
        /// The bytes of the name, which end with a NUL and need not be UTF-8.
        public let name: UnsafePointer<CChar>
        /// The number of what it names.
        public let inode: UInt64

        /// The name as text: bytes that are not UTF-8 become U+FFFD.
        public var text: String { String(cString: name) }

        /// The bytes of the name, without the NUL.
        public var bytes: [UInt8] {
            UnsafeBufferPointer(start: name, count: strlen(name)).map(UInt8.init(truncatingIfNeeded:))
        }
    }

    private let stream: OpaquePointer

    /// Opens the folder at `path`.
    ///
    /// - Throws: `SystemError` of opendir(3).
    public init(of path: String) throws(SystemError) {
        guard let stream = opendir(path) else { throw SystemError(errno) }
        self.stream = stream
    }

    /// Opens an open folder once more, so that its own place in the list of entries stays where it is.
    ///
    /// - Throws: `SystemError` of openat(2) or fdopendir(3).
    public init(of folder: Descriptor) throws(SystemError) {
        let copy = openat(folder.number, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC)
        guard copy >= 0 else { throw SystemError(errno) }
        guard let stream = fdopendir(copy) else {
            let number = errno
            close(copy)
            throw SystemError(number)
        }
        self.stream = stream
    }

    deinit { closedir(stream) }

    /// Hands each entry to `take`, until that returns false.
    public consuming func forEach(_ take: (Entry) -> Bool) {
        while let entry = readdir(stream) {
            let inode = UInt64(entry.pointee.d_ino)
            let goesOn = withUnsafePointer(to: &entry.pointee.d_name) { pointer in
                pointer.withMemoryRebound(to: CChar.self, capacity: 256) { name in
                    strcmp(name, ".") == 0 || strcmp(name, "..") == 0 || take(Entry(name: name, inode: inode))
                }
            }
            if !goesOn { return }
        }
    }

    /// The names of all entries as text, in the order of the file system.
    public consuming func names() -> [String] {
        var names: [String] = []
        forEach { entry in
            names.append(entry.text)
            return true
        }
        return names
    }
}
