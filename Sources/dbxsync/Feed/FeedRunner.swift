import Configuration
import Dropbox
import FileSystem
import Logging
import Store
import SyncModel

/// Runs the command of an `[on_change.NAME]` for each settled batch, one at a time and in order.
struct FeedRunner {
    let name: String
    let settings: OnChangeSettings
    /// The state file.
    let file: String
    /// Where it is kept how far the command is.
    let place: String
    /// The environment of the command.
    let environment: [String: String]
    /// An open file that the command inherits: as long as it is open nobody else runs a command of this name.
    let lock: Int32
    let notifier: SystemdNotifier
    let logger: Logger

    /// Between two looks at the state file.
    private static let pause = Duration.seconds(1)
    /// Between two tries with the same batch.
    private static let retries = Backoff(first: .seconds(1), longest: .seconds(300))

    /// Runs until it is cancelled.
    ///
    /// - Parameter start: where the command stands.
    /// - Throws: `Failure` or `StoreError` if time does not cure it.
    func run(from start: FeedPosition) async throws {
        var position = start
        if position.upto != nil {
            logger.notice("the batch that was begun is done again", metadata: ["event": "command_resumed"])
        }
        while !Task.isCancelled {
            if position.upto == nil { position = try await nextBatch(after: position) }
            if Task.isCancelled { return }
            position = try await deliver(position)
        }
    }

    // MARK: Waiting

    /// Waits for a batch that has settled and has something in it for the command.
    ///
    /// - Returns: the position with that batch, which is kept.
    private func nextBatch(after start: FeedPosition) async throws -> FeedPosition {
        var (position, settling, watch) = (start, Settling(settle: settings.settle), StateWatch(file))
        var marks: HistoryMarks?
        while !Task.isCancelled {
            if watch.isDue(now: .now) {
                marks = try await reading { try await $0.historyMarks() }
                if marks == nil { watch.forget() }
            }
            if let marks {
                position.after = follow(marks, position.after)
                if let end = settling.look(marks, after: position.after, now: .now) {
                    if try await isWanted(after: position.after, upTo: end) {
                        position.upto = end
                        try position.write(place)
                        return position
                    }
                    position.after = end
                    try position.write(place)
                }
            }
            notifier.status("waits for changes; done up to row \(position.after)")
            try? await Task.sleep(for: settling.isWaiting ? min(Self.pause, settings.settle) : Self.pause)
        }
        return position
    }

    /// The same number, or the one to go on after when the history was made anew and counts from lower numbers.
    private func follow(_ marks: HistoryMarks, _ after: Int64) -> Int64 {
        guard marks.last < after else { return after }
        logger.warning(
            """
            the history ends with row \(marks.last), before row \(after), up to which the command was done: it goes on \
            with all that is there
            """, metadata: ["event": "history_replaced"])
        return marks.first.map { $0 - 1 } ?? marks.last
    }

    private func isWanted(after: Int64, upTo end: Int64) async throws -> Bool {
        var query = query(after: after, upTo: end)
        query.limit = 1
        return try await reading { [query] in try await !$0.history(query).isEmpty } ?? false
    }

    private func query(after: Int64, upTo end: Int64) -> HistoryQuery {
        var query = HistoryQuery()
        query.after = after
        query.upTo = end
        if settings.events.count < ChangeKind.allCases.count { query.kinds = settings.events }
        return query
    }

    /// Reads from the state file, as soon as that is possible.
    private func reading<T: Sendable>(_ work: @Sendable (StateStore) async throws -> T) async throws -> T? {
        var failures = 0
        while true {
            do {
                return try await StateStore.look(at: file, work)
            } catch let error as StoreError {
                guard ![.foreign, .fromTheFuture].contains(error.code) else { throw error }
                failures += 1
                if failures == 1 {
                    logger.warning("\(error); it is tried again", metadata: ["event": "history_unread"])
                }
                notifier.status("cannot read the history: \(error)")
                try? await Task.sleep(for: Self.retries.limit(failures: failures))
                if Task.isCancelled { return nil }
            }
        }
    }

    // MARK: The command

    /// Hands over a batch until the command has taken it.
    ///
    /// - Returns: the position after that, which is kept; the same if it was cancelled.
    private func deliver(_ position: FeedPosition) async throws -> FeedPosition {
        guard let end = position.upto else { return position }
        var (failures, warned) = (0, Int64(0))
        while true {
            if let lost = try await dropped(position), lost.upperBound > warned {
                warned = lost.upperBound
                logger.warning(
                    """
                    rows \(lost.lowerBound) to \(min(end, lost.upperBound)) were dropped before the command has got \
                    them (history.keep, history.rows): it goes on with what there is
                    """,
                    metadata: ["event": "changes_dropped"])
            }
            notifier.status("runs the command for rows \(position.after + 1) to \(end)")
            let attempt = await attempt(query(after: position.after, upTo: end))
            if attempt.isDone {
                logger.info(
                    "the command has taken \(attempt.rows) changes, up to row \(end)",
                    metadata: ["event": "command_done"])
                let done = FeedPosition(after: end)
                try done.write(place)
                return done
            }
            if Task.isCancelled { return position }
            failures += 1
            let delay = Self.retries.limit(failures: failures)
            let why = "\(attempt.why); again with the same changes in \(delay.components.seconds) s"
            logger.warning("\(settings.command[0]): \(why)", metadata: ["event": "command_failed"])
            notifier.status(why)
            try? await Task.sleep(for: delay)
            if Task.isCancelled { return position }
        }
    }

    private func dropped(_ position: FeedPosition) async throws -> ClosedRange<Int64>? {
        try await reading { try await $0.historyMarks() }?.dropped(after: position.after)
    }

    /// What became of a run of the command.
    private struct Attempt {
        var rows = 0
        var isDone = false
        var why = ""
    }

    private func attempt(_ query: HistoryQuery) async -> Attempt {
        let child: ChildProcess
        do {
            child = try ChildProcess.start(settings.command, environment: environment, lock: lock)
        } catch {
            return Attempt(why: "cannot be started: \(error)")
        }
        return await withTaskCancellationHandler {
            async let ending = child.ending()
            var attempt = Attempt()
            do {
                attempt.rows = try await feed(query, to: child)
            } catch {
                // It must not take the end of its input for that of the batch.
                child.stop()
                attempt.why = "was stopped, because the history could not be read: \(error)"
                _ = await ending
                return attempt
            }
            child.closeInput()
            let how = await ending
            attempt.isDone = how == .exited(0)
            attempt.why = "ended with \(how)"
            return attempt
        } onCancel: {
            child.stop()
        }
    }

    /// Writes the batch to the command's standard input.
    ///
    /// - Returns: how many rows there are, as far as the command has read them.
    private func feed(_ query: HistoryQuery, to child: ChildProcess) async throws -> Int {
        var pages = HistoryPages(file, query)
        var count = 0
        while true {
            guard let rows = try await pages.next() else {
                throw StoreError(code: .missing, message: "there is no state file \(file)")
            }
            if rows.isEmpty { return count }
            count += rows.count
            var text = ""
            for row in rows { text += HistoryText.json(row) + "\n" }
            guard await child.write(text) else { return count }
        }
    }
}
