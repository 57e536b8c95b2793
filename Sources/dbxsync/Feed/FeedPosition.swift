import FileSystem
import FoundationEssentials
import Glibc

/// Where a command for changes stands in the history: `{"after": N}`, with the batch that was begun `{"after": N, "upto": M}`.
struct FeedPosition: Codable, Equatable, Sendable {
    /// The command is done with all rows up to this one.
    var after: Int64
    /// The last row of the batch that it was given and has not confirmed.
    var upto: Int64?

    /// Reads what is kept at `path`; nil if nothing is.
    ///
    /// - Throws: `Failure` if it cannot be read, or makes no sense.
    static func read(_ path: String) throws(Failure) -> FeedPosition? {
        let file = open(path, O_RDONLY | O_CLOEXEC)
        if file < 0 && errno == ENOENT { return nil }
        guard file >= 0 else { throw failure(path, "cannot be opened: \(SystemError(errno))") }
        defer { close(file) }
        var bytes = [UInt8](repeating: 0, count: 4096)
        let count = retrying { Glibc.read(file, &bytes, bytes.count) }
        guard count >= 0 else { throw failure(path, "cannot be read: \(SystemError(errno))") }
        guard let position = parse(Array(bytes.prefix(count))) else {
            throw failure(path, "does not say where it stands; remove it to begin after the changes that are there")
        }
        return position
    }

    /// Reads the file's content; nil if it makes no sense.
    static func parse(_ bytes: [UInt8]) -> FeedPosition? {
        guard let position = try? JSONDecoder().decode(FeedPosition.self, from: Data(bytes)) else { return nil }
        let isSound = position.after >= 0 && position.upto.map { $0 > position.after } ?? true
        return isSound ? position : nil
    }

    /// Keeps it at `path`, so that it survives whatever happens then.
    ///
    /// - Throws: `Failure` if that is not possible.
    func write(_ path: String) throws(Failure) {
        let text = upto.map { "{\"after\": \(after), \"upto\": \($0)}\n" } ?? "{\"after\": \(after)}\n"
        do {
            try replaceFile(
                at: path, with: Array(text.utf8), mode: 0o640, draft: .named(path + ".new"),
                durability: .contentAndName)
        } catch {
            throw Self.failure(path, "cannot be written: \(error.cause)")
        }
    }

    private static func failure(_ path: String, _ what: String) -> Failure {
        Failure(.unusableDirectory, "\(path), which says where the command stands, \(what)")
    }
}
