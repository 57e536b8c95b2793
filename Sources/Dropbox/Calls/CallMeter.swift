/// Is told of every attempt of every call, for counters that others read.
///
/// Calls come from any thread, are cheap and never wait.
public protocol CallMeter: Sendable {
    /// An attempt begins.
    func attemptBegan()

    /// An attempt has ended, after as many beginnings as ends.
    ///
    /// - Parameters:
    ///   - endpoint: such as `files/list_folder`.
    ///   - result: how it ended.
    func attemptEnded(_ endpoint: String, _ result: AttemptResult)

    /// An attempt has ended that waited for news: no beginning was told of, and how long it took says nothing.
    ///
    /// - Parameters:
    ///   - endpoint: such as `files/list_folder/longpoll`.
    ///   - result: how it ended.
    func waitEnded(_ endpoint: String, _ result: AttemptResult)

    /// A call is tried again.
    func retried(_ endpoint: String)
}

/// How an attempt of a call ended.
public enum AttemptResult: Hashable, Sendable {
    /// With an answer of this status.
    case answered(Int)
    /// Without a whole answer.
    case unanswered
    /// Nobody wanted the answer any more, or it could not be taken.
    case abandoned
}
