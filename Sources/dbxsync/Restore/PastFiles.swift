import SyncModel

/// A file that stood in the mirror at some time, as far as it is known.
struct PastFile: Hashable, Sendable {
    /// Where, as `status` writes it.
    var path: String
    /// The revision; nil if that is not known.
    var rev: Rev?
    /// What it held; nil if that is not known.
    var hash: ContentHash?
    /// Whether the mirror's history does not reach back to that time: whether it stood there then nobody knows here.
    var isGuess = false
}

/// The files at or below a path of the mirror, led back through its history; pure.
struct PastFiles: Sendable {
    /// The path.
    let top: String
    private let topKey: RemoteKey
    /// The files by key of their path.
    private(set) var files: [RemoteKey: PastFile]

    /// What has to be known of elsewhere: something was moved out of there.
    struct Departure: Hashable, Sendable {
        /// Where it stood.
        var from: String
        /// Where it stands after the move.
        var to: String
    }

    /// Begins with what stands there now.
    init(at top: String, _ standing: [PastFile]) {
        self.top = top
        topKey = top.pathKey
        files = Dictionary(standing.map { ($0.path.pathKey, $0) }) { first, _ in first }
    }

    /// The files in the order of their paths.
    var sorted: [PastFile] { files.sorted { $0.key < $1.key }.map(\.value) }

    /// Takes a change back; changes are taken back newest first.
    ///
    /// - Returns: what was moved out of here: `add` takes what stood at `to` right after this change.
    mutating func undo(_ change: MirrorChange) -> Departure? {
        switch change.kind {
        case .filePlaced: putBack(change)
        case .fileRemoved:
            set(PastFile(path: change.path, rev: change.oldRev?.known, hash: change.hash))
        case .moved: return undoMove(change)
        case .folderFilled:
            let folder = change.path.pathKey
            for (key, file) in files where key.parent == folder {
                files[key] = PastFile(path: file.path, isGuess: true)
            }
        case .folderMade, .folderRemoved, .linkMade, .linkRemoved, .setAside, .trashed, .restored, .held, .released,
            .rejected, .passDone:
            break
        }
        return nil
    }

    /// Adds files that were moved away, under the paths that they had.
    mutating func add(_ moved: PastFiles, _ departure: Departure) {
        for file in moved.files.values {
            var file = file
            file.path = departure.from + file.path.utf8Suffix(after: departure.to)
            set(file)
        }
    }

    /// Notes that nobody here knows what stood there at the time.
    mutating func guessAll() {
        files = files.mapValues { PastFile(path: $0.path, isGuess: true) }
    }

    private mutating func set(_ file: PastFile) {
        let key = file.path.pathKey
        if key.lies(in: topKey) { files[key] = file }
    }

    private mutating func putBack(_ change: MirrorChange) {
        if let old = change.oldRev {
            let isSame = change.rev != nil && change.reason == MirrorChange.sameContent
            set(PastFile(path: change.path, rev: old.known, hash: isSame ? change.hash : nil))
        } else if change.reason == MirrorChange.stoodThere {
            set(PastFile(path: change.path, isGuess: true))
        } else {
            files[change.path.pathKey] = nil
        }
    }

    private mutating func undoMove(_ change: MirrorChange) -> Departure? {
        guard let old = change.oldPath else { return nil }
        let (key, oldKey) = (change.path.pathKey, old.pathKey)
        if let hash = change.hash {
            // A file whose content was moved, perhaps in place of another.
            putBack(change)
            set(PastFile(path: old, rev: nil, hash: hash))
            return nil
        }
        // What it was moved with: all of it, and all of it was elsewhere before.
        let moving = files[key].map { [key: $0] } ?? files.filter { $0.key.lies(in: key) }
        for path in moving.keys { files[path] = nil }
        if key.lies(in: topKey) {
            for file in moving.values {
                var file = file
                file.path = old + file.path.utf8Suffix(after: change.path)
                set(file)
            }
            return nil
        }
        if oldKey.lies(in: topKey) { return Departure(from: old, to: change.path) }
        guard topKey.lies(in: oldKey) else { return nil }
        return Departure(from: top, to: change.path + top.utf8Suffix(after: old))
    }
}

extension Rev {
    /// Nil for that of a file that somebody else has touched.
    var known: Rev? { self == .unproven ? nil : self }
}

extension String {
    /// What comes after so many bytes as `prefix` has.
    fileprivate func utf8Suffix(after prefix: String) -> String {
        prefix == "/" ? self : String(decoding: utf8.dropFirst(prefix.utf8.count), as: UTF8.self)
    }
}
