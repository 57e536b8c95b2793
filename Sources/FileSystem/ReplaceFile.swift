public import Glibc

/// What of a replaced file is sure to survive a power failure; whatever happens, the old or the new file stands there.
public enum Durability: Sendable {
    /// Nothing: after a power failure the file may be the old one, the new one, or empty.
    case none
    /// The content and the name: when the call returns, the new file is there to stay.
    case contentAndName
}

/// How the new content is written before it gets the file's name.
public enum Draft: Sendable {
    /// Into a file of this name, whatever an earlier run has left there.
    case named(String)
    /// Into a file of this name, which must not be there yet; it gets owner and group of the file that it replaces, where
    /// these are not those of the user that runs this.
    case new(String)

    var name: String {
        switch self {
        case .named(let name), .new(let name): name
        }
    }
}

/// Why a file was not replaced, or not durably.
public struct ReplaceError: Error, Hashable, Sendable {
    /// The steps of replacing a file.
    public enum Step: Hashable, Sendable {
        /// The draft was to be opened.
        case openDraft
        /// The content was to be written.
        case write
        /// The content was to be made durable.
        case sync
        /// The draft was to get the file's name.
        case rename
        /// The folder was to be opened. The file is replaced.
        case openFolder
        /// The name was to be made durable. The file is replaced.
        case syncFolder
    }

    /// What was tried.
    public var step: Step
    /// Why it failed.
    public var cause: SystemError

    /// Creates an error.
    public init(step: Step, cause: SystemError) {
        self.step = step
        self.cause = cause
    }
}

/// Replaces the file at `path` in one step: writes a draft in the same folder and renames it.
///
/// - Parameters:
///   - path: the file; a symbolic link is replaced, not what it leads to.
///   - bytes: the new content.
///   - mode: permission bits of a new draft.
///   - exactly: whether it has all of them, whatever the process's umask(2) would take away.
///   - draft: where the content is written first; a name in the same folder, with the path.
///   - durability: what is to survive a power failure.
/// - Throws: `ReplaceError`; the draft is removed then.
public func replaceFile(
    at path: String, with bytes: some RandomAccessCollection<UInt8>, mode: mode_t, exactly: Bool = false, draft: Draft,
    durability: Durability
) throws(ReplaceError) {
    try replace(
        path, in: AT_FDCWD, with: Array(bytes), mode: mode, exactly: exactly, draft: draft, durability: durability)
    guard durability == .contentAndName else { return }
    let folder = try step(.openFolder) { () throws(SystemError) in try openFolder(of: path) }
    try step(.syncFolder) { () throws(SystemError) in try folder.sync() }
}

/// Replaces the file `name` of an open folder, as the function of the same name for a path does.
///
/// - Throws: `ReplaceError`; the draft is removed then.
public func replaceFile(
    _ name: String, in folder: Descriptor, with bytes: some RandomAccessCollection<UInt8>, mode: mode_t, draft: Draft,
    durability: Durability
) throws(ReplaceError) {
    try replace(
        name, in: folder.number, with: Array(bytes), mode: mode, exactly: false, draft: draft, durability: durability)
    guard durability == .contentAndName else { return }
    try step(.syncFolder) { () throws(SystemError) in try folder.sync() }
}

/// Makes durable which names are in the folder of `path`.
///
/// - Throws: `SystemError` of open(2) or fsync(2).
public func syncFolder(of path: String) throws(SystemError) { try openFolder(of: path).sync() }

extension Descriptor {
    /// Makes content or entries durable: fsync(2).
    fileprivate func sync() throws(SystemError) {
        guard retrying({ fsync(number) }) == 0 else { throw SystemError(errno) }
    }
}

private func openFolder(of path: String) throws(SystemError) -> Descriptor {
    let folder = path.utf8.lastIndex(of: UInt8(ascii: "/")).map { String(path[..<$0]) } ?? "."
    let number = open(folder.isEmpty ? "/" : folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
    guard number >= 0 else { throw SystemError(errno) }
    return Descriptor(number)
}

private func replace(
    _ name: String, in folder: Int32, with bytes: [UInt8], mode: mode_t, exactly: Bool, draft: Draft,
    durability: Durability
) throws(ReplaceError) {
    let file = try step(.openDraft) { () throws(SystemError) in try openDraft(draft, in: folder, mode: mode) }
    do {
        if case .new = draft { keepOwner(of: name, in: folder, file) }
        if exactly {
            try step(.openDraft) { () throws(SystemError) in
                guard fchmod(file.number, mode) == 0 else { throw SystemError(errno) }
            }
        }
        try step(.write) { () throws(SystemError) in try writeAll(bytes, to: file.number) }
        if durability == .contentAndName { try step(.sync) { () throws(SystemError) in try file.sync() } }
        try step(.rename) { () throws(SystemError) in
            guard renameat(folder, draft.name, folder, name) == 0 else { throw SystemError(errno) }
        }
    } catch {
        unlinkat(folder, draft.name, 0)
        throw error
    }
}

private func openDraft(_ draft: Draft, in folder: Int32, mode: mode_t) throws(SystemError) -> Descriptor {
    let flags =
        switch draft {
        case .named: O_TRUNC | O_NONBLOCK
        case .new: O_EXCL
        }
    let number = retrying { openat(folder, draft.name, O_WRONLY | O_CREAT | O_CLOEXEC | O_NOFOLLOW | flags, mode) }
    guard number >= 0 else { throw SystemError(errno) }
    let file = Descriptor(number)
    // A pipe would take the content elsewhere; without a reader it is refused already, as nobody waits for one.
    var status = stat()
    guard fstat(number, &status) == 0 else { throw SystemError(errno) }
    guard status.st_mode & S_IFMT == S_IFREG else { throw SystemError(ENXIO) }
    return file
}

private func keepOwner(of name: String, in folder: Int32, _ file: Descriptor) {
    var old = stat()
    guard fstatat(folder, name, &old, 0) == 0, old.st_uid != geteuid() || old.st_gid != getegid() else {
        return
    }
    _ = fchown(file.number, old.st_uid, old.st_gid)  // who may not do that keeps it
}

private func step<Value>(_ step: ReplaceError.Step, _ work: () throws(SystemError) -> Value) throws(ReplaceError)
    -> Value
{
    do {
        return try work()
    } catch {
        throw ReplaceError(step: step, cause: error)
    }
}
