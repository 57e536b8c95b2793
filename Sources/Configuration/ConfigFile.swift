import FileSystem
import Glibc
import TextFormatting

/// `/etc/dbxsync.conf`: text to `Config`, or everything that is wrong with it at once.
package enum ConfigFile {
    /// No configuration is as large; what is may be a device or a mistake.
    private static let largest = 1 << 20
    /// Bounds how deep keys can nest: the parser frees nested tables recursively.
    private static let longestLine = 4_096

    /// Reads and checks a file.
    package static func load(_ file: String) -> Result<Config, ConfigProblems> {
        switch contents(of: file) {
        case .success(let (bytes, mode)):
            parse(bytes, file: file).flatMap { config in
                exposure(config, mode: mode, file: file).map { failure(file, place: nil, message: $0) }
                    ?? .success(config)
            }
        case .failure(let refusal): failure(file, place: nil, message: refusal.message)
        }
    }

    /// What is wrong with who may write or read a file of this mode; nil for what is no file.
    private static func exposure(_ config: Config, mode: mode_t?, file: String) -> String? {
        guard let mode else { return nil }
        if mode & 0o002 != 0 {
            return "everybody can change the configuration, and so what is written where; run: chmod o-w \(file)"
        }
        if mode & 0o004 != 0, let secret = Config.keys.first(where: { $0.secret && $0.show(config) != nil }) {
            return "everybody can read it, and it holds \(secret.path); run: chmod o-r \(file)"
        }
        return nil
    }

    /// The text of a file; nil if there is none.
    package static func text(of file: String) -> Result<String?, ConfigValueError> {
        if access(file, F_OK) != 0 && errno == ENOENT { return .success(nil) }
        return contents(of: file).flatMap { bytes, _ in
            guard let text = String(validating: bytes, as: UTF8.self) else {
                return .failure(ConfigValueError("is not valid UTF-8"))
            }
            return .success(text)
        }
    }

    /// Checks a text; `file` is only its name in messages.
    package static func parse(_ bytes: [UInt8], file: String) -> Result<Config, ConfigProblems> {
        let lines = bytes.split(separator: UInt8(ascii: "\n"), omittingEmptySubsequences: false)
        if let index = lines.firstIndex(where: { $0.count > longestLine }) {
            return failure(
                file, place: TextPlace(line: index + 1, column: 1),
                message: "the line has more than \(longestLine) bytes")
        }
        do throws(TomlDocument.SyntaxError) {
            var reader = ConfigReader(document: try TomlDocument(bytes), file: file)
            return reader.read()
        } catch {
            return failure(file, place: error.place, message: "not valid TOML: " + escapingControls(error.message))
        }
    }

    /// What is set in a file that is in order, and has no effect.
    package static func warnings(_ config: Config, in file: String) -> [ConfigProblem] {
        let key = "heartbeat.interval"
        guard config.heartbeat.url == nil, let place = place(of: key, element: nil, in: file) else { return [] }
        return [
            ConfigProblem(
                file: file, place: place, key: key,
                message: "has no effect without heartbeat.url: no heartbeats are sent")
        ]
    }

    /// The line on which a key stands, or an element of its list; nil if the file is not what it was.
    package static func line(of key: String, element: Int?, in file: String) -> Int? {
        place(of: key, element: element, in: file)?.line
    }

    private static func place(of key: String, element: Int?, in file: String) -> TextPlace? {
        guard case .success((let bytes, _)) = contents(of: file), let document = try? TomlDocument(bytes) else {
            return nil
        }
        var index = 0
        for name in key.split(separator: ".") {
            guard let next = document.children(of: index).first(where: { document.nodes[$0].key == name }) else {
                return nil
            }
            index = next
        }
        guard let element else { return document.nodes[index].place }
        let elements = document.children(of: index)
        return elements.indices.contains(element) ? document.nodes[elements[element]].place : nil
    }

    private static func failure(
        _ file: String, place: TextPlace?, message: String
    ) -> Result<Config, ConfigProblems> {
        let problem = ConfigProblem(file: file, place: place, key: nil, message: message)
        return .failure(ConfigProblems(problems: [problem]))
    }

    /// The bytes, and the permission bits of what is a regular file.
    private static func contents(of file: String) -> Result<([UInt8], mode_t?), ConfigValueError> {
        guard !file.utf8.contains(0) else { return .failure(ConfigValueError("the file's name holds a NUL byte")) }
        let descriptor = open(file, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else { return .failure(ConfigValueError("cannot be opened: \(SystemError(errno))")) }
        defer { close(descriptor) }
        var info = stat()
        let isFile = fstat(descriptor, &info) == 0 && info.st_mode & S_IFMT == S_IFREG
        var bytes: [UInt8] = []
        var chunk = [UInt8](repeating: 0, count: 65_536)
        while true {
            let count = read(descriptor, &chunk, chunk.count)
            if count < 0 && errno == EINTR { continue }
            guard count >= 0 else { return .failure(ConfigValueError("cannot be read: \(SystemError(errno))")) }
            if count == 0 { return .success((bytes, isFile ? info.st_mode & 0o777 : nil)) }
            bytes += chunk[..<count]
            guard bytes.count <= largest else { return .failure(ConfigValueError("has more than 1 MiB")) }
        }
    }
}
