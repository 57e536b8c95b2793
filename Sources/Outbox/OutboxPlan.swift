import SyncModel

/// What is to be done about a path of the outbox; pure.
enum OutboxPlan: Hashable, Sendable {
    /// Nothing.
    case nothing
    /// Nothing before a time.
    case wait(until: Timestamp)
    /// Dropbox is asked whether an upload was made whose end is not known.
    case resolve(OutboxIntent)
    /// The file goes up, as a new one or in place of what was confirmed before.
    case upload(FileState, OutboxReceipt?)
    /// The file is removed or moved.
    case finish(OutboxReceipt)

    /// Looks at a row at a time.
    init(_ file: OutboxFile, finishes: Bool, now: Timestamp) {
        if let time = file.notBefore, time > now {
            self = .wait(until: time)
        } else {
            self.init(file, finishes: finishes)
        }
    }

    /// Looks at a row without regard to the time.
    init(_ file: OutboxFile, finishes: Bool) {
        if let intent = file.intent {
            self = .resolve(intent)
        } else if let seen = file.seen {
            if let receipt = file.receipt, receipt.of == seen {
                self = finishes ? .finish(receipt) : .nothing
            } else {
                self = .upload(seen, file.receipt)
            }
        } else {
            self = .nothing
        }
    }
}

/// What happens to a path; pure.
enum OutboxEvent: Hashable, Sendable {
    /// It has been left alone for long enough, and this stands there; `nil` for nothing.
    case settled(FileState?)
    /// It is not what it was when it had settled.
    case changing
    /// It is about to go up.
    case intended(OutboxIntent)
    /// The upload that was intended was not made.
    case notMade
    /// Dropbox has it.
    case confirmed(OutboxReceipt)
    /// What was confirmed was removed or moved.
    case finished
    /// It has to wait, and nothing is wrong with it.
    case postponed(until: Timestamp)
    /// It failed.
    case failed(OutboxFailure, now: Timestamp, jitter: Double)
}

/// Why something could not be done for a path.
struct OutboxFailure: Hashable, Sendable {
    /// What the user reads.
    var reason: String
    /// Whether Dropbox does not take it as it is.
    var isParked = false
    /// The shortest wait, in seconds.
    var least: Double = 0
    /// Whether it is certain that no file was made.
    var isCertain = false
}

extension OutboxFile {
    /// Takes note of what has happened.
    mutating func take(_ event: OutboxEvent, finishes: Bool) {
        switch event {
        case .settled(let state):
            if state != seen { clearFailure() }
            seen = state
        case .changing:
            seen = nil
            clearFailure()
        case .intended(let intent): self.intent = intent
        case .notMade: intent = nil
        case .confirmed(let receipt):
            self.receipt = receipt
            intent = nil
            clearFailure()
        case .finished:
            if seen == receipt?.of { seen = nil }
            clearFailure()
        case .postponed(let time): notBefore = time
        case .failed(let failure, let now, let jitter):
            if failure.isCertain { intent = nil }
            attempts += 1
            let delay = max(failure.least, Backoff.item.delay(failures: attempts, jitter: jitter).inSeconds)
            notBefore = now + Int64(delay.rounded(.up))
            reason = failure.reason
            isParked = failure.isParked
        }
        isOpen = OutboxPlan(self, finishes: finishes) != .nothing
        if !isOpen { clearFailure() }
    }

    private mutating func clearFailure() {
        attempts = 0
        notBefore = nil
        reason = nil
        isParked = false
    }
}
