import FileSystem
import Glibc

/// Whose files are worked on.
enum Privileges {
    /// A user of this system.
    struct User: Equatable, Sendable {
        var name: String
        var id: uid_t
        var group: gid_t

        /// The user of a name or number; nil if there is none.
        static func named(_ text: String) -> User? {
            if let entry = getpwnam(text) { return User(entry.pointee) }
            return uid_t(text).flatMap { of($0, group: gid_t($0)) }
        }

        /// The user who owns a file, with the group of the file; nil if there is no such file.
        static func owner(of path: String) -> User? {
            var info = stat()
            guard stat(path, &info) == 0 else { return nil }
            var owner = of(info.st_uid, group: info.st_gid)
            owner.group = info.st_gid
            return owner
        }

        /// Who runs this process.
        static var current: User { of(geteuid(), group: getegid()) }

        private static func of(_ id: uid_t, group: gid_t) -> User {
            getpwuid(id).map { User($0.pointee) } ?? User(name: "user \(id)", id: id, group: group)
        }

        private init(_ entry: passwd) {
            self.init(name: String(cString: entry.pw_name), id: entry.pw_uid, group: entry.pw_gid)
        }

        private init(name: String, id: uid_t, group: gid_t) {
            (self.name, self.id, self.group) = (name, id, group)
        }

        /// Takes the groups that the user is a member of, without changing who runs this process.
        fileprivate func takeGroups() -> Bool {
            getpwuid(id) == nil ? setgroups(0, nil) == 0 : initgroups(name, group) == 0
        }
    }

    /// Root becomes the user who owns `directory`, for good.
    ///
    /// "sudo dbxsync auth" or "sudo dbxsync status" would otherwise leave files that the service, which runs as its own
    /// user, can neither read nor replace. Nothing happens if the directory is root's or not there yet.
    static func becomeOwner(of directory: String) throws(Failure) {
        guard geteuid() == 0, let owner = User.owner(of: directory), owner.id != 0 else { return }
        try become(owner, because: "owns \(directory)")
    }

    /// Root becomes a user for good.
    static func become(_ user: User, because reason: String) throws(Failure) {
        guard geteuid() == 0, user.id != 0 else { return }
        guard user.takeGroups(), setgid(user.group) == 0, setuid(user.id) == 0 else {
            throw Failure(
                .unusableDirectory, "cannot become \(user.name), who \(reason): \(SystemError(errno))")
        }
    }

    /// Does something as a user, whom root is only for that long; whoever is not root does it as they are.
    static func acting<Value>(as user: User?, _ work: () throws -> Value) throws -> Value {
        guard geteuid() == 0, let user, user.id != 0 else { return try work() }
        defer { raise() }
        try lower(to: user)
        return try work()
    }

    /// Root works as a user until `raise`; whoever is not root goes on as they are.
    static func lower(to user: User) throws(Failure) {
        guard geteuid() == 0, user.id != 0 else { return }
        guard user.takeGroups(), setegid(user.group) == 0, seteuid(user.id) == 0 else {
            let why = SystemError(errno)
            raise()
            throw Failure(.unusableDirectory, "cannot work as \(user.name): \(why)")
        }
    }

    /// Root is root again.
    static func raise() {
        guard getuid() == 0 else { return }
        // Nothing is kept from root by the groups it has.
        precondition(seteuid(0) == 0 && setegid(0) == 0 && setgroups(0, nil) == 0, "root is root again")
    }
}
