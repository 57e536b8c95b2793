import Concurrency
import Dropbox
import Logging
import Store
import SyncModel
import Uploading

/// Works on due outbox rows: uploads, looks up unfinished uploads, finishes; several at a time (`OutboxWork`).
struct OutboxUploader: Sendable {
    let outbox: OutboxService

    private enum Event: Sendable {
        case signalled
        case done(OutboxPath, (any Error)?)
    }

    /// Works until the task is cancelled.
    ///
    /// - Throws: errors that time cannot cure.
    func run() async throws {
        var upload: FileUpload?
        var running: Set<OutboxPath> = []
        var pause = UploadPause()
        try await withThrowingTaskGroup(of: Event.self) { group in
            defer { group.cancelAll() }
            try await listen(&group, pause)
            while !Task.isCancelled {
                let next = try await due(beside: running, &pause)
                if !next.isEmpty, upload == nil { upload = try await connect(&pause) }
                if let upload {
                    for row in next {
                        running.insert(row.path)
                        group.addTask { .done(row.path, await OutboxWork(outbox: outbox, upload: upload).run(row)) }
                    }
                }
                switch try await group.next() {
                case .signalled: try await listen(&group, pause)
                case .done(let path, let error):
                    running.remove(path)
                    if let error { try hold(error, &pause) } else { recovered(&pause) }
                    outbox.signal.notify()  // what is due next may be another time
                case nil: return
                }
            }
        }
    }

    /// Due files that fit into the free upload slots.
    private func due(beside running: Set<OutboxPath>, _ pause: inout UploadPause) async throws -> [OutboxFile] {
        let concurrency = outbox.settings.concurrency
        guard running.count < concurrency, pause.end(after: .now) == nil else { return [] }
        do {
            // At most `running.count` of these rows are running, so enough remain.
            let rows = try await outbox.store.dueInOutbox(now: outbox.now(), limit: concurrency)
            return Array(rows.filter { !running.contains($0.path) }.prefix(concurrency - running.count))
        } catch {
            try hold(error, &pause)
            outbox.signal.notify()
            return []
        }
    }

    // MARK: Waiting

    /// Waits for work beside what runs.
    private func listen(_ group: inout ThrowingTaskGroup<Event, any Error>, _ pause: UploadPause) async throws {
        let now = outbox.now()
        var end = ContinuousClock.now + .seconds(600)
        if let next = try await nextTry(after: now) { end = min(end, .now + .seconds(next.seconds(since: now))) }
        if let over = pause.end(after: .now) { end = min(end, over) }
        group.addTask { [signal = outbox.signal, end] in
            await signal.wait(until: end)
            return .signalled
        }
    }

    private func nextTry(after now: Timestamp) async throws -> Timestamp? {
        do {
            return try await outbox.store.nextInOutbox(after: now)
        } catch  where OutboxErrorAction(error) != .end {
            try Task.checkCancellation()
            return now + Backoff.everything.first.components.seconds
        }
    }

    private func connect(_ pause: inout UploadPause) async throws -> FileUpload? {
        do {
            return try await outbox.connect()
        } catch {
            try hold(error, &pause)
            outbox.signal.notify()
            return nil
        }
    }

    /// Pauses after an error that concerns every file.
    private func hold(_ error: any Error, _ pause: inout UploadPause) throws {
        try Task.checkCancellation()
        if OutboxErrorAction(error) == .end { throw error }
        guard pause.begin(at: .now, jitter: .random(in: 0...1)) else { return }
        outbox.logger.log(
            level: pause.failures == 1 ? .warning : .debug,
            "nothing can be uploaded from the outbox now, it is tried again by itself: \(error)",
            metadata: ["event": "outbox_waits"])
    }

    private func recovered(_ pause: inout UploadPause) {
        if pause.failures > 0 {
            outbox.logger.notice("files of the outbox are uploaded again", metadata: ["event": "outbox_goes_on"])
        }
        pause = UploadPause()
    }
}

/// Ends the outbox as a crash would; thrown by tests.
struct OutboxStop: Classified {
    var disposition: Disposition { .fatal }
}
