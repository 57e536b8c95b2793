import Foundation
import Glibc
import MirrorFS
import SyncModel
import TestSupport
import Testing

/// A mirror in a temporary directory, and short words for what is done to it.
///
/// The whole process runs with umask 0077, so that no mode in the mirror can come from a lucky umask.
final class MirrorFixture {
    let folder: TemporaryFolder
    let mirror: MirrorTree
    /// The mirror directory.
    let path: String
    private var revisions = 0

    private static let strictMask: mode_t = umask(0o077)

    init(
        _ localChanges: LocalChanges = .aside, path: String? = nil, fileMode: UInt32 = 0o644, group: UInt32? = nil,
        faults: @escaping FaultHook = { _ in }
    ) throws {
        _ = Self.strictMask
        folder = try TemporaryFolder()
        self.path = try path ?? folder.folder("mirror")
        let settings = MirrorSettings(
            fileMode: fileMode, directoryMode: 0o755, group: group, localChanges: localChanges)
        mirror = try MirrorTree.open(at: self.path, expecting: nil, newID: "bench", settings: settings, faults: faults)
    }

    // MARK: Values

    static func path(_ text: String) throws -> MirrorPath { try #require(MirrorPath(text: text)) }

    func version(of content: some Sequence<UInt8>, modified: Int64 = 1_500_000_000) -> FileVersion {
        revisions += 1
        let bytes = Array(content)
        let hasher = ContentHasher()
        bytes.withUnsafeBytes { hasher.update($0) }
        return FileVersion(
            rev: Rev(String(revisions + 0xa000, radix: 16)), size: Int64(bytes.count), hash: hasher.finish(),
            modified: Timestamp(seconds: modified))
    }

    func placement(_ path: String, _ content: String, replacing: LocalEntry? = nil) throws -> Placement {
        Placement(
            key: RemoteKey("/" + path.lowercased()), path: try Self.path(path), version: version(of: content.utf8),
            replacing: replacing, sources: [.download])
    }

    // MARK: Doing

    func staged(_ placement: Placement, _ content: String) throws -> StagedFile {
        let file = try mirror.stage(placement.version, for: placement.key)
        try Array(content.utf8.dropFirst(Int(file.offset))).withUnsafeBytes { try file.write($0) }
        return try file.finish()
    }

    @discardableResult
    func perform(_ prepared: PreparedOperation) throws -> AppliedOperation {
        try #require(try mirror.perform([prepared]).first)
    }

    @discardableResult
    func perform(_ operation: SyncModel.PlannedOperation) throws -> AppliedOperation {
        try perform(PreparedOperation(operation))
    }

    /// Places a file and says what stands there then.
    @discardableResult
    func place(_ path: String, _ content: String, replacing: LocalEntry? = nil) throws -> LocalEntry {
        let placement = try placement(path, content, replacing: replacing)
        let result = try perform(PreparedOperation(.place(placement), content: .staged(try staged(placement, content))))
        return try entry(result, at: placement.path)
    }

    /// Makes a folder and says what stands there then.
    @discardableResult
    func make(_ path: String) throws -> LocalEntry {
        let place = try Self.path(path)
        return try entry(perform(.makeFolder(RemoteKey("/" + path.lowercased()), at: place)), at: place)
    }

    func entry(_ result: AppliedOperation, at path: MirrorPath) throws -> LocalEntry {
        for case .have(let key, let node?) in result.outcomes { return LocalEntry(key: key, path: path, node: node) }
        throw Unexpected(outcomes: result.outcomes)
    }

    // MARK: Looking

    /// All that stands below the mirror directory: path to content of files, "/" for folders, "-> target" for links.
    func tree(_ place: String = "", own: Bool = false) throws -> [String: String] {
        let base = path + place
        var found: [String: String] = [:]
        for name in try FileManager.default.subpathsOfDirectory(atPath: base) {
            if !own, name == ".dbxsync" || name.hasPrefix(".dbxsync/") { continue }
            found[name] = try look(base + "/" + name)
        }
        return found
    }

    /// What was set aside, by the path it had.
    func attic() throws -> [String: String] {
        let aside = path + "/.dbxsync/aside"
        guard let days = try? FileManager.default.contentsOfDirectory(atPath: aside) else { return [:] }
        let day = try #require(days.first)
        return try tree("/.dbxsync/aside/" + day, own: true).filter { $0.value != "/" }
    }

    private func look(_ place: String) throws -> String {
        var status = stat()
        guard lstat(place, &status) == 0 else { throw CocoaError(.fileReadUnknown) }
        switch status.st_mode & S_IFMT {
        case S_IFDIR: return "/"
        case S_IFLNK: return "-> " + (try FileManager.default.destinationOfSymbolicLink(atPath: place))
        default: return String(decoding: FileManager.default.contents(atPath: place) ?? Data(), as: UTF8.self)
        }
    }

    func mode(_ name: String) throws -> String { String(try status(name).st_mode & 0o7777, radix: 8) }

    func status(_ name: String) throws -> stat {
        var status = stat()
        try #require(lstat(path + "/" + name, &status) == 0)
        return status
    }

    func write(_ text: String, _ name: String) throws {
        let file = try #require(fopen(path + "/" + name, "w"))
        fputs(text, file)
        fclose(file)
    }
}

/// Outcomes that a test did not expect.
struct Unexpected: Error {
    var outcomes: [Outcome]
}

extension AppliedOperation {
    /// The reasons of failed outcomes.
    var failures: [String] {
        outcomes.compactMap { if case .failed(_, let why, _) = $0 { why } else { nil } }
    }
}
