import Foundation

/// A folder that is gone when its object is.
public final class TemporaryFolder: Sendable {
    /// Its absolute path.
    public let path: String

    /// Makes an empty folder.
    ///
    /// - Parameter inMemory: whether it may stand on a memory file system, where flushing costs nothing.
    public init(inMemory: Bool = false) throws {
        let memory = "/dev/shm"
        let useMemory = inMemory && FileManager.default.isWritableFile(atPath: memory)
        let base = useMemory ? memory : FileManager.default.temporaryDirectory.path
        path = base + "/dbxsync-test-\(UUID().uuidString)"
        try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
    }

    deinit { try? FileManager.default.removeItem(atPath: path) }

    /// A path inside.
    public func callAsFunction(_ name: String) -> String { path + "/" + name }

    /// Makes a folder inside and gives its path.
    public func folder(_ name: String) throws -> String {
        try FileManager.default.createDirectory(atPath: self(name), withIntermediateDirectories: true)
        return self(name)
    }

    /// Writes a file inside, with the folders above it.
    public func write(_ text: String, to name: String) throws {
        let url = URL(fileURLWithPath: self(name))
        try FileManager.default.createDirectory(at: url.deletingLastPathComponent(), withIntermediateDirectories: true)
        try Data(text.utf8).write(to: url)
    }
}
