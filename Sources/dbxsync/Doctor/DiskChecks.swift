import Configuration
import Engine
import FileSystem
import Glibc
import MirrorFS
import TextFormatting

/// Whether the mirror's disk can hold a mirror; blocks for as long as the disk does.
struct DiskChecks: Sendable {
    let config: Config
    /// What the state says, as far as there is one.
    let known: KnownMirror

    /// What the state says of the mirror.
    struct KnownMirror: Sendable {
        /// The identity in the state file.
        var id: String?
        var folders = 0
        var backlogBytes: Int64 = 0
    }

    static let names = ["mirror directory", "mirror access", "free space", "file system", "watches"]

    /// What is said of checks that need an answer of the mirror's disk, if it gives none.
    static let silence = "the disk of the mirror does not answer"

    /// How long all of them may take.
    private static let patience = Duration.seconds(25)

    private var path: String { config.mirror.directory }

    /// All of them, or that the disk does not answer.
    func findingsInTime() async -> [Finding] {
        let disk = DiskInquiry(of: path)
        if let findings = await disk.answer(within: Self.patience, { findings }) { return findings }
        let advice = "look at the disk, or at the server it is on; what the kernel says of it: dmesg"
        return [.problem(Self.names[0], disk.silence, do: advice)]
            + Self.names.dropFirst().map { .skipped($0, Self.silence) }
    }

    /// All of them.
    private var findings: [Finding] {
        let place = directory
        guard place.result != .problem else {
            return [place] + Self.names.dropFirst().map { .skipped($0, "there is no usable mirror directory") }
        }
        let access = access
        let trial: Finding =
            access.result == .problem ? .skipped(Self.names[3], "nothing can be tried there") : fileSystem
        return [place, access, space, trial, watches]
    }

    // MARK: The directory

    private var directory: Finding {
        let name = Self.names[0]
        var status = stat()
        guard stat(path, &status) == 0 else {
            return .problem(
                name, "\(path): \(SystemError(errno))",
                do: errno == ENOENT
                    ? "mount its disk, or make it: install -d -o \(Privileges.User.current.name) -m 750 \(path)"
                    : "let \(Privileges.User.current.name) in: look at the folders above it")
        }
        guard status.st_mode & S_IFMT == S_IFDIR else { return .problem(name, "\(path) is no directory") }
        guard let id = known.id else { return .ok(name, "\(path), where no pass was made yet") }
        do {
            _ = try MirrorTree.openReadOnly(at: path, expecting: id)
            return .ok(name, "\(path) is the mirror that the state is about")
        } catch let error as MirrorError {
            return .problem(name, error.description)
        } catch {
            return .problem(name, "\(path): \(error)")
        }
    }

    // MARK: Owner and modes

    private var access: Finding {
        let name = Self.names[1]
        var status = stat()
        guard stat(path, &status) == 0 else { return .problem(name, "\(path): \(SystemError(errno))") }
        let user = Privileges.User.current
        let mode = ModeWords(status)
        guard faccessat(AT_FDCWD, path, R_OK | W_OK | X_OK, AT_EACCESS) == 0 else {
            let reason = SystemError(errno)
            return .problem(
                name, "\(user.name) may not write to \(path) (\(mode)): \(reason)",
                do: reason.number == EROFS ? "mount it for writing" : "chown \(user.name) \(path)")
        }
        if status.st_mode & 0o002 != 0 && status.st_mode & S_ISVTX == 0 {
            return .warning(
                name, "everybody may remove and replace what is in \(path) (\(mode))", do: "chmod o-w \(path)")
        }
        if status.st_uid != user.id && status.st_uid != 0 {
            return .warning(
                name, "\(path) (\(mode)) belongs to another user than \(user.name), who works on it",
                do: "chown \(user.name) \(path)")
        }
        let group: String
        if let wanted = config.mirror.group {
            group = "; files get the group \(wanted) (mirror.group)"
        } else if status.st_mode & S_ISGID != 0 {
            group = "; files get the group \(mode.group), because it is setgid"
        } else {
            group = ""
        }
        return .ok(name, "\(mode)\(group)")
    }

    // MARK: Space

    private var space: Finding {
        let name = Self.names[2]
        let disk: DiskSpace
        do throws(MirrorError) {
            disk = try DiskSpace(of: path)
        } catch {
            return .problem(name, error.description)
        }
        let reserve = config.mirror.minFreeSpace
        let free = HumanText.bytes(disk.free)
        if disk.lacksInodes {
            return .problem(name, "the file system is out of inodes", do: "remove some files from it")
        }
        if disk.free < reserve {
            return .problem(
                name,
                "\(free) free, and \(HumanText.bytes(reserve)) are to stay free (mirror.min_free_space): downloads wait",
                do: "make room, or lower mirror.min_free_space")
        }
        if known.backlogBytes > disk.free - reserve {
            return .warning(
                name, "\(free) free, and \(HumanText.bytes(known.backlogBytes)) are still to be downloaded",
                do: "make room, or leave something out with mirror.exclude")
        }
        if let share = disk.freeInodeShare, share < 0.02 {
            return .warning(name, "\(free) free, but nearly all inodes are in use", do: "remove some files from it")
        }
        return .ok(name, "\(free) of \(HumanText.bytes(disk.size)) free; \(HumanText.bytes(reserve)) are kept free")
    }

    // MARK: What the file system can do

    private var fileSystem: Finding {
        let name = Self.names[3]
        do throws(MirrorError) {
            let place = DiskTrial.place(for: path)
            let folder = DiskTrial.newName()
            let watcher = TrialWatcher(place: place, folder: folder)
            defer { watcher?.end() }
            return Self.finding(name, try DiskTrial.run(in: place, name: folder))
        } catch {
            return .problem(name, error.description)
        }
    }

    /// What of a trial matters.
    static func finding(_ name: String, _ trial: DiskTrial) -> Finding {
        let failed = DiskTrial.Ability.allCases.compactMap { ability in
            trial.failures[ability].map { (ability, $0 == 0 ? "" : " (\(SystemError($0)))") }
        }
        let fatal = failed.filter { [.move, .replace, .sync].contains($0.0) }
        if !fatal.isEmpty {
            return .problem(
                name, fatal.map { "it fails at \($0.0.rawValue)\($0.1)" }.joined(separator: "\n"),
                do: "keep the mirror on another file system")
        }
        var notes = failed.map { "it does not do: \($0.0.rawValue)\($0.1)" }
        if case .remote(let kind) = trial.fileSystem {
            notes.append("a file system of type \(kind) does not report all changes; schedule.sweep finds them")
        }
        if trial.timeUnit > 1_000_000_000 { notes.append("it keeps times only to two seconds") }
        if trial.foldsCase { notes.append("names that differ only in case are one here: such files are parked") }
        if trial.foldsNormalization { notes.append("names that differ only in normalization are one here") }
        if !notes.isEmpty { return .warning(name, notes.joined(separator: "\n")) }
        let time =
            switch trial.timeUnit {
            case 1: "the nanosecond"
            case 1_000_000_000: "the second"
            default: "\(HumanText.count(trial.timeUnit)) ns"
            }
        return .ok(name, "moves, replaces, locks, keeps every name, and times to \(time)")
    }

    // MARK: inotify

    private var watches: Finding {
        let name = Self.names[4]
        guard config.mirror.watch else { return .skipped(name, "mirror.watch is false") }
        let most = Self.number(in: "/proc/sys/fs/inotify/max_user_watches")
        let instances = Self.number(in: "/proc/sys/fs/inotify/max_user_instances")
        return Self.finding(name, watches: most, instances: instances, folders: known.folders)
    }

    /// Judges the kernel's limits.
    static func finding(_ name: String, watches: Int?, instances: Int?, folders: Int) -> Finding {
        guard let watches else { return .skipped(name, "the kernel does not tell its limits") }
        let needed = folders + 1
        let limit = "\(HumanText.count(watches)) folders can be watched (fs.inotify.max_user_watches)"
        // Other programs of the user need some, too.
        if needed > watches - watches / 10 {
            let wanted = max(524_288, needed * 2)
            return .warning(
                name, "\(limit), and the mirror has \(HumanText.count(needed))",
                do: "sysctl -w fs.inotify.max_user_watches=\(wanted), and the same in a file of /etc/sysctl.d")
        }
        if let instances, instances < 2 {
            return .warning(
                name, "fs.inotify.max_user_instances is \(instances)", do: "sysctl -w fs.inotify.max_user_instances=128"
            )
        }
        return .ok(name, limit)
    }

    private static func number(in file: String) -> Int? {
        guard let stream = fopen(file, "re") else { return nil }
        defer { fclose(stream) }
        var buffer = [CChar](repeating: 0, count: 32)
        guard fgets(&buffer, Int32(buffer.count), stream) != nil else { return nil }
        let text = String(decoding: buffer.prefix { $0 != 0 }.map(UInt8.init(truncatingIfNeeded:)), as: UTF8.self)
        return Int(text.filter { !$0.isWhitespace })
    }
}

/// Owner, group and mode of a file as people read them: `dbxsync:media 2750`.
struct ModeWords: CustomStringConvertible {
    let owner, group: String
    private let mode: mode_t

    init(_ status: stat) {
        owner = getpwuid(status.st_uid).map { String(cString: $0.pointee.pw_name) } ?? "\(status.st_uid)"
        group = Groups.name(of: status.st_gid)
        mode = status.st_mode & 0o7777
    }

    var description: String { "\(owner):\(group) \(String(mode, radix: 8))" }
}

/// Removes what a trial leaves behind when this process is killed meanwhile.
///
/// A shell that waits for the end of its input: that comes with the end of this process, whatever the reason is.
private final class TrialWatcher: Sendable {
    private let shell: ChildProcess

    init?(place: String, folder: String) {
        let script = #"trap "" INT TERM HUP; read -r _; cd "$1" 2>/dev/null && rm -rf -- "./$2" 2>/dev/null"#
        do throws(SystemError) {
            shell = try ChildProcess.start(
                ["/bin/sh", "-c", script, "sh", place, folder], environment: ["PATH": "/usr/bin:/bin"])
        } catch {
            return nil
        }
    }

    /// Lets it look once, and go.
    func end() { shell.closeInput() }
}
