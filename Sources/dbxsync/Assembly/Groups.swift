import Configuration
import Glibc

extension Groups {
    /// The number of the group that is configured for what is made in the mirror.
    ///
    /// - Throws: `Failure` with `.badConfiguration` if this process may not give it to a file (chown(2)).
    static func configured(_ config: Config) throws(Failure) -> UInt32? {
        guard let name = config.mirror.group, let number = number(of: name) else { return nil }
        if geteuid() == 0 || getegid() == number || supplementary.contains(number) { return number }
        let user = Privileges.User.current.name
        throw Failure(
            .badConfiguration,
            "mirror.group = \"\(name)\": \(user) is no member of that group, so it cannot give it to files; "
                + "run \"usermod -aG \(name) \(user)\" as root and start dbxsync again; a service gets it by "
                + "\"dbxsync check-config --drop-in\"")
    }

    /// The name of a group; its number if it has none.
    static func name(of number: gid_t) -> String {
        getgrgid(number).map { String(cString: $0.pointee.gr_name) } ?? "\(number)"
    }

    private static var supplementary: [gid_t] {
        var groups = [gid_t](repeating: 0, count: Int(max(0, getgroups(0, nil))))
        let count = getgroups(Int32(groups.count), &groups)
        return Array(groups.prefix(Int(max(0, count))))
    }
}
