/// Why the mirror is not known to equal the account, as far as the state tells.
public enum Doubt: Hashable, Sendable {
    /// It was never found to, or nobody knows when.
    case neverInStep
    /// A full listing is under way, so that what the account holds is not known.
    case listing
    /// Other patterns are in effect than what is pending was chosen by.
    case selecting
    /// Entries wait to be placed or removed.
    case pending(Int)
    /// Entries failed and are tried again.
    case failing(Int)
    /// Entries cannot be mirrored as they are.
    case parked(Int)
    /// Entries of the account could not be read.
    case unread(Int)
    /// Places of the mirror could not be looked at.
    case unproven(Int)
}

/// What the state knows that bears on whether the mirror equals the account.
public struct Evidence: Hashable, Sendable {
    /// Where dbxsync stands, times in the future forgotten.
    public var progress: Progress
    /// Whether what is pending was chosen by the patterns that are configured.
    public var isSelected: Bool
    /// What is still to be done.
    public var backlog: Backlog
    /// How many places could not be looked at.
    public var unproven: Int

    /// Gathers it.
    public init(progress: Progress, isSelected: Bool, backlog: Backlog, unproven: Int) {
        self.progress = progress
        self.isSelected = isSelected
        self.backlog = backlog
        self.unproven = unproven
    }

    /// All that keeps mirror and account from being known to have been equal at `progress.inStepAsOf`.
    ///
    /// Whether that time is recent enough, and when the disk was looked at, is for others to say.
    public var doubts: [Doubt] {
        var doubts: [Doubt] = []
        if progress.inStepAsOf == nil { doubts.append(.neverInStep) }
        if progress.isListing { doubts.append(.listing) }
        if progress.isMarking || !isSelected { doubts.append(.selecting) }
        let pending = backlog.pendingFiles + backlog.pendingFolders + backlog.pendingRemovals
        let counts: [(Int, (Int) -> Doubt)] = [
            (pending, Doubt.pending), (backlog.failing, Doubt.failing),
            (backlog.parked, Doubt.parked), (backlog.unread, Doubt.unread), (unproven, Doubt.unproven),
        ]
        return doubts + counts.filter { $0.0 > 0 }.map { $0.1($0.0) }
    }
}
