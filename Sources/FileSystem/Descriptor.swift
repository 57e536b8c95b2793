import CLinux
public import Glibc

/// An open file or folder; closed when nobody holds it any more.
public final class Descriptor: Sendable {
    /// For system calls; open as long as this object is there.
    public let number: Int32

    /// Takes over an open descriptor.
    public init(_ number: Int32) { self.number = number }

    deinit { close(number) }

    /// Renames an entry of this folder unless something stands at the target: renameat2(2) with RENAME_NOREPLACE.
    ///
    /// - Returns: 0, or -1 with the reason in `errno`; EINVAL where the file system knows no such rename.
    public func renameNoReplace(_ name: String, to folder: Descriptor, _ target: String) -> Int32 {
        dbx_rename_noreplace(number, name, folder.number, target)
    }
}

/// Repeats a system call that a signal interrupted.
@discardableResult
@inlinable
public func retrying<Result: SignedInteger>(_ call: () -> Result) -> Result {
    while true {
        let result = call()
        if result >= 0 || errno != EINTR { return result }
    }
}
