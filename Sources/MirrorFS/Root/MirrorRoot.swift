import CLinux
import FileSystem
import Glibc
import SyncModel

/// The mirror directory, held by descriptor, so that nothing outside it can be reached.
///
/// Every access is: a folder opened by openat2 (beneath the root, no symbolic links, nothing that is mounted there), then
/// a call on one leaf name.
final class MirrorRoot: Sendable {
    let path: String
    let descriptor: Descriptor

    init(path: String) throws(MirrorError) {
        self.path = path
        let number = retrying { open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC) }
        guard number >= 0 else {
            let number = errno
            throw MirrorError(
                code: .notOurMirror, message: "the mirror directory \(path) cannot be opened", number: number,
                hint: Self.hint(for: number))
        }
        descriptor = Descriptor(number)
        guard Self.kernelHasOpenat2(descriptor) else {
            throw MirrorError(
                code: .unsupported, message: "the system call openat2 is not to be had here",
                hint: "dbxsync needs Linux 5.6 or later, and in a container a seccomp profile that allows it")
        }
    }

    private static func hint(for number: Int32) -> String {
        switch number {
        case ENOENT: "create it, or mount its disk"
        case EACCES, EPERM: "look at its owner and mode"
        default: "look at its disk, or the server behind it, and mount it again"
        }
    }

    private static func kernelHasOpenat2(_ root: Descriptor) -> Bool {
        let probe = dbx_open_beneath(root.number, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC)
        if probe >= 0 { close(probe) }
        // A filter of system calls says EPERM where it does not pretend that there is none.
        return probe >= 0 || ![ENOSYS, EPERM].contains(errno)
    }

    /// Opens the folder at `path`; it can be made durable through the descriptor.
    func folder(_ path: MirrorPath) throws(MirrorError) -> Descriptor {
        try folder(relative: path.text)
    }

    func folder(relative: String) throws(MirrorError) -> Descriptor {
        var here = descriptor
        for step in Self.steps(relative) { here = try here.folder(step) }
        return here
    }

    /// Opens a folder, making it and what lacks above it; what is made is durable and has exactly `mode`.
    func makeFolders(relative: String, mode: mode_t) throws(MirrorError) -> Descriptor {
        var here = descriptor
        for name in relative.pathComponents { here = try here.makeFolder(name, mode: mode) }
        return here
    }

    /// The longest path that is given to the kernel at once, in bytes; it takes 4,095 (PATH_MAX).
    private static let longestStep = 4000

    /// `relative` in pieces that the kernel takes, each to be opened beneath the one before.
    private static func steps(_ relative: String) -> [String] {
        if relative.utf8.count <= longestStep { return relative.isEmpty ? [] : [relative] }
        var steps: [String] = []
        for name in relative.pathComponents {
            if let last = steps.last, last.utf8.count + name.utf8.count < longestStep {
                steps[steps.count - 1] = last + "/" + name
            } else {
                steps.append(name)
            }
        }
        return steps
    }
}

extension Descriptor {
    /// Opens a folder beneath this one, through no link.
    ///
    /// - Throws: `MirrorError`; with `.otherFileSystem` if it is one that is mounted there, or lies in one.
    func folder(_ relative: String) throws(MirrorError) -> Descriptor {
        while true {
            let opened = dbx_open_beneath(number, relative, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
            if opened >= 0 { return Descriptor(opened) }
            if errno == EXDEV { throw .mounted(relative) }
            // EAGAIN: something was renamed while the kernel looked (openat2(2)).
            guard errno == EAGAIN || errno == EINTR else { throw .call("open folder", relative) }
        }
    }

    /// Opens the folder `name` in this one; if there is nothing of that name it is made, durably and with `mode`.
    func makeFolder(_ name: String, mode: mode_t) throws(MirrorError) -> Descriptor {
        let isNew = mkdirat(number, name, mode) == 0
        guard isNew || errno == EEXIST else { throw .call("make folder", name, in: self) }
        let made = try folder(name)
        if isNew {
            try made.setMode(ofNewFolder: mode)
            try sync()
        }
        return made
    }
}
