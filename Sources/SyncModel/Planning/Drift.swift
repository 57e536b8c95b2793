/// What the state says of one entry of a folder, as far as a look by stat needs it: a row of have.
public struct KnownEntry: Hashable, Sendable {
    /// The key it is recorded under.
    public var key: RemoteKey
    /// Its name in the folder.
    public var name: FileName
    /// Whether it is a folder.
    public var isFolder: Bool
    /// How it is recognised; of a folder and a link only the inode counts.
    public var print: Fingerprint
    /// What the target of a symbolic link hashes to; `nil` for others.
    public var link: ContentHash?

    /// Names an entry.
    public init(key: RemoteKey, name: FileName, isFolder: Bool, print: Fingerprint, link: ContentHash? = nil) {
        self.key = key
        self.name = name
        self.isFolder = isFolder
        self.print = print
        self.link = link
    }
}

extension KnownEntry {
    /// What is known of a standing.
    public init(_ entry: LocalEntry) {
        let print: Fingerprint
        var link: ContentHash?
        switch entry.node {
        case .folder(_, let inode): print = Fingerprint(inode: inode, size: 0, modifiedNanoseconds: 0)
        case .file(_, _, let known): print = known
        case .link(_, let version, let inode):
            print = Fingerprint(inode: inode, size: version.size, modifiedNanoseconds: 0)
            link = version.hash
        }
        self.init(key: entry.key, name: entry.node.name, isFolder: entry.node.isFolder, print: print, link: link)
    }
}

/// How what stands on the disk differs from what the state says of it, as far as stat tells.
public enum Drift: String, Hashable, Sendable {
    /// Nothing of that name stands there.
    case missing
    /// Something of another kind stands there, such as a folder for a file.
    case kind
    /// Size or modification time are others, or the target of a link.
    case changed
    /// Only the inode is another one: the entry was replaced, as a restored backup does.
    case replaced

    /// How `seen` differs from `known`; `nil` if it does not.
    ///
    /// - Parameter comparingInodes: false where the file system hands out new inode numbers now and then.
    public init?(_ known: KnownEntry, _ seen: Observed, comparingInodes: Bool) {
        switch seen {
        case .nothing: self = .missing
        case .folder(let inode):
            guard known.isFolder else {
                self = .kind
                return
            }
            if !comparingInodes || inode == known.print.inode { return nil }
            self = .replaced
        case .file(let print):
            if known.isFolder || known.link != nil {
                self = .kind
            } else if print.size != known.print.size
                || print.modifiedNanoseconds != known.print.modifiedNanoseconds
            {
                self = .changed
            } else {
                if !comparingInodes || print.inode == known.print.inode { return nil }
                self = .replaced
            }
        case .link(let inode, let target):
            guard let expected = known.link else {
                self = .kind
                return
            }
            if target != expected {
                self = .changed
            } else {
                if !comparingInodes || inode == known.print.inode { return nil }
                self = .replaced
            }
        case .other: self = .kind
        }
    }
}

extension Drift: CustomStringConvertible {
    /// What happened, as the end of a sentence that begins with the path.
    public var description: String {
        switch self {
        case .missing: "was removed here"
        case .kind: "was replaced here by something of another kind"
        case .changed: "was changed here"
        case .replaced: "was replaced here"
        }
    }
}
