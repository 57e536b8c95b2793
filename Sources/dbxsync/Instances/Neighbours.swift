import Configuration
import Glibc
import SyncModel

/// Where the other mirrors of this machine are, none of which may be this one's, too.
struct Neighbours: Sendable {
    /// Another mirror, as far as its configuration can be read; paths without links.
    struct Neighbour: Equatable, Sendable {
        let instance: Instance
        var mirror: String?
        var state: String?
        /// Whether its configuration cannot be read at all.
        var isUnknown = false
    }

    let others: [Neighbour]

    init(_ others: [Neighbour]) { self.others = others }

    /// Reads the configurations of the machine, all but `file`.
    ///
    /// Those that only root may read are not there for others.
    ///
    /// - Throws: `Failure` if root cannot read what there is.
    init(of file: String, in folder: String) throws(Failure) {
        let own = Self.real(file)
        let found: [Instance]
        do throws(Failure) {
            found = try Instance.all(in: folder)
        } catch {
            guard geteuid() != 0 else { throw error }
            found = []
        }
        let others = found.filter { !Self.real($0.file).utf8.elementsEqual(own.utf8) }.map(Self.read)
        self.others = geteuid() == 0 ? others : others.filter { !$0.isUnknown }
    }

    /// Also what is wrong in a way that has nothing to do with its directories has some.
    private static func read(_ instance: Instance) -> Neighbour {
        switch ConfigFile.load(instance.file) {
        case .success(let config):
            return Neighbour(
                instance: instance, mirror: real(config.mirror.directory), state: real(config.state.directory))
        case .failure:
            guard case .success(let text?) = ConfigFile.text(of: instance.file) else {
                return Neighbour(instance: instance, isUnknown: true)
            }
            return Neighbour(
                instance: instance, mirror: ConfigEdit.value(of: "mirror.directory", in: text).map(real),
                state: ConfigEdit.value(of: "state.directory", in: text).map(real))
        }
    }

    /// A path without links, as far as there is something.
    static func real(_ path: String) -> String {
        var (above, rest) = (path, "")
        while !above.isEmpty {
            if let found = MirrorPlace.realPath(above) { return MirrorPlace.normal(found + rest) }
            let name = above.pathComponents.last ?? ""
            rest = "/\(name)\(rest)"
            above = above.pathAboveLastSlash ?? ""
        }
        return MirrorPlace.normal(path)
    }

    /// Why a mirror cannot be at a path; nil if it can.
    func problem(ofMirror path: String) -> String? {
        let path = Self.real(path)
        for other in others {
            if let mirror = other.mirror, let how = Self.overlap(path, mirror, "the mirror") {
                return
                    "\(how) of \(other.instance.name) (\(other.instance.file)); two mirrors must be beside each other"
            }
            if let state = other.state, let how = Self.overlap(path, state, "the state directory") {
                return "\(how) of \(other.instance.name) (\(other.instance.file)); the mirror must be elsewhere"
            }
        }
        return Self.mirror(around: path).map {
            "\(path) lies in another mirror, \($0); two mirrors must be beside each other"
        }
    }

    /// The mirror that a path lies in, whoever keeps it, and that is not at the path itself; nil if there is none.
    static func mirror(around path: String) -> String? {
        var above = real(path).pathAboveLastSlash ?? ""
        while true {
            if access("\(above)/\(MirrorPath.ownFolder.text)/mirror-id", F_OK) == 0 {
                return above.isEmpty ? "/" : above
            }
            guard let next = above.pathAboveLastSlash else { return nil }
            above = next
        }
    }

    /// Why the state cannot be kept at a path; nil if it can.
    func problem(ofState path: String) -> String? {
        let path = Self.real(path)
        for other in others {
            let whose = "of \(other.instance.name) (\(other.instance.file))"
            if let state = other.state, path.utf8.elementsEqual(state.utf8) {
                return "\(path) is the state directory \(whose); each mirror needs one of its own"
            }
            if let mirror = other.mirror, PathText.lies(path, in: mirror) {
                return "\(path) lies in the mirror \(mirror) \(whose)"
            }
        }
        return nil
    }

    private static func overlap(_ path: String, _ other: String, _ what: String) -> String? {
        if path.utf8.elementsEqual(other.utf8) { return "\(path) is \(what)" }
        if PathText.lies(path, in: other) { return "\(path) lies in \(what) \(other)" }
        return PathText.lies(other, in: path) ? "\(path) contains \(what) \(other)" : nil
    }
}
