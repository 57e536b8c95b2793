import CLinux
import Glibc
import SyncModel

extension MirrorTree {
    /// Moves what stands under `name` in `folder` into the attic, under the path it had.
    ///
    /// - Returns: where it is now, relative to the mirror.
    func setAside(_ path: MirrorPath, in folder: Descriptor, name: String) throws -> String {
        let attic = Self.own + "/aside/" + Self.today()
        let parent = path.parent?.text ?? ""
        let place = parent.isEmpty ? attic : attic + "/" + parent
        let target = try root.makeFolders(relative: place, mode: 0o700)
        // The name may be taken by what was set aside earlier today; a number that is free is found sooner or later.
        for attempt in 0..<10_000 {
            let free = attempt == 0 ? name : "\(attempt)~" + name
            if dbx_rename_noreplace(folder.number, name, target.number, free) == 0 {
                try target.sync()
                return place + "/" + free
            }
            guard errno == EEXIST || errno == ENOTEMPTY || errno == ENAMETOOLONG else { break }
        }
        throw MirrorError.call("set aside", path)
    }

    private static func today() -> String {
        var now = time(nil)
        var parts = tm()
        gmtime_r(&now, &parts)
        func two(_ number: Int32) -> String { number < 10 ? "0\(number)" : "\(number)" }
        return "\(parts.tm_year + 1900)-\(two(parts.tm_mon + 1))-\(two(parts.tm_mday))"
    }
}
