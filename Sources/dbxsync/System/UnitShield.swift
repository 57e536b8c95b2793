import Configuration
import FileSystem
import Glibc

/// What a systemd unit hides from its processes.
enum UnitShield {
    /// What there is to say of a directory that cannot be opened because the unit of the page hides it.
    ///
    /// - Returns: nil if this process is none of a service's, or the directory is not hidden.
    static func reason(_ path: String) -> String? {
        // systemd.exec(5): set for every process of a unit that systemd starts.
        Variables["INVOCATION_ID"] == nil ? nil : reason(path, isHidden: isHidden)
    }

    /// The same, for a process of a service.
    ///
    /// - Parameter isHidden: whether a folder shows nothing of what it holds.
    static func reason(_ path: String, isHidden: (String) -> Bool) -> String? {
        guard let (setting, folder) = DropIn.shield(over: path), isHidden(folder) else { return nil }
        return "\(path) cannot be seen from here (\(setting)= of dbxsync-web@.service); see: dbxsync status"
    }

    /// ProtectHome= makes a folder that nobody may read, or an empty one, PrivateTmp= an empty one.
    static func isHidden(_ folder: String) -> Bool {
        access(folder, R_OK) != 0 ? errno == EACCES : (try? DirectoryEntries(of: folder).names())?.isEmpty ?? false
    }
}
