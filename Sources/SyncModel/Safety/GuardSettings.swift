/// From when on removals and replacements are held until somebody approves them.
public struct GuardSettings: Hashable, Sendable {
    /// Removals that are let through in a window, more are held; `nil`: any number.
    public var removals: Int?
    /// Percent of the mirror's files that may be removed in a window, more are held; `nil`: any share.
    public var sharePercent: Double?
    /// Replacements of files that are let through in a window, more are held; `nil`: any number.
    public var overwrites: Int?
    /// The window: the sliding time over which is counted.
    public var window: Duration
    /// How long something is held until it is let through without approval; `nil`: for ever.
    public var releaseAfter: Duration?

    /// Makes settings.
    public init(
        removals: Int? = 1000, sharePercent: Double? = 20, overwrites: Int? = nil, window: Duration = .seconds(3600),
        releaseAfter: Duration? = nil
    ) {
        self.removals = removals
        self.sharePercent = sharePercent
        self.overwrites = overwrites
        self.window = window
        self.releaseAfter = releaseAfter
    }

    /// Whether removals are counted at all.
    public var countsRemovals: Bool { removals != nil || (sharePercent ?? 100) < 100 }
}
