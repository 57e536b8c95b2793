import FileSystem
import FoundationEssentials
import Glibc

/// A small JSON file that a running daemon replaces again and again, for other processes to read.
enum WordFile {
    /// Reads what is said at `path`; nil if that is nothing, or has more bytes than `most`.
    static func read<Word: Decodable>(_ type: Word.Type, at path: String, most: Int) -> Word? {
        let file = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK)
        guard file >= 0 else { return nil }
        defer { close(file) }
        var bytes: [UInt8] = []
        var piece = [UInt8](repeating: 0, count: 64 << 10)
        while case let count = Glibc.read(file, &piece, piece.count), count > 0 {
            bytes += piece[..<count]
            if bytes.count > most { return nil }
        }
        return try? JSONDecoder().decode(type, from: Data(bytes))
    }

    /// Replaces the file at `path`; the group may read it, whatever the umask.
    ///
    /// - Returns: whether it could; one that cannot be written grows old, and is not believed.
    static func write(_ word: some Encodable, to path: String) -> Bool {
        guard let data = try? JSONEncoder().encode(word) else { return false }
        do {
            try replaceFile(
                at: path, with: data, mode: 0o640, exactly: true, draft: .named(path + ".new"), durability: .none)
            return true
        } catch {
            return false
        }
    }
}
