import Configuration
import Glibc

/// Where a mirror is set up: as a service of the machine, or for whoever starts it by hand.
struct SetupPlace: Sendable {
    /// The configuration.
    let file: String
    /// The unit that runs with it, as systemd knows it; nil where no service is set up.
    let facts: UnitFacts?
    /// Who works on the mirror.
    let user: Privileges.User
    /// Why no service is set up; nil if one is.
    let whyNoService: String?

    /// The unit's name as people type it.
    var unit: String { facts?.name ?? "" }
    var isService: Bool { facts != nil }
    /// What names the configuration on a command line; empty for the usual one.
    var option: String { CommandText.option(file) }
    /// The group that files get where nothing else is configured.
    var groupName: String { Groups.name(of: user.group) }

    /// Looks at the machine.
    ///
    /// - Throws: `Failure` if nothing can be set up as whoever asks.
    init(file: String) throws(Failure) {
        self.file = file
        let isUsual = file == DropIn.file(ofInstance: nil) || file == DropIn.file(ofInstance: DropIn.instance(file))
        guard geteuid() == 0 else {
            if isUsual {
                throw Failure(
                    .usage,
                    "a service of the machine is set up by root: sudo dbxsync setup; for a mirror of your own, without the "
                        + "service, name a configuration of your own: dbxsync setup --config FILE")
            }
            (facts, user, whyNoService) = (nil, .current, "only root can set up a service")
            return
        }
        let unit = DropIn.unit(of: file)
        if !isUsual {
            (facts, whyNoService) = (
                nil, "the service reads /etc/dbxsync.conf, or /etc/dbxsync/NAME.conf, and not \(file)"
            )
        } else if let found = UnitFacts.read(unit), found.isThere {
            (facts, whyNoService) = (found, nil)
        } else {
            facts = nil
            whyNoService = UnitFacts.isBooted ? "\(unit) is not installed" : "systemd does not run here"
        }
        let wanted = facts?.user ?? "dbxsync"
        if let found = Privileges.User.named(wanted) {
            user = isUsual ? found : .current
        } else if facts != nil {
            throw Failure(.unusableDirectory, "\(unit) runs as \(wanted), and there is no such user")
        } else {
            user = .current
        }
    }

    /// The state directory to propose: the service's, or one of the user's own.
    var stateDirectory: String {
        if let name = DropIn.instance(file) { return "/var/lib/dbxsync/\(name)" }
        if geteuid() == 0 && file == DropIn.file(ofInstance: nil) { return "/var/lib/dbxsync" }
        let home = Variables["XDG_STATE_HOME"] ?? Variables["HOME"].map { $0 + "/.local/state" } ?? "/var/lib"
        return home + "/dbxsync"
    }

    /// The mirror directory to propose.
    var mirrorDirectory: String {
        if let name = DropIn.instance(file) { return "/srv/\(name)" }
        if geteuid() == 0 && file == DropIn.file(ofInstance: nil) { return "/srv/dropbox" }
        return (Variables["HOME"] ?? "") + "/Dropbox"
    }
}
