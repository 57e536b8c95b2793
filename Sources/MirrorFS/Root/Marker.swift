import FileSystem
import Glibc

/// What the file that marks a mirror says: the mirror's id in the first line, then whose it is.
///
/// ```
/// 5f0c…
/// account: dbid:AAB…
/// name: Anna Example <anna@example.org>
/// folder: id:a4a…
/// path: /Team/Docs
/// ```
///
/// Files of earlier versions have the first line only.
struct Marker: Equatable {
    var id: String
    var owner: MirrorOwner?

    init(id: String, owner: MirrorOwner? = nil) {
        self.id = id
        self.owner = owner
    }

    /// Reads the file's text; nil if it names no mirror.
    init?(text: String) {
        let lines = text.split(separator: "\n", omittingEmptySubsequences: false)
        id = String((lines.first ?? "").unicodeScalars.prefix { $0.value > 0x20 })
        if id.isEmpty { return nil }
        var facts: [Substring: String] = [:]
        for line in lines.dropFirst() {
            let parts = line.split(separator: ":", maxSplits: 1)
            if parts.count == 2, parts[1].first == " " { facts[parts[0]] = String(parts[1].dropFirst()) }
        }
        // Half an owner is none: the next one who is sure takes it over.
        guard let account = facts["account"], let folder = facts["folder"], !account.isEmpty, !folder.isEmpty else {
            return
        }
        let path = facts["path"] ?? ""
        owner = MirrorOwner(
            account: account, accountName: facts["name"] ?? account, folderID: folder, folder: path == "/" ? "" : path)
    }

    /// The file's text.
    var text: String {
        guard let owner else { return id + "\n" }
        return """
            \(id)
            account: \(Self.line(owner.account))
            name: \(Self.line(owner.accountName))
            folder: \(Self.line(owner.folderID))
            path: \(owner.folder.isEmpty ? "/" : Self.line(owner.folder))

            dbxsync keeps this directory a mirror of that Dropbox folder (see: dbxsync status).

            """
    }

    /// A name from outside must not begin a line of its own.
    private static func line(_ text: String) -> String {
        if text.isOneLine { return text }
        return String(
            String.UnicodeScalarView(
                text.unicodeScalars.map {
                    $0.properties.generalCategory == .control ? "?" : $0
                }))
    }

    /// The most that is read of the file, in bytes.
    private static let longest = 64 << 10

    /// The marker of the mirror at `root`; nil if there is none.
    static func read(in root: MirrorRoot) throws(MirrorError) -> Marker? {
        let file: Descriptor
        do {
            let own = try root.folder(relative: MirrorTree.own)
            file = try Descriptor.open(MirrorTree.markerName, in: own, flags: O_RDONLY | O_NONBLOCK)
        } catch  where error.number == ENOENT {
            return nil
        } catch  where [ELOOP, ENOTDIR].contains(error.number) {
            throw MirrorError(
                code: .notOurMirror,
                message: "\(root.path)/\(MirrorTree.markerPath) is reached through a link or a file",
                number: error.number, hint: "dbxsync's own folder must be in the mirror itself")
        }
        var bytes = [UInt8](repeating: 0, count: longest)
        let got = retrying { Glibc.read(file.number, &bytes, bytes.count) }
        guard got >= 0 else { throw .call("read", MirrorTree.markerPath) }
        return Marker(text: String(decoding: bytes[..<got], as: UTF8.self))
    }

    /// Writes the marker: after a crash either the old or the new one stands there.
    func write(in root: MirrorRoot) throws(MirrorError) {
        let own = try root.makeFolders(relative: MirrorTree.own, mode: 0o700)
        let draft = MirrorTree.markerName + ".new"
        do {
            try replaceFile(
                MirrorTree.markerName, in: own, with: Array(text.utf8), mode: 0o600, draft: .named(draft),
                durability: .contentAndName)
        } catch {
            errno = error.cause.number
            switch error.step {
            case .openDraft: throw .call("open", draft, in: own)
            case .write: throw .call("write", MirrorTree.markerPath)
            case .rename: throw .call("rename", MirrorTree.markerPath)
            case .sync, .openFolder, .syncFolder: throw .call("fsync", MirrorTree.markerPath)
            }
        }
        try root.descriptor.sync()
    }
}
