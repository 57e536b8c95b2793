internal import Glibc
internal import Synchronization

/// A made-up tree to start from; the same seed always gives the same tree.
public struct Seed: Hashable, Sendable {
    /// The number of small files.
    public var files: Int
    /// The smallest of them, in bytes.
    public var minSize: Int64
    /// The largest of them, in bytes.
    public var maxSize: Int64
    /// How many folders deep the deepest files lie.
    public var depth: Int
    /// How many files there are in a folder.
    public var filesPerFolder: Int
    /// The number of large files, beside the small ones.
    public var largeFiles: Int
    /// The size of each of them, in bytes.
    public var largeSize: Int64
    /// The number of online documents, of every kind in turn, beside the files.
    public var documents = 0
    /// What the choices follow from.
    public var random: UInt64

    /// A tree of `files` files.
    public init(
        files: Int, minSize: Int64 = 1 << 10, maxSize: Int64 = 16 << 10, depth: Int = 4, filesPerFolder: Int = 40,
        largeFiles: Int = 0, largeSize: Int64 = 64 << 20, random: UInt64 = 1
    ) {
        self.files = files
        self.minSize = minSize
        self.maxSize = max(minSize, maxSize)
        self.depth = max(0, depth)
        self.filesPerFolder = max(1, filesPerFolder)
        self.largeFiles = largeFiles
        self.largeSize = largeSize
        self.random = random
    }
}

extension Account {
    private static let folderWords = [
        "Projects", "Büro", "archive", "Fotos 2019", "日記", "Kunden", "naïve", "R&D", "Invoices", "ΣΧΕΔΙΑ", "été",
        "src", "Zürich", "old", "Музыка", "a b c",
    ]
    private static let fileWords = [
        "report", "Plan", "IMG_", "Übersicht", "notes", "メモ", "Straße", "draft 'v2'", "data", "Résumé", "letter",
        "Ärger", "README", "x", "Список", "budget #1",
    ]
    private static let extensions = ["txt", "pdf", "JPG", "md", "xlsx", "tar.gz", "json", "png"]

    /// Adds the tree of `seed`, without a word in the journal.
    public func fill(_ seed: Seed) {
        state.withLock { state in
            state.isSeeding = true
            defer { state.isSeeding = false }
            Self.plant(seed, below: state.base, &state)
        }
    }

    /// Adds the tree of `seed` to the folder `path`; cursors hear of it when it is journaled.
    ///
    /// - Throws: `AccountError`, and what cannot be read.
    public func fill(_ seed: Seed, into path: String, isJournaled: Bool) throws {
        try change { state in
            var made: [NodeIndex] = []
            let folder = try state.ensureFolders(Names.components(path), &made)
            let first = NodeIndex(state.nodes.count)
            Self.plant(seed, below: folder, &state)
            guard isJournaled else { return }
            state.recordAll(made + (first..<NodeIndex(state.nodes.count)))
        }
    }

    /// Names are numbered on from what there is already, so that nothing can be there twice.
    private static func plant(_ seed: Seed, below top: NodeIndex, _ state: inout AccountState) {
        var random = SplitMix(state: seed.random)
        let base = state.nodes.count - 1
        let folders = seedFolders(seed, below: top, &random, &state)
        for number in 0..<seed.files {
            let folder = folders[number / seed.filesPerFolder % folders.count]
            let word = fileWords[Int(random.next() % UInt64(fileWords.count))]
            let ending = extensions[Int(random.next() % UInt64(extensions.count))]
            let size = Int64.random(in: seed.minSize...seed.maxSize, using: &random)
            state.seedFile("\(word) \(base + number).\(ending)", in: folder, size: size, &random)
        }
        for number in 0..<seed.largeFiles {
            state.seedFile("large \(base + number).bin", in: folders[0], size: seed.largeSize, &random)
        }
        let kinds = OnlineDocument.Kind.allCases
        for number in 0..<seed.documents {
            let word = fileWords[Int(random.next() % UInt64(fileWords.count))]
            state.seedDocument(
                "\(word) \(base + number)", kinds[number % kinds.count], in: folders[number % folders.count], &random)
        }
    }

    private static func seedFolders(
        _ seed: Seed, below top: NodeIndex, _ random: inout SplitMix, _ state: inout AccountState
    ) -> [NodeIndex] {
        guard seed.depth > 0 else { return [top] }
        let base = state.nodes.count - 1
        let count = max(1, (seed.files + seed.filesPerFolder - 1) / seed.filesPerFolder)
        var folders: [NodeIndex] = []
        var levels: [(node: NodeIndex, depth: Int)] = [(top, 0)]
        for number in 0..<count {
            let open = levels.suffix(64).filter { $0.depth < seed.depth }
            let parent = open.isEmpty ? levels[0] : open[Int(random.next() % UInt64(open.count))]
            let word = folderWords[Int(random.next() % UInt64(folderWords.count))]
            let node = state.addNode("\(word) \(base + number)", in: parent.node, revision: -1)
            levels.append((node, parent.depth + 1))
            folders.append(node)
        }
        return folders
    }

    /// Adds the files of a directory of this machine, without a word in the journal; their bytes stay where they are.
    ///
    /// - Throws: `AccountError`, and what cannot be read.
    public func fill(fromDirectory directory: String) throws {
        try state.withLock { state in
            state.isSeeding = true
            defer { state.isSeeding = false }
            var waiting: [(String, NodeIndex)] = [(directory, state.base)]
            while let (path, folder) = waiting.popLast() {
                for name in try Directory.names(in: path) {
                    if let below = state.adopt(name, at: "\(path)/\(name)", in: folder) { waiting.append(below) }
                }
            }
        }
    }
}

extension AccountState {
    fileprivate mutating func seedFile(_ name: String, in folder: NodeIndex, size: Int64, _ random: inout SplitMix) {
        let node = addNode(name, in: folder, revision: Int32(revisions.count))
        var commit = Commit(path: "")
        commit.clientModified = 1_500_000_000 + Int64(random.next() % 200_000_000)
        _ = addRevision(node, commit, .generated(seed: random.next(), size: size), size: size, digest: nil)
    }

    fileprivate mutating func seedDocument(
        _ name: String, _ kind: OnlineDocument.Kind, in folder: NodeIndex, _ random: inout SplitMix
    ) {
        var document = OnlineDocument(kind, text: "\(random.next())")
        document.listedSize = Int64(random.next() % 200)
        document.listsHash = random.next() % 2 == 0
        let node = addNode("\(name).\(kind.ending)", in: folder, revision: Int32(revisions.count))
        var commit = Commit(path: "")
        commit.clientModified = 1_500_000_000 + Int64(random.next() % 200_000_000)
        commit.traits = FileTraits(document)
        let listed = Content.generated(seed: random.next(), size: document.listedSize)
        _ = addRevision(node, commit, listed, size: document.listedSize, digest: nil)
    }

    /// Takes over one entry of a directory; the answer is the folder to go into, if it is one.
    fileprivate mutating func adopt(_ name: String, at path: String, in folder: NodeIndex) -> (String, NodeIndex)? {
        var info = stat()
        guard lstat(path, &info) == 0, child(of: folder, named: Names.lower(name)) == nil else { return nil }
        let kind = info.st_mode & S_IFMT
        if kind == S_IFDIR { return (path, addNode(name, in: folder, revision: -1)) }
        guard kind == S_IFREG || kind == S_IFLNK else { return nil }
        var commit = Commit(path: "")
        commit.clientModified = Int64(info.st_mtim.tv_sec)
        var content = Content.localFile(path)
        if kind == S_IFLNK {
            commit.traits.symlinkTarget = Directory.linkTarget(path)
            content = .bytes([])
        }
        let node = addNode(name, in: folder, revision: Int32(revisions.count))
        _ = addRevision(node, commit, content, size: content.size ?? 0, digest: nil)
        return nil
    }
}

/// Reading directories of this machine.
enum Directory {
    static func names(in path: String) throws -> [String] {
        guard let stream = opendir(path) else {
            throw ControlError("cannot read \(path): \(String(cString: strerror(errno)))")
        }
        defer { closedir(stream) }
        var names: [String] = []
        while let entry = readdir(stream) {
            let name = withUnsafePointer(to: &entry.pointee.d_name) {
                $0.withMemoryRebound(to: CChar.self, capacity: 256) { String(cString: $0) }
            }
            if name != ".", name != ".." { names.append(name) }
        }
        return names.sorted()
    }

    static func linkTarget(_ path: String) -> String {
        var buffer = [CChar](repeating: 0, count: 4096)
        let count = readlink(path, &buffer, buffer.count)
        return String(decoding: buffer.prefix(max(0, count)).map { UInt8(truncatingIfNeeded: $0) }, as: UTF8.self)
    }
}
