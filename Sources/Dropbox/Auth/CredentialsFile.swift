import FileSystem
import FoundationEssentials
import Glibc
import SyncModel

/// The file that holds the sign-in: JSON, mode 0600, replaced in one step.
public struct CredentialsFile: Hashable, Sendable {
    /// Where it is.
    public let path: String
    /// Whether it is the service manager's: read as it is, never written.
    public let isReadOnly: Bool

    /// Names the file.
    ///
    /// A read-only one is a systemd credential, whose mode is systemd's affair.
    public init(path: String, isReadOnly: Bool = false) {
        self.path = path
        self.isReadOnly = isReadOnly
    }

    /// Reads the credentials.
    ///
    /// - Throws: `DropboxError` with code `credentials`: no such file, readable by others, not JSON, or without a token.
    public func read() throws(DropboxError) -> Credentials {
        let descriptor = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK)  // a named pipe would block
        guard descriptor >= 0 else {
            let hint = errno == ENOENT ? "sign in with: dbxsync auth" : "dbxsync has to be able to read it"
            throw problem("cannot be opened", errno, hint: hint)
        }
        defer { close(descriptor) }
        if !isReadOnly { try refuseOthers(descriptor) }
        let bytes = try contents(of: descriptor)
        let hint = "sign in again with: dbxsync auth"
        guard let json = try? JSON.decode(CredentialsJSON.self, from: bytes), let found = json.credentials else {
            throw problem("is not the JSON that dbxsync writes", hint: hint)  // the decoder's text could quote a secret
        }
        guard found.accessToken != nil || found.refreshToken != nil else {
            throw problem("holds no token", hint: hint)
        }
        return found
    }

    /// Replaces the file.
    ///
    /// After a crash at any moment it holds the old or the new credentials, whole.
    ///
    /// - Throws: `DropboxError` if the file cannot be written.
    public func write(_ credentials: Credentials) throws(DropboxError) {
        if isReadOnly { return }
        let bytes: Data
        do {
            let encoder = JSONEncoder()
            encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
            bytes = try encoder.encode(CredentialsJSON(credentials))
        } catch {
            throw problem("cannot be written: a token is no valid text")
        }
        // What a symbolic link leads to is replaced, not the link.
        let path = target
        let temporary = "\(path).\(String(UInt64.random(in: 0...(.max)), radix: 36)).new"
        do {
            // Root, who may use another's sign-in, leaves it theirs.
            try replaceFile(
                at: path, with: Array(bytes) + [0x0A], mode: 0o600, draft: .new(temporary), durability: .contentAndName)
        } catch {
            let what =
                switch error.step {
                case .openDraft: "cannot be replaced by \(temporary)"
                case .write, .sync: "cannot be written"
                case .rename: "cannot be replaced"
                case .openFolder: "is in a folder that cannot be opened"
                case .syncFolder: "is in a folder that cannot be synced"
                }
            throw problem(what, error.cause.number)
        }
    }

    /// Where the file is behind symbolic links; the path itself where there is none yet.
    private var target: String {
        guard let found = realpath(path, nil) else { return path }
        defer { free(found) }
        return String(cString: found)
    }

    /// Whether there is such a file.
    public var exists: Bool { access(path, F_OK) == 0 }

    /// Removes the file, as signing out does; none is no error.
    ///
    /// - Throws: `DropboxError` if the file cannot be removed.
    public func remove() throws(DropboxError) {
        guard unlink(path) == 0 || errno == ENOENT else { throw problem("cannot be removed", errno) }
    }

    private func refuseOthers(_ descriptor: Int32) throws(DropboxError) {
        var info = stat()
        guard fstat(descriptor, &info) == 0 else { throw problem("cannot be examined", errno) }
        guard info.st_mode & S_IFMT == S_IFREG else { throw problem("is not a regular file") }
        if info.st_mode & 0o077 != 0 {
            throw problem("can be read by other users", hint: "run: chmod 600 \(quoted(path))")
        }
        guard [geteuid(), 0].contains(info.st_uid) || geteuid() == 0 else {
            throw problem("belongs to another user", hint: "run: chown \(geteuid()) \(quoted(path))")
        }
        try refuseOthersAbove(owner: info.st_uid)
    }

    /// Whoever can write to a folder above the file can put another one in its place; ssh(1) has the same rules.
    private func refuseOthersAbove(owner: uid_t) throws(DropboxError) {
        var folder = target.pathAboveLastSlash ?? "."
        while true {
            var info = stat()
            guard stat(folder.isEmpty ? "/" : folder, &info) == 0 else { return }
            // Where the sticky bit is set only the owner of a file can replace it.
            if info.st_mode & 0o022 != 0 && info.st_mode & S_ISVTX == 0 {
                throw problem(
                    "can be replaced by other users: they may write to \(folder.isEmpty ? "/" : folder)",
                    hint: "run: chmod go-w \(quoted(folder.isEmpty ? "/" : folder))")
            }
            guard [owner, geteuid(), 0].contains(info.st_uid) else {
                throw problem("lies in \(folder), which belongs to another user", hint: "keep it elsewhere")
            }
            guard let above = folder.pathAboveLastSlash, folder != "." else { return }
            folder = above
        }
    }

    private func quoted(_ path: String) -> String { "'" + path.replacing("'", with: "'\\''") + "'" }

    private func contents(of descriptor: Int32) throws(DropboxError) -> [UInt8] {
        let limit = 1 << 20
        var bytes: [UInt8] = []
        var buffer = [UInt8](repeating: 0, count: 16 << 10)
        while bytes.count <= limit {
            let count = Glibc.read(descriptor, &buffer, buffer.count)
            if count == 0 { return bytes }
            if count > 0 { bytes += buffer[..<count] }
            if count < 0 && errno != EINTR { throw problem("cannot be read", errno) }
        }
        throw problem("is larger than 1 MiB")
    }

    private func problem(_ what: String, _ number: Int32? = nil, hint: String? = nil) -> DropboxError {
        let cause = number.map { ": \(SystemError($0))" } ?? ""
        return DropboxError(
            .credentials, "credentials", "the file \(path) \(what)\(cause)", disposition: .signedOut, hint: hint)
    }
}
