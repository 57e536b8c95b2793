/// What stands below a folder in the account, as far down as it goes.
public struct SubtreeExtent: Hashable, Sendable {
    /// Files, folders and what cannot be mirrored, the folder itself not counted.
    public var entries: Int
    /// Files.
    public var files: Int
    /// Bytes of those files.
    public var bytes: Int64

    /// Creates an extent.
    public init(entries: Int, files: Int, bytes: Int64) {
        self.entries = entries
        self.files = files
        self.bytes = bytes
    }
}

/// Files that are fetched together, as one zip of a folder that they all stand below.
public struct ZipGroup: Hashable, Sendable {
    /// The folder.
    public var folder: RemoteKey
    /// The files.
    public var placements: [Placement]

    /// Creates a group.
    public init(folder: RemoteKey, placements: [Placement]) {
        self.folder = folder
        self.placements = placements
    }
}

/// Decides which folders are fetched as a zip: those of many small files, nearly all of which are wanted.
///
/// The zip of a folder holds its whole subtree and cannot be continued, so it pays where requests, and not bytes, are
/// what takes the time.
public struct ZipGrouping: Hashable, Sendable {
    /// The number of files from which on a zip is asked for.
    public var leastFiles: Int

    /// Makes rules.
    public init(leastFiles: Int = 50) { self.leastFiles = leastFiles }

    /// Entries of a zip, its own folder counted, from which on the server refuses (files.stone, download_zip).
    public static let entryLimit = 10_000
    /// Bytes of a subtree for each of its files at most; with `entryLimit` this keeps far below the server's 20 GB.
    static let meanSize: Int64 = 64 << 10
    /// What an entry that is not wanted counts for, beside its bytes.
    static let entryCost: Int64 = 512

    /// The folders for which it has to be known what stands below them.
    ///
    /// The mirrored folder itself is none: as the account's root it has no zip, and several zips at a time are faster.
    public func candidates(in placements: [Placement]) -> [RemoteKey] {
        wanted(placements).filter { $0.value.files >= leastFiles }.keys.sorted()
    }

    /// Divides files into those that come in a zip, by the topmost folder that qualifies, and the others.
    ///
    /// - Parameters:
    ///   - placements: Files that have to be downloaded, of which nothing is here yet.
    ///   - extents: What stands below each candidate; one without an extent is too large.
    public func divide(
        _ placements: [Placement], extents: [RemoteKey: SubtreeExtent]
    ) -> (groups: [ZipGroup], rest: [Placement]) {
        let chosen = Set(wanted(placements).filter { pays($0.value, extents[$0.key]) }.keys)
        var groups: [ZipGroup] = []
        var numbers: [RemoteKey: Int] = [:]
        var rest: [Placement] = []
        for placement in placements {
            guard let folder = placement.key.ancestors.last(where: chosen.contains) else {
                rest.append(placement)
                continue
            }
            if let number = numbers[folder] {
                groups[number].placements.append(placement)
            } else {
                numbers[folder] = groups.count
                groups.append(ZipGroup(folder: folder, placements: [placement]))
            }
        }
        return (groups, rest)
    }

    /// What of the placements stands below each folder.
    private func wanted(_ placements: [Placement]) -> [RemoteKey: SubtreeExtent] {
        var found: [RemoteKey: SubtreeExtent] = [:]
        for placement in placements {
            for folder in placement.key.ancestors {
                found[folder, default: SubtreeExtent(entries: 0, files: 0, bytes: 0)].add(placement.version.size)
            }
        }
        return found
    }

    private func pays(_ wanted: SubtreeExtent, _ all: SubtreeExtent?) -> Bool {
        guard let all, wanted.files >= leastFiles, all.entries + 1 < Self.entryLimit, wanted.bytes <= all.bytes,
            all.bytes <= Int64(all.files) * Self.meanSize
        else { return false }
        func cost(_ files: Int, _ bytes: Int64) -> Int64 { Int64(files) * Self.entryCost + bytes }
        let waste = cost(all.files - wanted.files, all.bytes - wanted.bytes)
        return waste * 4 <= cost(wanted.files, wanted.bytes)
    }
}

extension SubtreeExtent {
    fileprivate mutating func add(_ size: Int64) {
        entries += 1
        files += 1
        bytes = bytes.saturatingSum(size)
    }
}
