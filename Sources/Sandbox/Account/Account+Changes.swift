internal import Synchronization

/// What `files/upload` is asked to do.
public struct Commit: Sendable {
    /// What happens when there is a file already.
    public enum Mode: Hashable, Sendable {
        /// A conflict, unless the content is the same.
        case add
        /// It gets a new revision.
        case overwrite
        /// It gets a new revision when its current one is this.
        case update(String)
    }

    /// Where to.
    public var path: String
    /// What happens when there is a file already.
    public var mode = Mode.overwrite
    /// Whether a conflict is evaded by another name.
    public var autorename = false
    /// Whether identical content is a conflict, too.
    public var isStrict = false
    /// Seconds since 1970; `nil` for now.
    public var clientModified: Int64?
    /// What is unusual about the file.
    public var traits = FileTraits()

    /// Overwrites what is at `path`.
    public init(path: String) { self.path = path }
}

extension Account {
    /// Writes a file, with its folders where they are missing; identical content changes nothing.
    ///
    /// - Throws: `AccountError`, as the service refuses it.
    @discardableResult
    public func put(
        _ path: String, _ content: Content, clientModified: Int64? = nil, traits: FileTraits = FileTraits()
    ) throws -> FileMetadata {
        var commit = Commit(path: path)
        commit.clientModified = clientModified
        commit.traits = traits
        return try self.commit(commit, content)
    }

    /// Writes a file from bytes in memory.
    @discardableResult
    public func put(_ path: String, _ bytes: [UInt8], clientModified: Int64? = nil) throws -> FileMetadata {
        try put(path, .bytes(bytes), clientModified: clientModified)
    }

    /// Writes a file from a text.
    @discardableResult
    public func put(_ path: String, _ text: String, clientModified: Int64? = nil) throws -> FileMetadata {
        try put(path, .text(text), clientModified: clientModified)
    }

    /// What `files/upload` does.
    @discardableResult
    public func commit(_ commit: Commit, _ content: Content) throws -> FileMetadata {
        try self.commit(commit, content, known: nil)
    }

    /// The same for content whose hash is known already.
    func commit(_ commit: Commit, _ content: Content, known: Digest?) throws -> FileMetadata {
        let size = content.size ?? 0
        let needsHash = state.withLock { state in
            (try? state.resolve(commit.path)).map { !state.nodes[Int($0)].isFolder } ?? false
        }
        let digest = known ?? (needsHash || size < 1 << 20 ? content.computeHash() : nil)
        let revision = try change { state in try state.commit(commit, content, size: size, digest: digest) }
        return withHashes { state, missing in state.fileMetadata(revision, &missing) }
    }

    /// Makes a folder, with those above it.
    @discardableResult
    public func makeFolder(_ path: String, autorename: Bool = false) throws -> FolderMetadata {
        try change { state in
            let node = try state.makeFolder(path, autorename: autorename)
            return state.folderMetadata(node, path: state.truePath(node))
        }
    }

    /// Removes a file, or a folder with all that is in it; the answer says what it was.
    @discardableResult
    public func delete(_ address: String, parentRev: String? = nil) throws -> Entry {
        let was = try metadata(address)
        try change { state in
            let node = try state.resolve(address)
            guard node != state.base else { throw AccountError.lookup("malformed_path") }
            let revision = state.nodes[Int(node)].revision
            if let parentRev, revision < 0 || state.revText(revision) != parentRev {
                throw AccountError.write(["conflict", revision < 0 ? "folder" : "file"])
            }
            try state.removeOrLeave(node)
        }
        return was
    }

    /// Moves a file or folder; its ids stay.
    @discardableResult
    public func move(_ from: String, _ target: String, autorename: Bool = false) throws -> Entry {
        let node = try change { state in try state.move(from, target, autorename: autorename) }
        return withHashes { state, missing in state.entry(node, &missing) }
    }

    /// Copies a file or folder; the copies get new ids.
    @discardableResult
    public func copy(_ from: String, _ target: String, autorename: Bool = false) throws -> Entry {
        let node = try change { state in try state.copy(from, target, autorename: autorename) }
        return withHashes { state, missing in state.entry(node, &missing) }
    }

    /// Spells the last component of `path` anew; cursors do not hear of it, as on the server, unless it is journaled.
    ///
    /// - Throws: `AccountError`, as the service refuses it.
    public func renameCase(_ path: String, to name: String, isJournaled: Bool = false) throws {
        try change { state in
            let node = try state.resolve(path)
            guard node != state.base, Names.lower(name) == state.nodes[Int(node)].lower else {
                throw AccountError.write(["malformed_path"])
            }
            state.nodes[Int(node)].name = name
            if isJournaled { state.record(node) }
        }
    }

    /// Reports a tree as deleted and there again, as happens when its sharing changes.
    ///
    /// - Throws: `AccountError`, as the service refuses it.
    public func reshare(_ path: String) throws {
        try change { state in
            let node = try state.resolve(path)
            state.recordDeletion(node)
            for each in state.subtree(node, bottomUp: state.settings.childrenBeforeParents) {
                state.renewRevision(each)
                state.record(each)
            }
        }
    }

    /// Runs a change under the lock, then wakes who waits for one.
    func change<Value>(_ body: (inout AccountState) throws -> sending Value) rethrows -> Value {
        var woken: [@Sendable () -> Void] = []
        let value = try state.withLock { state in
            let before = state.journal.count
            defer {
                if state.journal.count != before {
                    woken = Array(state.waiters.values)
                    state.waiters = [:]
                }
            }
            return try body(&state)
        }
        for wake in woken { wake() }
        return value
    }
}
