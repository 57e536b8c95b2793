import Foundation
import Glibc
public import Testing

/// Something that a test needs of the machine that it runs on, and that not every machine has.
public struct Requirement: Sendable {
    private let name: String
    /// Whether `make test` installs it.
    ///
    /// What it does not install depends on the kernel and on privileges.
    private let isInstalled: Bool
    private let isMet: @Sendable () -> Bool

    /// Something that depends on the machine; a test without it is skipped.
    public static func machine(_ name: String, _ isMet: @escaping @Sendable () -> Bool) -> Requirement {
        Requirement(name: name, isInstalled: false, isMet: isMet)
    }

    /// Something that `scripts/dependencies.sh test` installs.
    ///
    /// With DBXSYNC_NO_SKIPS=1 a test without it fails.
    public static func installed(_ name: String, _ isMet: @escaping @Sendable () -> Bool) -> Requirement {
        Requirement(name: name, isInstalled: true, isMet: isMet)
    }

    private static func installed(command: String) -> Requirement {
        installed("the command \(command)") { isThere(command) }
    }

    /// The command `openssl`.
    public static let openssl = installed(command: "openssl")
    /// The command `nghttpd`.
    public static let nghttpd = installed(command: "nghttpd")
    /// The command `nghttpx`.
    public static let nghttpx = installed(command: "nghttpx")
    /// The command `python3`.
    public static let python = installed(command: "python3")
    /// The command `bindfs`.
    public static let bindfs = installed(command: "bindfs")
    /// Python's module for file systems in user space.
    public static let pyfuse = installed("the package python3-pyfuse3") {
        succeeds("/usr/bin/python3", "-c", "import pyfuse3")
    }
    /// A process of root's.
    public static let root = machine("root") { geteuid() == 0 }
    /// A process that may mount.
    public static let mounting = machine("the right to mount") { canMount }
    /// A process that may mount file systems in user space.
    public static let fuse = machine("FUSE, and the right to mount") { canMountFUSE }
    /// A process that may mount a file.
    public static let loopDevice = machine("a loop device") {
        canMount && access("/dev/loop-control", R_OK | W_OK) == 0
    }

    private static let canMount = tries { mount("none", $0, "tmpfs", 0, "size=64k") == 0 }
    private static let canMountFUSE = tries { folder in
        let device = open("/dev/fuse", O_RDWR)
        guard device >= 0 else { return false }
        defer { close(device) }
        return mount("probe", folder, "fuse", 0, "fd=\(device),rootmode=40000,user_id=0,group_id=0") == 0
    }

    /// Mounts something on a folder and unmounts it.
    private static func tries(_ mounts: (String) -> Bool) -> Bool {
        guard geteuid() == 0, let folder = try? TemporaryFolder(), mounts(folder.path) else { return false }
        return umount2(folder.path, Int32(MNT_DETACH)) == 0
    }

    /// A command that the machine has.
    public static func command(_ name: String) -> Requirement { machine("the command \(name)") { isThere(name) } }

    private static func isThere(_ command: String) -> Bool {
        ["/usr/bin", "/bin", "/usr/sbin", "/sbin", "/usr/local/bin"].contains { access("\($0)/\(command)", X_OK) == 0 }
    }

    private static func succeeds(_ program: String, _ arguments: String...) -> Bool {
        let process = Process()
        process.executableURL = URL(filePath: program)
        process.arguments = arguments
        process.standardError = FileHandle.nullDevice
        guard (try? process.run()) != nil else { return false }
        process.waitUntilExit()
        return process.terminationStatus == 0
    }

    /// Whether all of `requirements` are met.
    ///
    /// - Throws: in a run that may skip nothing, if something is not there that such a run has installed.
    static func areMet(_ requirements: [Requirement], mayNotSkip: Bool) throws -> Bool {
        for requirement in requirements where !requirement.isInstalled && !requirement.isMet() { return false }
        for requirement in requirements where requirement.isInstalled && !requirement.isMet() {
            if mayNotSkip { throw NotInstalled(name: requirement.name) }
            return false
        }
        return true
    }

    static func text(_ requirements: [Requirement]) -> String {
        "needs " + requirements.map(\.name).joined(separator: ", and ")
    }
}

/// Something that `scripts/dependencies.sh test` should have installed.
struct NotInstalled: Error, CustomStringConvertible {
    let name: String

    var description: String { "\(name) is missing; scripts/dependencies.sh test should have installed it" }
}

extension Trait where Self == ConditionTrait {
    /// Runs a test only where the machine has what it needs.
    ///
    /// With DBXSYNC_NO_SKIPS=1, as CI runs it, a test fails that lacks what `make test` installs. What depends on the
    /// kernel and on privileges is skipped there, too; `make test` lists it at its end.
    public static func needs(_ requirements: Requirement..., sourceLocation: SourceLocation = #_sourceLocation) -> Self
    {
        .enabled("\(Requirement.text(requirements))", sourceLocation: sourceLocation) {
            try Requirement.areMet(
                requirements, mayNotSkip: ProcessInfo.processInfo.environment["DBXSYNC_NO_SKIPS"] == "1")
        }
    }
}
