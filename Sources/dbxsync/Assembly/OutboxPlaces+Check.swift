import Configuration
import Glibc
import TextFormatting

extension OutboxPlaces {
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
            && PathText.lies(real, in: mirror)
            && PathText.relative(real, to: mirror) == PathText.relative(directory, to: config.mirror.directory)
        let problem =
            (isInPlace ? nil : overlap(real, what: "the mirror", other: mirror))
            ?? overlap(real, what: "the state directory", other: realPath(config.state.directory))
            ?? (PathText.lies(credentials, in: real) ? "\(quoted(credentials)), the sign-in, lies in it" : nil)
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
