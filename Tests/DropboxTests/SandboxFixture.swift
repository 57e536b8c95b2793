import Dropbox
import NetworkSupport
import Sandbox
import SyncModel

extension SandboxFixture {
    /// All pages since `cursor`, folded into what stands where.
    func list(since cursor: Cursor? = nil, onto old: [String: RemoteNode] = [:]) async throws -> (
        nodes: [String: RemoteNode], cursor: Cursor, pages: Int
    ) {
        var (nodes, cursor, pages, hasMore) = (old, cursor, 0, true)
        while hasMore {
            let page = try await client.changes(since: cursor)
            for change in page.changes {
                switch change {
                case .put(let key, let node, _): nodes[key.text] = node
                case .deleted(let key):
                    nodes = nodes.filter { $0.key != key.text && !$0.key.hasPrefix(key.text + "/") }
                }
            }
            (cursor, hasMore, pages) = (page.cursor, page.hasMore, pages + 1)
        }
        return (nodes, cursor ?? Cursor(""), pages)
    }

    /// Downloads a version until the bytes are the right ones, as the engine does.
    func fetch(_ version: FileVersion) async throws -> [UInt8] {
        for _ in 0..<3 {
            let sink = MemorySink()
            try await client.download(version, into: sink)
            if hash(of: sink.bytes) == version.hash { return sink.bytes }
        }
        return []
    }

    /// Every file that `nodes` holds with its content, and every folder.
    func mirror(_ nodes: [String: RemoteNode]) async throws -> [String: [UInt8]] {
        var mirror: [String: [UInt8]] = [:]
        for (path, node) in nodes {
            if case .file(_, let version) = node { mirror[path] = try await fetch(version) } else { mirror[path] = [] }
        }
        return mirror
    }

    /// What the account holds.
    func truth() throws -> [String: [UInt8]] {
        var truth: [String: [UInt8]] = [:]
        for entry in account.tree() {
            truth[entry.pathLower] = entry.isFile ? try account.content(of: entry.pathLower).load() : []
        }
        return truth
    }
}
