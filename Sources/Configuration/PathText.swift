import SyncModel
import TextFormatting

/// Paths as they are written in the configuration.
package enum PathText {
    /// An absolute path without `.`, `..`, doubled or closing slashes.
    static func absolute(_ text: String) throws(ConfigValueError) -> String {
        guard text.utf8.first == slash else { throw ConfigValueError("\(quoted(text)) is not an absolute path") }
        guard !text.utf8.contains(0) else { throw ConfigValueError("\(quoted(text)) holds a NUL byte") }
        let names = text.pathComponents
        guard !names.contains("."), !names.contains("..") else {
            throw ConfigValueError("\(quoted(text)) holds \".\" or \"..\"; write the path they lead to")
        }
        return "/" + names.joined(separator: "/")
    }

    /// A folder of the account: empty for the whole of it.
    static func remote(_ text: String) throws(ConfigValueError) -> String {
        if text.isEmpty { return text }
        guard text != "/" else { throw ConfigValueError("write \"\" for the whole account, not \"/\"") }
        guard text.utf8.first == slash else { throw ConfigValueError("\(quoted(text)) does not begin with \"/\"") }
        guard text.utf8.last != slash else { throw ConfigValueError("\(quoted(text)) ends in \"/\"") }
        let names = text.utf8.split(separator: slash, omittingEmptySubsequences: false).dropFirst()
        guard !names.contains(where: { ["", ".", ".."].contains(String(Substring($0))) }), !text.utf8.contains(0) else {
            throw ConfigValueError("\(quoted(text)) cannot be the path of a Dropbox folder")
        }
        return text
    }

    /// Whether `path` is `folder` or lies below it; both are normal absolute paths.
    package static func lies(_ path: String, in folder: String) -> Bool {
        path.pathComponents.starts(with: folder.pathComponents)
    }

    /// The path from `folder` on, which it lies in.
    package static func relative(_ path: String, to folder: String) -> String {
        path.pathComponents.dropFirst(folder.pathComponents.count).joined(separator: "/")
    }

    private static let slash = UInt8(ascii: "/")
}

/// URLs as they are written in the configuration: a scheme, a host, perhaps a port and a path, nothing after it.
enum URLText {
    /// Checks a URL and takes the slash from its end.
    ///
    /// The refusal never repeats the text: it may hold a password.
    static func read(
        _ text: String, schemes: [String], userAllowed: Bool, pathAllowed: Bool
    ) throws(ConfigValueError) -> String {
        guard text.utf8.allSatisfy({ (0x21...0x7E).contains($0) }) else {
            throw ConfigValueError("a URL has no spaces and no letters beyond ASCII")
        }
        guard let (scheme, rest) = cut(text, at: "://"), schemes.contains(scheme.lowercased()) else {
            throw ConfigValueError(
                "the URL must begin with one of \(schemes.map { $0 + "://" }.joined(separator: ", "))")
        }
        guard !rest.contains(where: { "?#\\\"<>".contains($0) }) else {
            throw ConfigValueError("the URL must end with its path: no query, no fragment")
        }
        let authority = rest.prefix { $0 != "/" }
        let path = String(rest.dropFirst(authority.count))
        let server = authority.split(separator: "@", omittingEmptySubsequences: false)
        guard server.count <= (userAllowed ? 2 : 1) else {
            throw ConfigValueError("the URL must not hold a user or password")
        }
        guard let last = server.last, isServer(String(last)) else {
            throw ConfigValueError("the URL has no valid host, or no valid port after it")
        }
        guard pathAllowed || path.isEmpty || path == "/" else { throw ConfigValueError("the URL must not hold a path") }
        let kept = path.last == "/" ? String(path.dropLast()) : path
        return "\(scheme.lowercased())://\(authority)\(kept)"
    }

    /// Whether a checked URL leads to this machine only.
    static func isLoopback(_ url: String) -> Bool {
        guard let (_, rest) = cut(url, at: "://") else { return false }
        let authority = String(rest.prefix { $0 != "/" })
        if authority.hasPrefix("[") { return authority.hasPrefix("[::1]") }
        let host = authority.prefix { $0 != ":" }.lowercased()
        let numbers = host.split(separator: ".", omittingEmptySubsequences: false)
        let isAddress = numbers.count == 4 && numbers.allSatisfy { UInt8($0) != nil }
        return host == "localhost" || host.hasSuffix(".localhost") || isAddress && numbers[0] == "127"
    }

    /// The URL without the password, for showing.
    static func withoutPassword(_ url: String) -> String {
        guard let (scheme, rest) = cut(url, at: "://") else { return url }
        let parts = rest.split(separator: "@", maxSplits: 1)
        guard parts.count == 2, let user = parts[0].split(separator: ":", maxSplits: 1).first else { return url }
        return "\(scheme)://\(user):hidden@\(parts[1])"
    }

    private static func isServer(_ text: String) -> Bool {
        if text.hasPrefix("[") {
            guard let (address, port) = cut(String(text.dropFirst()), at: "]") else { return false }
            return address.contains(":") && address.allSatisfy { $0.isHexDigit || $0 == ":" || $0 == "." }
                && (port.isEmpty || port.first == ":" && isPort(String(port.dropFirst())))
        }
        let parts = text.split(separator: ":", omittingEmptySubsequences: false)
        guard let host = parts.first, !host.isEmpty, parts.count <= 2 else { return false }
        return host.allSatisfy { $0.isLetter || $0.isNumber || "-._".contains($0) }
            && (parts.count == 1 || isPort(String(parts[1])))
    }

    private static func isPort(_ text: String) -> Bool { UInt16(text).map { $0 > 0 } ?? false }

    private static func cut(_ text: String, at mark: String) -> (before: String, after: String)? {
        var index = text.startIndex
        while index < text.endIndex {
            if text[index...].hasPrefix(mark) {
                return (String(text[..<index]), String(text[index...].dropFirst(mark.count)))
            }
            index = text.index(after: index)
        }
        return nil
    }
}
