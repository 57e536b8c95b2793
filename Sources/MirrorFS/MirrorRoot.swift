import CLinux
import Glibc
import SyncModel

/// The mirror directory, held by descriptor, so that nothing outside it can be reached.
///
/// Every access is: a folder opened by openat2 (beneath the root, no symbolic links), then a call on one leaf name.
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
                hint: number == ENOENT ? "create it, or mount its disk" : "look at its owner and mode")
        }
        descriptor = Descriptor(number)
        guard Self.kernelHasOpenat2(descriptor) else {
            throw MirrorError(
                code: .unsupported, message: "this kernel has no openat2", hint: "dbxsync needs Linux 5.6 or later")
        }
    }

    private static func kernelHasOpenat2(_ root: Descriptor) -> Bool {
        let probe = dbx_open_beneath(root.number, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC)
        if probe >= 0 { close(probe) }
        return probe >= 0 || errno != ENOSYS
    }

    /// Opens the folder at `path`; it can be made durable through the descriptor.
    func folder(_ path: MirrorPath) throws(MirrorError) -> Descriptor {
        try folder(relative: path.text)
    }

    func folder(relative: String) throws(MirrorError) -> Descriptor {
        if relative.isEmpty { return descriptor }
        while true {
            let number = dbx_open_beneath(descriptor.number, relative, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
            if number >= 0 { return Descriptor(number) }
            // EAGAIN: something was renamed while the kernel looked (openat2(2)).
            guard errno == EAGAIN || errno == EINTR else { throw .call("open folder", relative) }
        }
    }

    /// Opens a folder, making it and what lacks above it.
    func makeFolders(relative: String, mode: mode_t) throws(MirrorError) -> Descriptor {
        var here = descriptor
        var walked = ""
        for name in relative.pathComponents {
            walked += walked.isEmpty ? name : "/" + name
            guard mkdirat(here.number, name, mode) == 0 || errno == EEXIST else { throw .call("make folder", walked) }
            here = try folder(relative: walked)
        }
        return here
    }
}
