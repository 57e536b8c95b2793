/// A place where the product can be made to fail or to "crash" in a test.
public enum FaultPoint: String, Hashable, Sendable, CaseIterable {
    /// Before a page of changes is recorded.
    case record
    /// Before intents are made durable.
    case intend
    /// After intents are durable, before the first effect.
    case intended
    /// Before each effect on the mirror.
    case effect
    /// Between looking at a place and renaming something to it.
    case rename
    /// After each effect on the mirror.
    case effectDone
    /// Before the touched folders are made durable.
    case syncFolders
    /// Before the outcomes are recorded.
    case commit
    /// After the outcomes are durable.
    case committed
}

/// Called at every fault point; throws to fail there.
///
/// The product's own does nothing.
public typealias FaultHook = @Sendable (FaultPoint) throws -> Void
