import Foundation
public import Sandbox
public import SyncModel

/// A whole tree by path, one line an entry: what tests compare.
///
/// Scalars of paths that are not ASCII are spelled `\u{...}`: Swift takes two normal forms of one text for equal, a
/// file system and Dropbox do not.
public struct Tree: Equatable, CustomStringConvertible {
    /// Path to "dir", "file SIZE HASH MTIME" or "link TARGET".
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
    ///
    /// - Parameters:
    ///   - account: the account.
    ///   - exports: in which form online documents come; `nil` for none.
    ///   - symlinks: whether links are made that lead to a place in the mirror.
    public init(account: Account, exports: ExportSettings? = ExportSettings(), symlinks: Bool = false) {
        lines = [:]
        account.computeHashes()
        let entries = account.tree()
        if let exports {
            let taken = Set(entries.map(\.pathLower))
            for entry in entries { export(entry, exports, taken) }
        }
        for entry in entries {
            if symlinks, let target = entry.traits.symlinkTarget {
                let link = SymbolicLink(target: target, rev: Rev(""), modified: 0)
                if link.refusal(at: RemoteKey(entry.pathLower)) != nil { continue }
                lines[Tree.exact(String(entry.path.dropFirst()))] = "link \(target)"
                continue
            }
            let isMirrored = entry.traits.isDownloadable && entry.traits.symlinkTarget == nil && !entry.traits.hidesHash
            guard !entry.isFile || isMirrored, entry.sharing?.isForbidden != true else { continue }
            let path = String(Substring(entry.path.utf8.drop { $0 == UInt8(ascii: "/") }))
            lines[Tree.exact(path)] =
                entry.isFile ? "file \(entry.size) \(entry.contentHash ?? "-") \(entry.clientModified)" : "dir"
        }
    }

    private mutating func export(_ entry: TreeEntry, _ exports: ExportSettings, _ taken: Set<String>) {
        let made = entry.traits.document
        guard entry.isFile, !entry.traits.isDownloadable, made == nil || made?.trouble.notReady != nil else { return }
        let names = entry.path.split(separator: "/")
        let document = SyncModel.OnlineDocument(
            name: FileName(String(names.last ?? "")), rev: Rev(entry.rev ?? ""),
            modified: Timestamp(seconds: entry.clientModified),
            formats: ExportFormats(exportAs: made?.exportAs, options: made?.options ?? []))
        let key = RemoteKey(entry.pathLower)
        guard let (name, target, file) = exports.file(of: document, at: key) else { return }
        if target != key && taken.contains(target.text) { return }
        var content = file.content
        if case .format(let format, _) = file.form, let bytes = made?.exports[format]?.load() {
            content = LinkFile.content(of: bytes)
        }
        guard let content else { return }
        let path = (names.dropLast().map(String.init) + [name.text]).joined(separator: "/")
        lines[Tree.exact(path)] = "file \(content.size) \(content.hash.hex) \(entry.clientModified)"
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
        case S_IFLNK: return "link \(try FileManager.default.destinationOfSymbolicLink(atPath: path))"
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
