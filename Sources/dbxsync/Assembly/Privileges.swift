import FileSystem
import Glibc

/// Whose files are worked on.
enum Privileges {
    /// Root becomes the user who owns `directory`, for good.
    ///
    /// "sudo dbxsync auth" or "sudo dbxsync status" would otherwise leave files that the service, which runs as its own
    /// user, can neither read nor replace. Nothing happens if the directory is root's or not there yet.
    static func becomeOwner(of directory: String) throws(Failure) {
        guard geteuid() == 0 else { return }
        var info = stat()
        guard stat(directory, &info) == 0, info.st_uid != 0 else { return }
        let name = getpwuid(info.st_uid).map { String(cString: $0.pointee.pw_name) }
        let groups = name.map { initgroups($0, info.st_gid) } ?? setgroups(0, nil)
        guard groups == 0, setgid(info.st_gid) == 0, setuid(info.st_uid) == 0 else {
            throw Failure(
                .unusableDirectory,
                "cannot become \(name ?? "user \(info.st_uid)"), who owns \(directory): \(SystemError(errno))")
        }
    }
}
