import Dropbox
import Logging
import Store
import SyncModel
import Uploading

/// What is done about one file of the outbox, step by step, each of which `OutboxPlan` decides.
struct OutboxWork: Sendable {
    let outbox: OutboxService
    let upload: FileUpload

    /// Does all that is to be done about a file.
    ///
    /// - Returns: an error that concerns every file.
    func run(_ row: OutboxFile) async -> (any Error)? {
        do {
            var row = row
            while let next = try await step(row) { row = next }
            return nil
        } catch is CancellationError {
            return nil
        } catch {
            return await handle(error, for: row.path)
        }
    }

    /// Takes note of an error that is the file's affair.
    ///
    /// - Returns: an error that concerns every file.
    private func handle(_ error: any Error, for path: OutboxPath) async -> (any Error)? {
        do {
            switch OutboxErrorAction(error) {
            case .changed: try await look(again: path)
            case .file(let failure): try await failed(path, failure)
            case .everything, .end: return error
            }
            return nil
        } catch {
            return Task.isCancelled ? nil : error
        }
    }

    private func failed(_ path: OutboxPath, _ failure: OutboxFailure) async throws {
        let before = try await outbox.store.outboxFile(path)?.reason
        let event = OutboxEvent.failed(failure, now: outbox.now(), jitter: Double.random(in: 0..<1))
        guard try await outbox.note(path, event).reason == failure.reason, before != failure.reason else { return }
        let kind = failure.isParked ? "parked" : "failed"
        outbox.logger.log(
            level: outbox.lines.level(kind),
            "\(outbox.settings.directory)/\(path.text): not uploaded: \(failure.reason)",
            metadata: ["event": "\(kind)", "path": "\(path.text)"])
    }

    private func look(again path: OutboxPath) async throws {
        _ = try await outbox.note(path, .changing)
        outbox.watchEvents.add([.look(path)])
    }

    /// One step of a file.
    ///
    /// - Returns: the row as it is then; `nil` if nothing is to be done now.
    private func step(_ row: OutboxFile) async throws -> OutboxFile? {
        switch OutboxPlan(row, finishes: outbox.settings.finishes, now: outbox.now()) {
        case .nothing, .wait: return nil
        case .resolve(let intent): return try await resolve(row.path, intent: intent)
        case .upload(let state, let receipt):
            return try await send(row.path, state: state, receipt: receipt)
        case .finish(let receipt): return try await finish(row.path, receipt)
        }
    }

    /// An upload of which it is not known whether it was made is looked for.
    private func resolve(_ path: OutboxPath, intent: OutboxIntent) async throws -> OutboxFile {
        guard let there = try await made(intent) else { return try await outbox.note(path, .notMade) }
        return try await confirm(path, state: intent.of, file: there)
    }

    /// The file that an upload has made, if it was made.
    private func made(_ intent: OutboxIntent) async throws -> UploadedFile? {
        // If the name is free or still holds the old revision, autorename had nothing to avoid: there was no upload.
        guard let there = try await upload.look(intent.remote) else { return nil }
        if there.version.hash == intent.hash { return there }
        if let old = intent.replaces, old == there.version.rev { return nil }
        return try await upload.find(Self.commit(intent), intent.hash)
    }

    private static func commit(_ intent: OutboxIntent) -> CommitInfo {
        CommitInfo(path: intent.remote, mode: intent.replaces.map { .update($0) } ?? .add, autorename: true)
    }

    private func send(
        _ path: OutboxPath, state: FileState, receipt: OutboxReceipt?
    ) async throws -> OutboxFile? {
        let disk = try WatchedFolder(outbox.settings.directory)
        guard let file = try disk.file(path), file.state == state else { throw FileChanged() }
        let local = try LocalFile(descriptor: try file.copy(), path: "\(disk.path)/\(path.text)")
        let prepared = try await upload.prepare(local)
        // What was read is what had settled: also what somebody has written through a mapping is seen by this.
        guard file.state == state else { throw FileChanged() }
        switch try await outbox.mirror?.knows(path, state: state, hash: prepared.hash) ?? .nothing {
        case .arriving: return try await outbox.note(path, .postponed(until: outbox.now() + Self.busyPause))
        case .file(let rev, let remote):
            return try await know(path, OutboxReceipt(of: state, remote: remote, rev: rev, hash: prepared.hash, id: ""))
        case .nothing: break
        }
        if let receipt, receipt.hash == prepared.hash, let known = try await same(receipt, state: state) {
            return try await know(path, known)
        }
        let mirrored = try await outbox.mirror?.base(of: path)
        let intent = OutboxIntent(
            of: state, remote: mirrored?.remote ?? receipt?.remote ?? outbox.settings.remote(path), hash: prepared.hash,
            replaces: mirrored?.rev ?? receipt?.rev)
        _ = try await outbox.note(path, .intended(intent))
        try outbox.hook(.intended)
        let made: FileUpload.Outcome
        do {
            made = try await upload.put(prepared, as: Self.commit(intent))
        } catch let error as FileChanged {
            _ = try await outbox.note(path, .notMade)
            throw error
        }
        try outbox.hook(.sent)
        return try await confirm(path, state: state, file: made.file)
    }

    /// A receipt for a file whose content was confirmed before, if the account still has it.
    private func same(_ receipt: OutboxReceipt, state: FileState) async throws -> OutboxReceipt? {
        var known = receipt
        known.of = state
        if receipt.of.isSameButForRename(as: state) { return known }
        guard let there = try await upload.look(receipt.remote), there.version.hash == receipt.hash else { return nil }
        known.rev = there.version.rev
        return known
    }

    private func confirm(_ path: OutboxPath, state: FileState, file: UploadedFile) async throws -> OutboxFile {
        // Before it is written down: after a crash it is found again, and told again.
        try await outbox.mirror?.uploaded(path, state: state, file: file)
        let row = try await outbox.note(path, .confirmed(OutboxReceipt(state, file)))
        outbox.logger.log(
            level: outbox.lines.uploaded,
            "\(outbox.settings.directory)/\(path.text): uploaded to \(file.path)",
            metadata: [
                "event": "uploaded", "path": "\(path.text)", "bytes": "\(file.version.size)",
                "rev": "\(file.version.rev.text)",
            ])
        try outbox.hook(.confirmed)
        return row
    }

    /// Takes note that the account has the content already.
    private func know(_ path: OutboxPath, _ receipt: OutboxReceipt) async throws -> OutboxFile {
        outbox.logger.debug(
            "its content is in the account already", metadata: ["event": "unchanged", "path": "\(path.text)"])
        return try await outbox.note(path, .confirmed(receipt))
    }

    /// How long a file is left alone that somebody has open for writing, in seconds.
    private static let busyPause: Int64 = 5

    private func finish(_ path: OutboxPath, _ receipt: OutboxReceipt) async throws -> OutboxFile? {
        let disk = try WatchedFolder(outbox.settings.directory)
        let action = PostUploadAction(folder: disk, after: outbox.settings.after, hook: outbox.hook)
        switch try action.perform(path, receipt) {
        case .changed: throw FileChanged()
        case .busy: return try await outbox.note(path, .postponed(until: outbox.now() + Self.busyPause))
        case .done:
            try outbox.hook(.disposed)
            return try await outbox.note(path, .finished)
        }
    }
}

extension OutboxReceipt {
    fileprivate init(_ of: FileState, _ file: UploadedFile) {
        self.init(of: of, remote: file.path, rev: file.version.rev, hash: file.version.hash, id: file.id)
    }
}
