import GRDB
public import SyncModel

/// What stands in the mirror under a key, in short.
public struct Standing: Hashable, Sendable {
    /// What stands as recorded; `nil` if nothing.
    public var node: LocalNode?
    /// What is wanted as recorded; `nil` if nothing.
    public var want: RemoteNode?
    /// Why it failed, or cannot be done; `nil` if nothing is to be done, or was not tried.
    public var reason: String?
    /// Whether it cannot be done as it is, rather than having failed.
    public var isParked: Bool

    /// Creates a value.
    public init(
        node: LocalNode? = nil, want: RemoteNode? = nil, reason: String? = nil, isParked: Bool = false
    ) {
        self.node = node
        self.want = want
        self.reason = reason
        self.isParked = isParked
    }
}

extension StateStore {
    /// What stands under keys, in their order.
    ///
    /// - Throws: `StoreError` if the state file cannot be read.
    public func standing(at keys: [RemoteKey]) async throws -> [Standing] {
        try await read { db in
            let statement = try db.cachedStatement(
                sql: """
                    SELECT \(Rows.haveColumns), p.reason, p.parked, \(Rows.wantColumns) FROM (SELECT ? AS key) k
                    LEFT JOIN have h ON h.key = k.key LEFT JOIN pending p ON p.key = k.key
                    LEFT JOIN want w ON w.key = k.key
                    """)
            return try keys.map { key in
                guard let row = try Row.fetchOne(statement, arguments: [key.text]) else { return Standing() }
                return Standing(
                    node: try Rows.have(row, at: 0), want: try Rows.want(row, at: 10), reason: row[8],
                    isParked: row[9] ?? false)
            }
        }
    }
}
