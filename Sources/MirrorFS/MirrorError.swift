import FileSystem
import Glibc
public import SyncModel

/// A failure on the mirror's disk: which call, on which path, why, and what to do.
public struct MirrorError: Classified, Hashable, CustomStringConvertible {
    /// The kinds of failure.
    public enum Code: Hashable, Sendable {
        /// The mirror directory or its marker is not there: perhaps its file system is not mounted.
        case notOurMirror
        /// Another process works on the mirror.
        case held
        /// The mirror is that of another account or folder.
        case otherOwner
        /// The kernel lacks a call that path safety rests on.
        case unsupported
        /// What was downloaded is not what was announced.
        case mismatch
        /// Fewer bytes are free than are to stay free.
        case lowOnSpace
        /// The file system can hold no more files, though it may have space.
        case noInodes
        /// Something else is mounted there: what it hides, and what it shows, is left alone.
        case otherFileSystem
        /// One file cannot be read: a bad sector, a lock.
        case unreadable
        /// A system call failed; the number says how.
        case call
    }

    /// The kind of failure.
    public var code: Code
    /// What was tried, on what.
    public var message: String
    /// The error number, or 0.
    public var number: Int32
    /// What to do about it.
    public var hint: String?

    /// Creates an error.
    public init(code: Code, message: String, number: Int32 = 0, hint: String? = nil) {
        self.code = code
        self.message = message
        self.number = number
        self.hint = hint
    }

    /// A failed system call; reads `errno`.
    static func call(_ name: String, _ subject: some CustomStringConvertible) -> MirrorError {
        MirrorError(code: .call, message: "\(name) \(quoted("\(subject)"))", number: errno, hint: hint(for: errno))
    }

    /// A failed system call that may have made something in `folder`; reads `errno`.
    static func call(_ name: String, _ subject: some CustomStringConvertible, in folder: Descriptor) -> MirrorError {
        guard errno == ENOSPC else { return .call(name, subject) }
        var status = statvfs()
        guard fstatvfs(folder.number, &status) == 0, status.f_files > 0, status.f_favail == 0 else {
            errno = ENOSPC
            return .call(name, subject)
        }
        return MirrorError(
            code: .noInodes,
            message: "\(name) \(quoted("\(subject)")): the file system is out of inodes: it can hold no more files",
            hint: "remove some files, of whatever size; it continues automatically")
    }

    /// The mirror at `path` is worked on by somebody else.
    static func held(_ path: String, by holder: LockHolder?) -> MirrorError {
        let process = holder.map { " (\($0.process)\($0.state.map { ", state directory \($0)" } ?? ""))" } ?? ""
        return MirrorError(
            code: .held, message: "another dbxsync\(process) works on the mirror \(path)",
            hint: "stop it first, or give this one a mirror.directory of its own")
    }

    /// What stands at `subject` belongs to another file system.
    static func mounted(_ subject: String) -> MirrorError {
        MirrorError(
            code: .otherFileSystem, message: "\(quoted(subject)) is on another file system, mounted in the mirror",
            hint: "nothing there is touched; unmount it, or leave the folder out with mirror.exclude")
    }

    /// A file that cannot be read; reads `errno`.
    static func unreadable() -> MirrorError {
        MirrorError(code: .unreadable, message: "read a file", number: errno, hint: "look at its disk, owner and mode")
    }

    private static func hint(for number: Int32) -> String? {
        switch number {
        case ENOSPC: "free some space; it continues automatically"
        case EDQUOT: "the disk quota is used up; it continues automatically once there is room"
        case EROFS: "the file system is mounted read-only"
        case EACCES, EPERM: "look at owner and mode"
        case EXDEV: "a mount inside the mirror, or a path that leads out of it"
        case EBUSY: "something is mounted there, or another program uses it"
        case ELOOP: "the path contains a symbolic link; links are never followed"
        case ENAMETOOLONG: "rename it in Dropbox: the file system takes 255 bytes a name"
        default: nil
        }
    }

    /// Whether it is about space on the disk.
    public var isLackOfSpace: Bool {
        switch code {
        case .lowOnSpace, .noInodes: true
        case .call: [ENOSPC, EDQUOT].contains(number)
        case .notOurMirror, .held, .otherOwner, .unsupported, .mismatch, .otherFileSystem, .unreadable: false
        }
    }

    /// Whether the whole mirror may be out of reach: its disk pulled out, its server gone.
    public var mayMeanAway: Bool {
        switch code {
        case .notOurMirror, .held: true
        case .call: [EIO, ENOTCONN, ESTALE, ENODEV, EHOSTDOWN, ETIMEDOUT, ECONNABORTED].contains(number)
        case .otherOwner, .unsupported, .mismatch, .lowOnSpace, .noInodes, .otherFileSystem, .unreadable: false
        }
    }

    /// Whether it tells of one path only, with which others can be compared and repaired.
    public var isAboutOnePath: Bool { disposition == .skipItem || number == EIO }

    /// Full disks, read-only disks and input/output errors concern everything; the rest concerns one item.
    public var disposition: Disposition {
        switch code {
        case .notOurMirror, .held, .otherOwner, .unsupported: .fatal
        case .mismatch, .unreadable, .otherFileSystem: .skipItem
        case .lowOnSpace, .noInodes: .abortPass
        case .call:
            mayMeanAway || [ENOSPC, EDQUOT, EROFS, EMFILE, ENFILE, ENOMEM].contains(number) ? .abortPass : .skipItem
        }
    }

    /// Call, path, reason and hint.
    public var description: String {
        let reason = number == 0 ? "" : ": " + SystemError(number).description
        return message + reason + (hint.map { " (\($0))" } ?? "")
    }
}

/// `text` with control characters escaped, for messages.
private func quoted(_ text: String) -> String {
    // The control characters of Unicode, ASCII's and those that UTF-8 begins with 0xC2.
    guard text.utf8.contains(where: { $0 < 0x20 || $0 == 0x7F || $0 == 0xC2 }) else { return text }
    return text.unicodeScalars.map { $0.properties.generalCategory == .control ? $0.escaped(asASCII: true) : "\($0)" }
        .joined()
}
