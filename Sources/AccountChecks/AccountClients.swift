public import Dropbox

/// How `AccountGuard` gets its clients: before it knows whose account it is, and afterwards for its parts.
public struct AccountClients: Sendable {
    /// A client that resolves paths in a root, for the mirrored folder whose `path_lower` is the second, where they are
    /// known.
    public var mirror: @Sendable (PathRoot?, String?) -> DropboxClient
    /// A client for the outbox, whose paths are resolved in a root.
    public var outbox: @Sendable (PathRoot?) -> DropboxClient

    /// Takes both ways.
    public init(
        mirror: @escaping @Sendable (PathRoot?, String?) -> DropboxClient,
        outbox: @escaping @Sendable (PathRoot?) -> DropboxClient
    ) {
        self.mirror = mirror
        self.outbox = outbox
    }
}
