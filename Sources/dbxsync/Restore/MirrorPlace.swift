import Configuration
import FileSystem
import Glibc
import Store
import SyncModel
import TextFormatting

/// A path on the command line that is about the mirror; pure.
///
/// It may be written as `status` writes it – from the mirrored folder on, with a slash in front –, as Dropbox has it, or
/// as a path of this machine.
struct MirrorPlace: Equatable, Sendable {
    /// What it may mean, as `status` writes it, the likeliest first; "/" is the mirrored folder itself.
    let readings: [String]
    /// What was written.
    let text: String

    /// Reads an argument.
    ///
    /// - Parameters:
    ///   - text: the argument.
    ///   - mirrors: the mirror directory, in all spellings that are known.
    ///   - remoteRoot: the folder that is mirrored; "" for all.
    ///   - here: the current directory.
    /// - Throws: `Failure` with `.usage` for what lies outside.
    init(_ text: String, mirrors: [String], remoteRoot: String, here: String) throws(Failure) {
        self.text = text
        let isRelative = text.utf8.first != UInt8(ascii: "/")
        if ["id:", "rev:", "ns:"].contains(where: text.hasPrefix) {
            throw Failure(.usage, "\(text): name the file by its path")
        }
        let isLocal = ["./", "../"].contains(where: text.hasPrefix) || [".", ".."].contains(text)
        let local = Self.normal(isRelative ? "\(here)/\(text)" : text)
        if let mirror = mirrors.first(where: { PathText.lies(local, in: $0) }) {
            readings = ["/" + PathText.relative(local, to: mirror)]
        } else if isLocal {
            throw Failure(.usage, "\(text): lies outside of the mirror \(mirrors.first ?? "")")
        } else {
            let remote = "/" + text.pathComponents.joined(separator: "/")
            var readings = [remote]
            if !remoteRoot.isEmpty, PathText.lies(remote.lowercased(), in: remoteRoot.lowercased()) {
                let rest = remote.pathComponents.dropFirst(remoteRoot.pathComponents.count)
                readings.append("/" + rest.joined(separator: "/"))
            }
            self.readings = readings
        }
        let names = readings[0].pathComponents
        if names.contains(".") || names.contains("..") {
            throw Failure(.usage, "\(text): holds \".\" or \"..\"; write the path they lead to")
        }
        if names.first == MirrorPath.ownFolder.text {
            throw Failure(.usage, "\(text): is dbxsync's own, and nothing of Dropbox")
        }
    }

    /// Reads an argument as the process sees it.
    static func read(_ text: String, _ config: Config) throws(Failure) -> MirrorPlace {
        let directory = config.mirror.directory
        return try MirrorPlace(
            text, mirrors: [directory] + [realPath(directory)].compactMap(\.self).filter { $0 != directory },
            remoteRoot: config.mirror.remoteRoot, here: currentDirectory())
    }

    /// Whether it is a pattern rather than a path.
    static func isPattern(_ text: String) -> Bool { text.utf8.contains { $0 == 0x2A || $0 == 0x3F } }

    /// Without `.`, `..`, doubled and closing slashes.
    static func normal(_ path: String) -> String {
        var names: [String] = []
        for name in path.pathComponents where name != "." {
            if name == ".." { _ = names.popLast() } else { names.append(name) }
        }
        return "/" + names.joined(separator: "/")
    }

    /// The directory that the process stands in.
    static func currentDirectory() -> String {
        guard let path = getcwd(nil, 0) else { return "/" }
        defer { free(path) }
        return String(cString: path)
    }

    /// A path without symbolic links; nil if nothing stands there.
    static func realPath(_ path: String) -> String? {
        guard let real = realpath(path, nil) else { return nil }
        defer { free(real) }
        return String(cString: real)
    }
}

extension StateStore {
    /// The first of the readings of a path that the history knows; the first of all if it knows none.
    ///
    /// - Throws: `StoreError` if the state file cannot be read.
    func reading(of place: MirrorPlace) async throws -> String? {
        for reading in place.readings {
            var query = try await self.query(HistoryQuery(), at: reading)
            query.limit = 1
            if try await !history(query).isEmpty { return reading }
        }
        return place.readings.first
    }

    /// The query for what is at a place or below it.
    ///
    /// - Throws: `StoreError` if the state file cannot be read.
    func query(_ query: HistoryQuery, about place: MirrorPlace) async throws -> HistoryQuery {
        guard let path = try await reading(of: place) else { return query }
        return try await self.query(query, at: path)
    }

    /// The row that sums up what was placed in the folder of a path, as the first pass leaves one for each folder.
    ///
    /// - Parameter query: about one path.
    /// - Returns: the last one; nil if there is none, or other events are asked for.
    /// - Throws: `StoreError` if the state file cannot be read.
    func filling(above query: HistoryQuery) async throws -> HistoryRow? {
        guard let path = query.path, path != "/" else { return nil }
        if !query.kinds.isEmpty && query.kinds.isDisjoint(with: [.filePlaced, .folderFilled]) { return nil }
        var filling = query
        (filling.files, filling.kinds) = ([path.folderOfPath.pathKey], [.folderFilled])
        (filling.after, filling.limit) = (nil, 1)
        return try await history(filling).last
    }
}

extension String {
    /// By which paths of the mirror are compared: Dropbox does not tell upper from lower case.
    var pathKey: RemoteKey { RemoteKey(written: self) }

    /// The folder of a path with a slash in front; "/" for what is in none.
    var folderOfPath: String {
        let above = pathAboveLastSlash ?? ""
        return above.isEmpty ? "/" : above
    }
}
