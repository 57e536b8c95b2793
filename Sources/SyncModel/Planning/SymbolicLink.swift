/// A symbolic link that the account holds.
public struct SymbolicLink: Sendable {
    /// Where it leads, as the account has it.
    public var target: String
    /// Its revision.
    public var rev: Rev
    /// `client_modified`.
    public var modified: Timestamp

    /// Creates one.
    public init(target: String, rev: Rev, modified: Timestamp) {
        self.target = target
        self.rev = rev
        self.modified = modified
    }

    /// Why a link is not made in the mirror.
    public enum Refusal: String, Hashable, Sendable, CaseIterable {
        /// The target is empty.
        case empty
        /// The target holds a NUL byte.
        case nul
        /// The target has more than 4095 bytes (Linux' PATH_MAX, less the NUL at its end).
        case tooLong = "too_long"
        /// The target begins with a slash.
        case absolute
        /// The target leads out of the mirror.
        case outside
        /// The target goes up behind a name.
        case upwards
        /// The target goes through a folder called like dbxsync's own.
        case ours
    }

    /// The longest target, bytes.
    private static let longest = 4095

    /// Why the link is not made at `key`; `nil` if it is.
    ///
    /// Judged by the text alone, nothing on the disk is looked at. The folder that holds the link is a real one, so a
    /// `..` at the beginning leads to the folder above it, and not higher than the mirror. Behind a name a `..` says
    /// nothing certain, for the name may be that of another link, which leads elsewhere: in `a/../../x` it may lead
    /// out. So it may stand at the beginning only, and of links that are made so each leads to a place in the mirror,
    /// even through others of them. For the same reason the name of dbxsync's own folder may stand nowhere: `a/.dbxsync`
    /// leads into it if `a` is a link to the top of the mirror.
    public func refusal(at key: RemoteKey) -> Refusal? {
        let bytes = target.utf8
        if bytes.isEmpty { return .empty }
        if bytes.contains(0) { return .nul }
        if bytes.count > Self.longest { return .tooLong }
        if bytes.first == UInt8(ascii: "/") { return .absolute }
        let names = target.pathComponents.filter { $0 != "." }
        let ups = names.prefix { $0 == ".." }.count
        let folder = (key.parent ?? .root).text.pathComponents
        if ups > folder.count { return .outside }
        if names.dropFirst(ups).contains("..") { return .upwards }
        return names.contains(where: Self.isOwnFolder) ? .ours : nil
    }

    /// A file system that folds case takes other spellings for the same name, and leaves out what is not shown.
    private static func isOwnFolder(_ name: String) -> Bool {
        let shown = name.unicodeScalars.filter { !$0.properties.isDefaultIgnorableCodePoint }
        return String(String.UnicodeScalarView(shown)).uppercased() == MirrorPath.ownFolder.text.uppercased()
    }

    /// What the mirror is to hold for it.
    ///
    /// - Parameters:
    ///   - name: its name.
    ///   - key: its key.
    ///   - isCreated: whether links are made that lead to a place in the mirror.
    public func node(named name: FileName, at key: RemoteKey, isCreated: Bool) -> RemoteNode {
        guard isCreated else { return .unavailable(name: name, .symbolicLink(self, nil), rev: rev) }
        if let refusal = refusal(at: key) { return .unavailable(name: name, .symbolicLink(self, refusal), rev: rev) }
        return .link(name: name, self)
    }

    /// What stands for it where it is compared: size and hash are those of its target.
    public var version: FileVersion {
        FileVersion(
            rev: rev, size: Int64(target.utf8.count), hash: ContentHash(of: Array(target.utf8)), modified: modified)
    }
}

extension RemoteNode {
    /// What the mirror is to hold if this is what the account has at `key`: a link is decided about, all else is taken as
    /// it is.
    ///
    /// - Parameters:
    ///   - key: the key.
    ///   - isCreated: whether links are made that lead to a place in the mirror.
    public func decidingLinks(at key: RemoteKey, isCreated: Bool) -> RemoteNode {
        switch self {
        case .unavailable(let name, .symbolicLink(let link, _), _), .link(let name, let link):
            link.node(named: name, at: key, isCreated: isCreated)
        case .folder, .file, .export, .unavailable: self
        }
    }
}

extension SymbolicLink: Hashable {
    /// Compares targets byte by byte.
    public static func == (a: SymbolicLink, b: SymbolicLink) -> Bool {
        a.target.hasSameBytes(as: b.target) && a.rev == b.rev && a.modified == b.modified
    }

    /// Hashes the bytes.
    public func hash(into hasher: inout Hasher) {
        hasher.combineBytes(of: target)
        hasher.combine(rev)
    }
}

extension SymbolicLink: CustomStringConvertible {
    /// What it is, in words; of a long target the beginning, and NUL bytes by their symbol.
    public var description: String {
        let start = target.unicodeScalars.prefix(Self.shown).map { $0.value == 0 ? "\u{2400}" : $0 }
        let isCut = !target.unicodeScalars.dropFirst(Self.shown).isEmpty
        return "a symbolic link to \(String(String.UnicodeScalarView(start)))\(isCut ? "…" : "")"
    }

    private static let shown = 200
}

extension SymbolicLink.Refusal: CustomStringConvertible {
    /// The reason in words, as the end of a sentence.
    public var description: String {
        switch self {
        case .empty: "its target is empty"
        case .nul: "its target holds a NUL byte, shown here as \u{2400}"
        case .tooLong: "its target has more than 4095 bytes"
        case .absolute: "its target is absolute, so it leads out of the mirror"
        case .outside: "its target leads out of the mirror"
        case .upwards: "its target goes up again behind a name, so where it leads cannot be told"
        case .ours: "its target may lead into .dbxsync, which is dbxsync's own"
        }
    }
}

/// A link that is to stand somewhere.
public struct LinkPlacement: Hashable, Sendable {
    /// Its key.
    public var key: RemoteKey
    /// Where it is to stand.
    public var path: MirrorPath
    /// What it is.
    public var link: SymbolicLink
    /// What of ours stands there now.
    public var replacing: LocalEntry?

    /// Creates a placement.
    public init(key: RemoteKey, path: MirrorPath, link: SymbolicLink, replacing: LocalEntry?) {
        self.key = key
        self.path = path
        self.link = link
        self.replacing = replacing
    }
}
