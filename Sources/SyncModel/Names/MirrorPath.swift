/// Why a remote name cannot stand in the mirror.
public enum NameProblem: Error, Hashable, Sendable {
    /// The name is empty, `.` or `..`.
    case reserved(String)
    /// The name holds a slash or a NUL byte.
    case forbiddenByte(String)
    /// The name has more than 255 bytes in UTF-8 (Linux' NAME_MAX).
    case tooLong(bytes: Int)
    /// `.dbxsync` at the top of the mirror is dbxsync's own.
    case ours
}

extension NameProblem: CustomStringConvertible {
    /// The reason in words, for `status` and the journal.
    public var description: String {
        switch self {
        case .reserved(let name): "the name \"\(name)\" has a meaning of its own on a disk"
        case .forbiddenByte: "the name holds a slash or a NUL byte"
        case .tooLong(let bytes): "the name has \(bytes) bytes, a file system takes 255"
        case .ours: "the name .dbxsync at the top of the mirror is dbxsync's own"
        }
    }
}

/// A path inside the mirror, relative to its root: only checked components, so it cannot lead out.
///
/// The empty path is the root itself. Lower layers take nothing else, so no unchecked string reaches the disk.
public struct MirrorPath: Hashable, Sendable {
    /// The names from the top down.
    public let components: [FileName]

    /// The name of dbxsync's own folder at the top of the mirror.
    public static let ownFolder = FileName(".dbxsync")

    /// The root of the mirror.
    public static let root = MirrorPath(unchecked: [])

    private init(unchecked components: [FileName]) { self.components = components }

    /// The path of `name` inside this folder.
    ///
    /// - Throws: what is wrong with the name.
    public func appending(_ name: FileName) throws(NameProblem) -> MirrorPath {
        if let problem = MirrorPath.problem(with: name, atTop: components.isEmpty) { throw problem }
        return MirrorPath(unchecked: components + [name])
    }

    /// What is wrong with `name` as a component; `nil` if nothing is.
    public static func problem(with name: FileName, atTop: Bool) -> NameProblem? {
        let bytes = name.text.utf8
        if bytes.isEmpty || name == FileName(".") || name == FileName("..") { return .reserved(name.text) }
        if bytes.contains(where: { $0 == 0 || $0 == UInt8(ascii: "/") }) { return .forbiddenByte(name.text) }
        if bytes.count > 255 { return .tooLong(bytes: bytes.count) }
        if atTop && name == ownFolder { return .ours }
        return nil
    }

    /// Reads a path that was written by `text`; `nil` if a component is not allowed.
    public init?(text: String) {
        var path = MirrorPath.root
        for part in text.pathComponents {
            guard let next = try? path.appending(FileName(part)) else { return nil }
            path = next
        }
        self = path
    }

    /// The path with slashes between its components; "" for the root.
    public var text: String { components.map(\.text).joined(separator: "/") }

    /// The path as Dropbox and `status` write it: from the mirrored folder on, with a slash in front.
    public var remoteText: String { "/" + text }

    /// The folder that holds it; `nil` for the root.
    public var parent: MirrorPath? {
        components.isEmpty ? nil : MirrorPath(unchecked: Array(components.dropLast()))
    }

    /// The last component; `nil` for the root.
    public var name: FileName? { components.last }
}

extension MirrorPath: CustomStringConvertible {
    /// The path with slashes between its components.
    public var description: String { text }
}
