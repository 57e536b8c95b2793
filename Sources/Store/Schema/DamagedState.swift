import FileSystem
import Glibc
public import SyncModel

/// A state file that was found damaged, and is kept beside the one that was made in its place.
public struct DamagedState: Hashable, Sendable {
    /// Where it is kept.
    public var path: String
    /// When it was set aside.
    public var setAsideAt: Timestamp

    /// So many are kept, and so many are set aside in a day: a disk that damages more of them is not worth it.
    static let mostKept = 3
    private static let day: Int64 = 86_400
    private static let mark = ".damaged-"

    /// What is kept beside the state file at `path`, the oldest first.
    public static func kept(beside path: String) -> [DamagedState] {
        let (folder, name) = place(of: path)
        guard let others = try? DirectoryEntries(of: folder).names() else { return [] }
        var found: [(state: DamagedState, name: String)] = []
        for other in others {
            guard other.hasPrefix(name + mark), let time = time(of: other.dropFirst(name.count + mark.count)) else {
                continue
            }
            found.append((DamagedState(path: "\(folder)/\(other)", setAsideAt: time), other))
        }
        return found.sorted { ($0.state.setAsideAt, $0.name) < ($1.state.setAsideAt, $1.name) }.map(\.state)
    }

    /// Gives a damaged state file and its logs a name of their own, durably; nothing is replaced.
    ///
    /// The file comes first: without its log it might pass for an older state that is whole, while a log without its file
    /// is thrown away.
    ///
    /// - Throws: `StoreError`: that of the disk, or `error`, if that has happened too often of late.
    static func setAside(_ path: String, because error: StoreError, now: Timestamp) throws -> DamagedState {
        let kept = kept(beside: path)
        let recent = kept.filter { $0.setAsideAt.seconds(since: now).magnitude < day }
        if recent.count >= mostKept, let first = recent.first {
            throw StoreError(
                code: .damaged,
                message: "\(error.message); \(recent.count) state files were set aside within a day already",
                hint: "its disk is probably failing; to have the state rebuilt once more, remove \(first.path)")
        }
        let name = freeName(path, now: now)
        guard rename(path, name) == 0 else { throw failure("cannot be set aside", path: path, cause: error) }
        for log in ["-wal", "-shm", "-journal"] { _ = rename(path + log, name + log) }  // there is not always one
        for old in kept.dropLast(mostKept - 1) { try? FileHeader.removeWithLogs(old.path) }  // room is all it is about
        do {
            try syncFolder(of: path)
        } catch let refusal {
            errno = refusal.number
            throw failure("cannot be set aside durably", path: path, cause: error)
        }
        return DamagedState(path: name, setAsideAt: now)
    }

    private static func freeName(_ path: String, now: Timestamp) -> String {
        let first = path + mark + text(now)
        var (name, number) = (first, 2)
        var status = stat()
        while lstat(name, &status) == 0 { (name, number) = ("\(first).\(number)", number + 1) }
        return name
    }

    private static func failure(_ what: String, path: String, cause: StoreError) -> StoreError {
        let reason = SystemError(errno).description
        return StoreError(
            code: errno == ENOSPC || errno == EDQUOT ? .full : .inputOutput,
            message: "\(cause.message); it \(what): \(reason)",
            hint: "see to the directory \(place(of: path).folder), then start dbxsync again")
    }

    private static func place(of path: String) -> (folder: String, name: String) {
        let name = path.split(separator: "/", omittingEmptySubsequences: false).last ?? ""
        let folder = path.pathAboveLastSlash ?? "."
        return (folder.isEmpty ? "/" : folder, String(name))
    }

    // MARK: Time

    /// The time in UTC, as in `20261129T131500Z`.
    private static func text(_ moment: Timestamp) -> String {
        var (time, parts) = (time_t(moment.seconds), tm())
        guard gmtime_r(&time, &parts) != nil else { return "0" }
        var buffer = [CChar](repeating: 0, count: 32)
        let count = strftime(&buffer, buffer.count, "%Y%m%dT%H%M%SZ", &parts)
        return String(decoding: buffer.prefix(count).map(UInt8.init(truncatingIfNeeded:)), as: UTF8.self)
    }

    /// The time that a name ends with, before a number if there is one; `nil` for what is no such name.
    private static func time(of end: Substring) -> Timestamp? {
        let parts = end.split(separator: ".", omittingEmptySubsequences: false)
        guard let stamp = parts.first, parts.count <= 2, parts.dropFirst().allSatisfy({ Int($0) != nil }) else {
            return nil
        }
        let bytes = Array(stamp.utf8)
        guard bytes.count == 16 else { return nil }
        func number(_ range: Range<Int>) -> Int32? { Int32(String(decoding: bytes[range], as: UTF8.self)) }
        guard let year = number(0..<4), let month = number(4..<6), let day = number(6..<8), let hour = number(9..<11),
            let minute = number(11..<13), let second = number(13..<15)
        else { return nil }
        var fields = tm()
        (fields.tm_year, fields.tm_mon, fields.tm_mday) = (year - 1900, month - 1, day)
        (fields.tm_hour, fields.tm_min, fields.tm_sec) = (hour, minute, second)
        let moment = Timestamp(seconds: Int64(timegm(&fields)))
        return text(moment) == stamp ? moment : nil
    }
}
