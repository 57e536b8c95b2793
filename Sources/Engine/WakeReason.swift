/// What a wait has ended with.
enum WakeReason: Sendable {
    /// The interval is over.
    case interval
    /// Dropbox has reported a change.
    case changed
    /// Somebody has asked for a pass.
    case requested
    /// Something that failed is to be tried again.
    case retry
}
