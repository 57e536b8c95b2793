import Glibc
import Uplink

/// Where an outbox may be.
enum OutboxPlaces {
    /// Why two folders cannot be beside each other; nil if they can.
    static func overlap(_ outbox: String, _ what: String, _ other: String) -> String? {
        if PathText.contains(other, outbox) { return "\(quoted(outbox)) lies in \(what) \(quoted(other))" }
        if PathText.contains(outbox, other) { return "\(what) \(quoted(other)) lies in \(quoted(outbox))" }
        return nil
    }

    /// What is wrong with an outbox that is to lie in the mirror: the key, and why; nil if nothing is.
    static func misplaced(_ outbox: Config.OutboxTable, _ mirror: Config.MirrorSettings) -> (String, String)? {
        guard let directory = outbox.directory, let remoteFolder = outbox.remoteFolder else { return nil }
        let below = PathText.below(mirror.directory, directory)
        guard PathText.contains(mirror.directory, directory), !below.isEmpty else {
            return (
                "outbox.inside_mirror", "\(quoted(directory)) does not lie in the mirror \(quoted(mirror.directory))"
            )
        }
        if below.hasPrefix(".dbxsync") { return ("outbox.directory", "\(quoted(directory)) is dbxsync's own") }
        let wanted = mirror.remoteRoot + "/" + below
        guard remoteFolder.utf8.elementsEqual(wanted.utf8) else {
            return (
                "outbox.remote_folder", "in the mirror \(quoted(directory)) is \(quoted(wanted)): no other can be set"
            )
        }
        guard outbox.after == .keep else { return ("outbox.after", "in the mirror only \"keep\" is possible") }
        return nil
    }

    /// Looks at the folders as they are, links included.
    ///
    /// - Throws: `Failure` if there is no outbox, or it overlaps with what it must not touch.
    static func check(_ config: Config) throws(Failure) {
        guard let directory = config.outbox.directory else { return }
        var status = stat()
        guard stat(directory, &status) == 0, status.st_mode & S_IFMT == S_IFDIR else {
            throw Failure(
                .unusableDirectory,
                "the outbox \(quoted(directory)) is no directory: create it, mount its disk, or change outbox.directory"
            )
        }
        let real = realPath(directory)
        let credentials = realPath(config.account.credentials)
        let mirror = realPath(config.mirror.directory)
        let isInPlace =
            config.outbox.insideMirror
            && PathText.contains(mirror, real)
            && PathText.below(mirror, real) == PathText.below(config.mirror.directory, directory)
        let problem =
            (isInPlace ? nil : overlap(real, "the mirror", mirror))
            ?? overlap(real, "the state directory", realPath(config.state.directory))
            ?? (PathText.contains(real, credentials) ? "\(quoted(credentials)), the sign-in, lies in it" : nil)
            ?? (config.outbox.insideMirror && !isInPlace ? "a link leads out of the mirror" : nil)
        guard let problem else { return }
        throw Failure(.badConfiguration, "outbox.directory \(quoted(directory)): \(problem)")
    }

    /// The path without links; what is not there is taken as it is written.
    private static func realPath(_ path: String) -> String {
        guard let real = realpath(path, nil) else { return path }
        defer { free(real) }
        return String(cString: real)
    }
}
