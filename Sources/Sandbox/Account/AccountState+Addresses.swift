extension AccountState {
    private static let letters = Array("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_".utf8)

    func idText(_ node: NodeIndex) -> String {
        var text: [UInt8] = Array("id:".utf8)
        for shift in 0..<7 { text.append(Self.letters[Int((salt >> (UInt64(shift) * 6)) & 63)]) }
        text.append(contentsOf: "AAAAAAAAA".utf8)
        for shift in (0..<6).reversed() { text.append(Self.letters[(Int(node) >> (shift * 6)) & 63]) }
        return String(decoding: text, as: UTF8.self)
    }

    func node(ofID text: String) -> NodeIndex? {
        guard text.utf8.count == 25 else { return nil }
        var value = 0
        for letter in text.utf8.suffix(6) {
            guard let digit = Self.letters.firstIndex(of: letter) else { return nil }
            value = value << 6 | digit
        }
        guard let node = NodeIndex(exactly: value), idText(node) == text else { return nil }
        return node
    }

    private static let revisionPrefix = "6129f0c3a"
    private static let firstRevision: Int64 = 0x2b1

    func revText(_ revision: Int32) -> String {
        let digits = String(Self.firstRevision + Int64(revision), radix: 16)
        return Self.revisionPrefix + String(repeating: "0", count: 10 - digits.utf8.count) + digits
    }

    func revision(ofText text: String) -> Int32? {
        guard text.utf8.count == 19, text.hasPrefix(Self.revisionPrefix),
            let value = Int64(text.dropFirst(9), radix: 16),
            let revision = Int32(exactly: value - Self.firstRevision), revisions.indices.contains(Int(revision))
        else { return nil }
        return revision
    }

    /// The living node that a path, `id:…`, `id:…/child` or `ns:…/path` names.
    func resolve(_ address: String) throws(AccountError) -> NodeIndex {
        let path = try path(of: address)
        guard base >= 0 else { throw .lookup("not_found") }
        guard !path.isEmpty, path != "/" else { return base }
        guard !Names.isMalformed(path) else { throw .lookup("malformed_path") }
        guard let node = find(path) else { throw .lookup("not_found") }
        return node
    }

    /// The plain path that an address stands for.
    func path(of address: String) throws(AccountError) -> String {
        if address.hasPrefix("id:") {
            let parts = address.split(separator: "/", maxSplits: 1, omittingEmptySubsequences: false)
            guard let node = node(ofID: String(parts[0])), nodes.indices.contains(Int(node)),
                !nodes[Int(node)].isGone, isVisible(node), node != base
            else { throw .lookup("not_found") }
            return truePath(node) + (parts.count > 1 ? "/" + parts[1] : "")
        }
        guard address.hasPrefix("ns:") else { return address }
        let rest = address.dropFirst(3)
        let slash = rest.firstIndex(of: "/") ?? rest.endIndex
        guard let top = top(of: String(rest[..<slash])), isVisible(top) else { throw .lookup("not_found") }
        return truePath(top) + rest[slash...]
    }

    /// The folder that a namespace begins with.
    private func top(of namespace: String) -> NodeIndex? {
        if namespace == Account.namespaceID { return home }
        if namespace == settings.rootNamespace { return 0 }
        return shares[namespace]?.top
    }

    /// Whether the space shows a node.
    func isVisible(_ node: NodeIndex) -> Bool { base >= 0 && isInside(node, base) }
}
