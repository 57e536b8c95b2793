/// What the state knows that bears on whether the mirror equals the account.
public struct SyncSnapshot: Hashable, Sendable {
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

    /// Whether nothing in the state contradicts that mirror and account were equal at `progress.inStepAsOf`.
    ///
    /// Whether that time is recent enough, and when the disk was looked at, is for others to say.
    public var isInStep: Bool {
        progress.inStepAsOf != nil && progress.isComplete && !progress.isMarking && isSelected && backlog.isEmpty
            && unproven == 0
    }
}

extension Backlog {
    /// Whether nothing differs but what is accepted.
    fileprivate var isEmpty: Bool {
        pendingFiles + pendingFolders + pendingRemovals + failing + parked + unread + held == 0
    }
}
