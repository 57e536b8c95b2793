import CLinux
import FileSystem
import Glibc
import SyncModel

extension MirrorTree {
    /// Moves what stands under `name` in `folder` into `.dbxsync/aside`, under the path it had.
    ///
    /// A name that is not UTF-8 is found by how it is shown, and gets that name there.
    ///
    /// - Returns: where it is now, relative to the mirror.
    func setAside(_ path: MirrorPath, in folder: Descriptor, name: String) throws -> String {
        let (target, place) = try asideFolder(for: path.parent ?? .root)
        let bytes = try bytes(of: name, in: folder)
        for attempt in 0..<Self.attempts {
            let free = Self.numbered(name, attempt)
            if dbx_rename_noreplace(folder.number, bytes, target.number, free) == 0 {
                try target.sync()
                return place + "/" + free
            }
            guard errno == EEXIST else { break }
        }
        throw MirrorError.call("set aside", path)
    }

    /// The folder in `.dbxsync/aside` for what stood in `parent`, and its path relative to the mirror.
    private func asideFolder(for parent: MirrorPath) throws(MirrorError) -> (folder: Descriptor, place: String) {
        var place = Self.own + "/aside/" + Self.utc(time(nil)).day
        var here = try root.makeFolders(relative: place, mode: 0o700)
        for name in parent.components {
            let (next, free) = try Self.makeFreeFolder(name.text, in: here)
            here = next
            place += "/" + free
        }
        return (here, place)
    }

    private static func makeFreeFolder(_ name: String, in folder: Descriptor) throws(MirrorError)
        -> (folder: Descriptor, name: String)
    {
        for attempt in 0..<attempts {
            let free = numbered(name, attempt)
            do {
                return (try folder.makeFolder(free, mode: 0o700), free)
            } catch  where [ENOTDIR, ELOOP].contains(error.number) {
                continue  // a file of that name was set aside earlier today
            }
        }
        throw .call("make room in .dbxsync/aside for", name)
    }

    /// Names that are tried until one is free.
    private static let attempts = 10_000

    /// `name` for the first attempt, then with a number before it, cut to the 255 bytes that a name may have.
    static func numbered(_ name: String, _ attempt: Int) -> String {
        if attempt == 0 { return name }
        let number = "\(attempt)~"
        var rest = name
        while number.utf8.count + rest.utf8.count > 255 { rest.unicodeScalars.removeLast() }
        return number + rest
    }

    /// A time in UTC, as names of folders: day and time of day.
    static func utc(_ seconds: time_t) -> (day: String, clock: String) {
        var seconds = seconds
        var parts = tm()
        gmtime_r(&seconds, &parts)
        func two(_ number: Int32) -> String { number < 10 ? "0\(number)" : "\(number)" }
        return (
            "\(Int(parts.tm_year) + 1900)-\(two(parts.tm_mon + 1))-\(two(parts.tm_mday))",
            "\(two(parts.tm_hour))\(two(parts.tm_min))\(two(parts.tm_sec))"
        )
    }
}
