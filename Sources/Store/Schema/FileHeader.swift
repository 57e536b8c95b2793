import FileSystem
import Glibc
import SyncModel

/// What the first bytes of a state file say, before SQLite is let near it: SQLite takes an empty file for a new one.
enum FileHeader {
    /// The file as one that does not change, so that nothing is made beside it (sqlite.org/uri.html, "immutable").
    static func immutableURI(_ path: String) -> String {
        let escaped = path.replacing("%", with: "%25").replacing("?", with: "%3f").replacing("#", with: "%23")
        return "file:\(escaped)?immutable=1"
    }

    /// Whether there is a plausible SQLite file at `path`; false if there is none at all.
    ///
    /// - Throws: `StoreError` if it is empty, no SQLite file, another program's, or shorter than its own header says
    ///   (sqlite.org/fileformat2.html, §1.3: page size at 16, versions of the format at 18, size in pages at 28, valid
    ///   if 24 equals 92, application id at 68).
    static func check(_ path: String) throws -> Bool {
        let file = open(path, O_RDONLY | O_CLOEXEC)
        if file < 0 && errno == ENOENT { return false }
        guard file >= 0 else { throw failure("cannot be opened", path) }
        defer { close(file) }
        var bytes = [UInt8](repeating: 0, count: 100)
        let got = pread(file, &bytes, bytes.count, 0)
        guard got >= 0 else { throw failure("cannot be read", path) }
        var status = stat()
        guard fstat(file, &status) == 0 else { throw failure("cannot be examined", path) }
        guard status.st_size > 0 else {
            throw StoreError(code: .damaged, message: "state file \(path) is empty", hint: StoreError.rebuildHint)
        }
        guard got == 100, bytes.starts(with: "SQLite format 3\0".utf8), bytes[18...19].allSatisfy({ 1...2 ~= $0 })
        else {
            throw StoreError(
                code: .damaged, message: "state file \(path) does not begin as one", hint: StoreError.rebuildHint)
        }
        // Asked here, because a connection for writing would first switch the other program's file to our journal.
        guard number(bytes[68..<72]) == Schema.applicationID else {
            throw StoreError(
                code: .foreign, message: "\(path) is an SQLite file, but not a state file of dbxsync",
                hint: StoreError.foreignHint)
        }
        // A checkpoint writes the first page, with the new size, before the last ones: with a log SQLite knows better.
        if hasLog(path) { return true }
        let pageSize = bytes[16] == 0 && bytes[17] == 1 ? 65536 : Int(bytes[16]) << 8 | Int(bytes[17])
        let sizeIsValid = bytes[24..<28].elementsEqual(bytes[92..<96])
        let pages = number(bytes[28..<32])
        if sizeIsValid && pages * pageSize > Int(status.st_size) {
            throw StoreError(
                code: .damaged,
                message: "state file \(path) is cut short: \(status.st_size) of \(pages * pageSize) bytes",
                hint: StoreError.rebuildHint)
        }
        return true
    }

    private static func number(_ bytes: ArraySlice<UInt8>) -> Int { bytes.reduce(0) { $0 << 8 | Int($1) } }

    /// Whether there is a log beside the file: it is open, or whoever had it open was killed.
    static func hasLog(_ path: String) -> Bool {
        var status = stat()
        return stat(path + "-wal", &status) == 0 && status.st_size > 0
    }

    /// Removes a state file with the logs beside it, which SQLite would play into any file of that name.
    static func removeWithLogs(_ path: String) throws {
        for suffix in ["", "-wal", "-shm", "-journal"] { try remove(path + suffix) }
    }

    private static func remove(_ path: String) throws {
        guard unlink(path) == 0 || errno == ENOENT else { throw failure("cannot be removed", path) }
    }

    /// Renames `draft` to `path`, durably.
    ///
    /// Its owner's group may read it, for `dbxsync status`; nobody else: it holds the name of every file. SQLite makes the
    /// logs beside it with the same mode.
    static func publish(_ draft: String, as path: String) throws {
        guard chmod(draft, 0o640) == 0 else { throw failure("cannot be kept from others", path) }
        guard rename(draft, path) == 0 else { throw failure("cannot be put in place", path) }
        do {
            try syncFolder(of: path)
        } catch {
            errno = error.number
            throw failure("cannot be made durable", path)
        }
    }

    private static func failure(_ what: String, _ path: String) -> StoreError {
        let reason = SystemError(errno).description
        return StoreError(
            code: errno == ENOSPC || errno == EDQUOT ? .full : .inputOutput,
            message: "state file \(path) \(what): \(reason)")
    }
}
