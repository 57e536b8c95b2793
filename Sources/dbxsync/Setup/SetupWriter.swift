import Configuration
import Dropbox
import FileSystem
import Glibc
import SyncModel
import TextFormatting

/// Writes what was asked for: each file whole, and the configuration last, so that it never names what is not there.
struct SetupWriter {
    let place: SetupPlace
    let draft: SetupDraft
    /// The configuration that the draft is.
    let config: Config
    /// A new sign-in; nil if the present one stays.
    let credentials: Credentials?

    /// The group that the mirror directory gets.
    private var group: gid_t { config.mirror.group.flatMap(Groups.number) ?? place.user.group }

    /// What there is to say of what stands in a directory that is to become a mirror.
    private static func contents(of directory: String) -> String {
        let names = (try? DirectoryEntries(of: directory).names()) ?? []
        if names.isEmpty || names.contains(MirrorPath.ownFolder.text) { return "" }
        return """
            ; it is not empty: files that are as in Dropbox are taken over, what stands in the way of others goes to \
            .dbxsync/aside, and all else stays
            """
    }

    /// What will be done, a line for each.
    func plan() -> [String] {
        var lines: [String] = []
        let mirror = config.mirror.directory
        switch DirectoryState(mirror, for: place.user) {
        case .usable: lines.append("\(mirror) is there and stays as it is\(Self.contents(of: mirror))")
        case .missing: lines.append("make \(mirror) for \(place.user.name), mode \(modeText)")
        case .empty: lines.append("give \(mirror), which is empty, to \(place.user.name), mode \(modeText)")
        case .unusable: break
        }
        if credentials != nil { lines.append("keep the sign-in in \(config.account.credentials)") }
        if draft.isChanged {
            let old =
                draft.isWorthKeeping ? ", and keep the present one as \(Self.unused(place.file + Self.keptSuffix))" : ""
            lines.append("write \(place.file)\(old)")
        }
        if let dropIn = neededDropIn { lines.append("write \(dropIn.path), so that the service may work there") }
        return lines
    }

    private var modeText: String { "0" + String(config.mirror.directoryMode, radix: 8) }

    // MARK: Writing

    /// Does it; a Ctrl-C meanwhile waits.
    ///
    /// - Returns: whether a service that runs already does not know something of it yet.
    /// - Throws: `Failure` or `DropboxError` at the first thing that cannot be written; what is written is whole.
    func write() throws -> Bool {
        let before = signal(SIGINT, SIG_IGN)
        defer { signal(SIGINT, before) }
        var isChanged = false
        try make(config.state.directory, mode: 0o750, group: place.user.group)
        try make(config.mirror.directory, mode: mode_t(config.mirror.directoryMode), group: group)
        if let credentials {
            let file = Connection.credentialsFile(config)
            try Privileges.acting(as: place.user) { try file.write(credentials) }
            isChanged = true
        }
        if draft.isChanged {
            try writeConfiguration()
            isChanged = true
        }
        try makeReadable()
        if try writeDropIn() { isChanged = true }
        return isChanged
    }

    // MARK: Directories

    /// Makes a directory and those above it, or takes over one that is empty.
    private func make(_ path: String, mode: mode_t, group: gid_t) throws(Failure) {
        switch DirectoryState(path, for: place.user) {
        case .usable: return
        case .unusable(let why): throw Failure(.unusableDirectory, why)
        case .missing: try makeMissing(path, mode: 0o700)
        case .empty: break
        }
        let folder = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC)
        guard folder >= 0 else { throw Failure(.unusableDirectory, "\(path): \(SystemError(errno))") }
        defer { close(folder) }
        guard geteuid() != 0 || fchown(folder, place.user.id, group) == 0, fchmod(folder, mode) == 0 else {
            throw Failure(.unusableDirectory, "\(path) cannot be given to \(place.user.name): \(SystemError(errno))")
        }
    }

    /// Makes a directory and those above it, which of root's everybody may pass through.
    private func makeMissing(_ path: String, mode: mode_t) throws(Failure) {
        // Each has its mode from the beginning: a stop leaves nothing that the next setup would take for somebody's wish.
        let mask = umask(0)
        defer { umask(mask) }
        var made = ""
        for name in path.split(separator: "/") {
            made += "/\(name)"
            let isLast = made.utf8.count == path.utf8.count
            if mkdir(made, isLast ? mode : geteuid() == 0 ? 0o755 : 0o700) != 0, errno != EEXIST {
                throw Failure(.unusableDirectory, "\(made) cannot be made: \(SystemError(errno))")
            }
        }
    }

    // MARK: The configuration

    private func writeConfiguration() throws(Failure) {
        var info = stat()
        let isThere = stat(place.file, &info) == 0
        let target = MirrorPlace.realPath(place.file) ?? place.file  // what a link leads to is replaced, not the link
        let mode = isThere ? info.st_mode & 0o777 : place.isService ? 0o640 : 0o600
        if draft.isWorthKeeping, let original = draft.original {
            try replace(Self.unused(target + Self.keptSuffix), original, mode: mode & ~0o077)
        }
        if !isThere, let folder = place.file.lastIndex(of: "/").map({ String(place.file[..<$0]) }), !folder.isEmpty {
            try makeMissing(folder, mode: 0o755)
        }
        try replace(target, draft.text, mode: mode)
        chmod(target, mode)  // whatever the umask is
    }

    private static let keptSuffix = ".before-setup"

    /// A name that nothing has: what an earlier setup has kept stays.
    private static func unused(_ path: String) -> String {
        var info = stat()
        let names = [path] + (2..<1000).map { "\(path).\($0)" }
        return names.first { lstat($0, &info) != 0 } ?? path
    }

    /// The service reads the configuration by its group, which a file that somebody has written need not have.
    private func makeReadable() throws(Failure) {
        guard place.isService else { return }
        let isReadable =
            (try? Privileges.acting(as: place.user) { faccessat(AT_FDCWD, place.file, R_OK, AT_EACCESS) == 0 }) ?? false
        if isReadable { return }
        var info = stat()
        guard stat(place.file, &info) == 0, chown(place.file, info.st_uid, place.user.group) == 0,
            chmod(place.file, info.st_mode & 0o777 | 0o040) == 0
        else {
            throw Failure(
                .unusableDirectory,
                "\(place.file) cannot be made readable for \(place.user.name): \(SystemError(errno))")
        }
    }

    private func replace(_ path: String, _ text: String, mode: mode_t) throws(Failure) {
        let draft = "\(path).\(String(UInt64.random(in: 0...(.max)), radix: 36)).new"
        do throws(ReplaceError) {
            try replaceFile(
                at: path, with: Array(text.utf8), mode: mode, draft: .new(draft), durability: .contentAndName)
        } catch {
            throw Failure(.unusableDirectory, "\(path) cannot be written: \(error.cause)")
        }
    }

    // MARK: The drop-in

    /// The drop-in that the service needs to work there; nil if it needs none, or has it.
    private var neededDropIn: DropIn? {
        guard let facts = place.facts else { return nil }
        let dropIn = DropIn(config, file: place.file)
        return ServiceChecks.refusals(facts, dropIn, group: config.mirror.group).isEmpty ? nil : dropIn
    }

    /// - Returns: whether one was written.
    private func writeDropIn() throws(Failure) -> Bool {
        guard let dropIn = neededDropIn else { return false }
        let text: String
        do throws(ConfigValueError) {
            text = try dropIn.text()
        } catch {
            throw Failure(.badConfiguration, error.message)
        }
        try makeMissing(String(dropIn.path.dropLast("/directories.conf".count)), mode: 0o755)
        try replace(dropIn.path, text, mode: 0o644)
        return true
    }
}

/// What stands where a directory is to be.
enum DirectoryState: Equatable {
    /// A directory that the user can work in.
    case usable
    case missing
    /// An empty directory of root's, which can be given to the user.
    case empty
    /// Something else, and why it does not do.
    case unusable(String)

    /// Whether it is a directory that every machine has (hier(7)), links followed; what is made in them may do.
    private static func isOfTheSystem(_ path: String) -> Bool {
        let real = MirrorPlace.realPath(path) ?? path
        let tops = ["bin", "boot", "dev", "etc", "lib", "lib64", "proc", "root", "run", "sbin", "sys", "usr"]
        if real == "/" || tops.contains(where: { real == "/\($0)" || real.hasPrefix("/\($0)/") }) {
            return !real.hasPrefix("/root/") && !real.hasPrefix("/usr/local/")
        }
        return ["/home", "/media", "/mnt", "/opt", "/srv", "/tmp", "/var", "/var/lib", "/var/log"].contains(real)
    }

    private static func isLink(_ path: String) -> Bool {
        var info = stat()
        return lstat(path, &info) == 0 && info.st_mode & S_IFMT == S_IFLNK
    }

    /// What an empty directory of root's is: what a link leads to is given to nobody, it may be meant for something else.
    static func ofEmpty(_ path: String) -> DirectoryState {
        guard isLink(path) else { return .empty }
        let real = MirrorPlace.realPath(path) ?? path
        return .unusable("\(path) is a symbolic link; name the directory that it leads to: \(real)")
    }

    /// Looks at a path as a user sees it.
    init(_ path: String, for user: Privileges.User) {
        if Self.isOfTheSystem(path) {
            self = .unusable("\(path) belongs to the system; choose a directory of its own for the mirror")
            return
        }
        var info = stat()
        guard stat(path, &info) == 0 else {
            let number = errno
            if Self.isLink(path) {
                self = .unusable("\(path) is a symbolic link that leads nowhere: \(SystemError(number))")
                return
            }
            self = number == ENOENT ? .missing : .unusable("\(path): \(SystemError(number))")
            return
        }
        guard info.st_mode & S_IFMT == S_IFDIR else {
            self = .unusable("\(path) is no directory")
            return
        }
        let isUsable =
            (try? Privileges.acting(as: user) {
                faccessat(AT_FDCWD, path, R_OK | W_OK | X_OK, AT_EACCESS) == 0
            }) ?? false
        if isUsable {
            self = .usable
        } else if geteuid() == 0, info.st_uid == 0, (try? DirectoryEntries(of: path).names())?.isEmpty ?? false {
            self = Self.ofEmpty(path)
        } else {
            self = .unusable(
                "\(path) (\(ModeWords(info))) is not for \(user.name) to write to; choose another, or run: chown \(user.name) \(path)"
            )
        }
    }
}
