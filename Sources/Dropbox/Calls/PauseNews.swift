/// What others who work for the same account, such as other daemons of this machine, are told of pauses, and tell.
///
/// Calls come from any thread, before each request: they are cheap and never wait.
public protocol PauseNews: Sendable {
    /// How long Dropbox wants no requests from now on, if somebody was told so and this was not said before.
    func heard() -> Duration?

    /// Tells the others for how long Dropbox wants no requests.
    func tell(_ pause: Duration)
}

/// Whom Dropbox has told that it wants no requests.
public enum PauseOrigin: Hashable, Sendable {
    /// Us, in an answer.
    case answer
    /// Others with the same account, who have told us.
    case others
}
