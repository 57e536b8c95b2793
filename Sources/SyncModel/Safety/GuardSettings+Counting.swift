extension GuardSettings {
    /// Whether removals are counted at all.
    public var countsRemovals: Bool { removals != nil || (sharePercent ?? 100) < 100 }
}
