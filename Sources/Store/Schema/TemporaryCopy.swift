import FileSystem
import FoundationEssentials
import Glibc

/// A copy of a state file with its log, for whoever can read both and write nothing beside them.
///
/// What is written while they are copied may be missing in the copy, or make it unreadable; then it is copied once more.
struct TemporaryCopy {
    /// The copy.
    let path: String
    private let folder: String

    init(of original: String) throws {
        let place = "/tmp"
        var template = Array("\(place)/dbxsync-status.XXXXXX".utf8CString)
        guard mkdtemp(&template) != nil else { throw Self.failure("no room for a copy in \(place)") }
        folder = String(decoding: template.prefix { $0 != 0 }.map(UInt8.init(truncatingIfNeeded:)), as: UTF8.self)
        path = folder + "/state.db"
        do {
            // The log first: a checkpoint in between leaves it with too much rather than too little.
            try Self.copy(original + "-wal", to: path + "-wal", isOptional: true)
            try Self.copy(original, to: path, isOptional: false)
        } catch {
            remove()
            throw error
        }
    }

    /// Removes the names of the copy; who has it open keeps it.
    func remove() {
        for suffix in ["", "-wal", "-shm"] { unlink(path + suffix) }
        rmdir(folder)
    }

    private static func copy(_ from: String, to: String, isOptional: Bool) throws {
        let source = open(from, O_RDONLY | O_CLOEXEC)
        if source < 0 && errno == ENOENT && isOptional { return }
        guard source >= 0 else { throw failure("\(from) cannot be read") }
        defer { close(source) }
        let target = open(to, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0o600)
        guard target >= 0 else { throw failure("\(to) cannot be made") }
        defer { close(target) }
        var buffer = [UInt8](repeating: 0, count: 1 << 20)
        while true {
            let got = read(source, &buffer, buffer.count)
            if got == 0 { return }
            guard got > 0, write(target, buffer, got) == got else { throw failure("\(from) cannot be copied") }
        }
    }

    private static func failure(_ what: String) -> StoreError {
        StoreError(
            code: .inputOutput, message: "the state cannot be looked at: \(what): \(SystemError(errno))")
    }
}
