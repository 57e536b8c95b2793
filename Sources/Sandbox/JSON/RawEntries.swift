import Synchronization

/// Entries of listings that come as somebody wrote them, whatever the API promises.
public final class RawEntries: Sendable {
    private struct State {
        var replaced: [String: [UInt8]] = [:]
        var added: [[UInt8]] = []
        var news: [[UInt8]] = []
        /// The news that came behind a cursor: whoever asks with it again gets the same.
        var told: [String: [[UInt8]]] = [:]
    }

    private let state = Mutex(State())

    /// Sends these bytes for the entry of a path in lower case, until told otherwise; `nil` for what it is.
    public func replace(_ path: String, with bytes: [UInt8]?) { state.withLock { $0.replaced[path] = bytes } }

    /// Adds an entry to the next page of all, and to the first one of each listing from then on.
    public func add(_ bytes: [UInt8]) {
        state.withLock { state in
            state.added.append(bytes)
            state.news.append(bytes)
        }
    }

    /// Sends entries as they are again.
    public func clear() { state.withLock { $0 = State() } }

    /// The entries of a page, as bytes; `nil` if they are as the API promises.
    ///
    /// - Parameter cursor: what the page was asked for with; `nil` for the first one of a listing.
    func entries(of page: Page, since cursor: String?, _ metadata: MetadataJSON) -> [[UInt8]]? {
        state.withLock { state in
            if let cursor, !state.news.isEmpty { state.told[cursor] = state.news }
            state.news = []
            let added = cursor.map { state.told[$0] ?? [] } ?? state.added
            guard !added.isEmpty || page.entries.contains(where: { state.replaced[$0.pathLower] != nil }) else {
                return nil
            }
            return page.entries.map { state.replaced[$0.pathLower] ?? metadata.entry($0).bytes() } + added
        }
    }
}
