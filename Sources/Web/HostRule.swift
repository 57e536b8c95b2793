import Glibc

/// Under which names the page answers.
///
/// A page of somebody else may have its own name lead to 127.0.0.1 and read what is answered there (DNS rebinding); the
/// browser then sends that name. An address or `localhost` cannot be made to lead elsewhere.
public struct HostRule: Hashable, Sendable {
    private let names: Set<String>

    /// - Parameter names: names that lead here, besides `localhost` and addresses.
    public init(_ names: [String] = []) { self.names = Set(names.map(Self.plain) + ["localhost"]) }

    /// Whether the page answers to this value of Host, a name or address with a port or without.
    public func allows(_ host: String) -> Bool {
        guard let name = Self.name(of: host) else { return false }
        return Self.isAddress(name) || names.contains(Self.plain(name))
    }

    /// What is before the port; nil if that is no port.
    private static func name(of host: String) -> String? {
        let text = host.utf8
        let begin = text.first == UInt8(ascii: "[") ? text.firstIndex(of: UInt8(ascii: "]")) : text.startIndex
        guard let begin else { return nil }
        guard let colon = text[begin...].firstIndex(of: UInt8(ascii: ":")) else { return host }
        let port = text[colon...].dropFirst()
        guard port.count <= 5, port.allSatisfy({ UInt8(ascii: "0")...UInt8(ascii: "9") ~= $0 }) else { return nil }
        return String(host[..<colon])
    }

    /// inet_pton(3): four numbers for IPv4, and what stands in brackets for IPv6.
    private static func isAddress(_ name: String) -> Bool {
        if name.utf8.contains(0) { return false }
        var bytes = in6_addr()
        if name.hasPrefix("[") && name.hasSuffix("]") {
            return inet_pton(AF_INET6, String(name.dropFirst().dropLast()), &bytes) == 1
        }
        return inet_pton(AF_INET, name, &bytes) == 1
    }

    /// Without the dot of the root, and in lower case.
    private static func plain(_ name: String) -> String {
        (name.hasSuffix(".") ? String(name.dropLast()) : name).lowercased()
    }
}
