/// About how many entries a page of a listing is asked to hold.
struct PageSize {
    private(set) var entries: Int

    /// Fewer would not help: sixteen entries that take more than the memory there is are none of Dropbox's.
    private static let fewest = 16

    /// As many as the API takes.
    init(_ entries: Int) { self.entries = min(max(entries, 1), 2000) }

    /// Asks for fewer; `nil` if no fewer make sense.
    mutating func shrink() -> Int? {
        guard entries > Self.fewest else { return nil }
        entries = max(entries / 4, Self.fewest)
        return entries
    }
}
