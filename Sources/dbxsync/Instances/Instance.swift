import FileSystem
import Glibc
import SyncModel

/// A configuration of this machine: that of `dbxsync.service`, or of an instance `dbxsync@NAME`.
struct Instance: Equatable, Sendable {
    /// `dbxsync` for `/etc/dbxsync.conf`, `work` for `/etc/dbxsync/work.conf`; what metrics call `mirror`.
    let name: String
    let file: String

    /// The instance with a configuration file, wherever that is.
    init(file: String) {
        (name, self.file) = (MetricsFacts.instance(file), file)
    }

    /// All configurations of the machine, by name.
    ///
    /// - Parameter folder: where `dbxsync.conf` and the folder `dbxsync` are; `/etc` but for tests.
    /// - Throws: `Failure` if the folder of the instances cannot be read: they are not told as none then.
    static func all(in folder: String) throws(Failure) -> [Instance] {
        let instances = folder + "/dbxsync"
        var files: [String] = []
        do throws(SystemError) {
            let names = try DirectoryEntries(of: instances).names()
            files = names.filter { $0.hasSuffix(suffix) && !$0.hasPrefix(".") }.map { "\(instances)/\($0)" }
        } catch {
            guard error.number == ENOENT else {
                throw Failure(
                    .badConfiguration,
                    "\(instances) cannot be read: \(error); call this as root, or as a member of its group")
            }
        }
        let usual = instances + suffix
        var info = stat()
        // A link that leads nowhere is a configuration that cannot be read.
        if lstat(usual, &info) == 0 { files.append(usual) }
        return files.map(Instance.init).sorted { ($0.name, $0.file) < ($1.name, $1.file) }
    }

    private static let suffix = ".conf"
}
