import Foundation
public import Sandbox
import SyncModel

/// A whole tree by path, one line an entry: what tests compare.
///
/// Scalars of paths that are not ASCII are spelled `\u{...}`: Swift takes two normal forms of one text for equal, a
/// file system and Dropbox do not.
public struct Tree: Equatable, CustomStringConvertible {
    /// Path to "dir" or "file SIZE HASH MTIME".
    public var lines: [String: String]

    /// Takes lines as they are.
    public init(lines: [String: String]) { self.lines = lines }

    /// What stands in a directory, `.dbxsync` left out.
    public init(directory: String) throws {
        lines = [:]
        let names = try FileManager.default.subpathsOfDirectory(atPath: directory)
        for name in names where name != ".dbxsync" && !name.hasPrefix(".dbxsync/") {
            lines[Tree.exact(name)] = try Tree.line(directory + "/" + name)
        }
    }

    /// What an account holds that can be mirrored.
    public init(account: Account) {
        lines = [:]
        account.computeHashes()
        for entry in account.tree() {
            let isMirrored = entry.traits.isDownloadable && entry.traits.symlinkTarget == nil && !entry.traits.hidesHash
            guard !entry.isFile || isMirrored else { continue }
            let path = String(Substring(entry.path.utf8.drop { $0 == UInt8(ascii: "/") }))
            lines[Tree.exact(path)] =
                entry.isFile ? "file \(entry.size) \(entry.contentHash ?? "-") \(entry.clientModified)" : "dir"
        }
    }

    /// `path` with everything but ASCII spelled out.
    public static func exact(_ path: String) -> String {
        path.unicodeScalars.map { $0.isASCII ? String($0) : $0.escaped(asASCII: true) }.joined()
    }

    private static func line(_ path: String) throws -> String {
        var status = stat()
        guard lstat(path, &status) == 0 else { throw CocoaError(.fileReadUnknown) }
        switch status.st_mode & S_IFMT {
        case S_IFDIR: return "dir"
        case S_IFREG:
            let hasher = ContentHasher()
            try Data(contentsOf: URL(fileURLWithPath: path)).withUnsafeBytes { hasher.update($0) }
            return "file \(status.st_size) \(hasher.finish().hex) \(status.st_mtim.tv_sec)"
        default: return "other"
        }
    }

    /// What only one of the two has, or has otherwise.
    public func differences(from other: Tree) -> [String] {
        Set(lines.keys).union(other.lines.keys).sorted().compactMap { path in
            let (mine, theirs) = (lines[path], other.lines[path])
            return mine == theirs ? nil : "\(path): \(mine ?? "nothing") / \(theirs ?? "nothing")"
        }
    }

    /// The lines in order.
    public var description: String {
        lines.sorted { $0.key < $1.key }.map { "\($0.key): \($0.value)" }.joined(separator: "\n")
    }
}
