import Dropbox
import Logging
import SyncModel
import Transport

/// The upload of one large file by a session.
struct SessionUpload: Sendable {
    /// How often it begins anew because the session is of no use any more.
    private static let sessions = 3
    /// How often a piece is sent again that arrived damaged.
    private static let damages = 3

    private let upload: FileUpload
    private let file: LocalFile
    private let commit: CommitInfo
    private let key: SessionJournal.Key
    private let digests: Digests

    init(_ upload: FileUpload, digests: Digests, commit: CommitInfo) {
        self.upload = upload
        self.file = digests.file
        self.commit = commit
        key = SessionJournal.Key(
            path: file.path, identity: file.identity, remote: commit.path, server: upload.server)
        self.digests = digests
    }

    /// The file in the account, if it has these very bytes already; asked before anything is sent.
    func identical() async throws -> UploadedFile? {
        guard let there = try await upload.look(commit.path), there.version.size == file.size else { return nil }
        guard try there.version.hash == wholeHash() else { return nil }
        upload.journal.remove(key)
        return there
    }

    /// Sends what is missing and makes the file.
    func run() async throws -> UploadedFile {
        let before = upload.meter.now
        for _ in 1..<Self.sessions {
            do {
                return try await once()
            } catch let error as DropboxError where error.meansNewSession {
                upload.journal.remove(key)
                upload.meter.add(before - upload.meter.now)
                // The process that was killed may have come further than its notes.
                if let there = try await upload.find(commit, try wholeHash()) { return there }
                upload.logger.info(
                    "an upload cannot be continued and begins anew",
                    metadata: ["path": "\(file.path)", "error": "\(error)"])
            }
        }
        return try await once()
    }

    private func once() async throws -> UploadedFile {
        var entry = try await begun()
        upload.meter.add((0..<entry.pieces.count).reduce(Int64(0)) { $0 + (entry.done.contains($1) ? length($1) : 0) })
        do {
            switch entry.session.kind {
            case .sequential: try await sendInOrder(&entry)
            case .concurrent: try await sendAtOnce(&entry)
            }
            try file.checkUnchanged()
        } catch let error as FileChanged {
            upload.journal.remove(key)
            throw error
        }
        let hash = try wholeHash()
        let done = try await upload.finish(SessionFinish(entry.session, size: file.size, commit: commit), hash)
        upload.journal.remove(key)
        try upload.check(done, hash: hash, size: file.size)
        return done
    }

    /// The session that another process has begun, or a new one.
    private func begun() async throws -> SessionJournal.Entry {
        if let entry = upload.journal.load(key) { return entry }
        let kind: UploadSession.Kind = file.size <= FileUpload.inOrderLimit ? .sequential : .concurrent
        let entry = SessionJournal.Entry(
            session: try await upload.uploader.start(kind), pieces: Pieces(total: file.size))
        upload.journal.save(entry, key)
        return entry
    }

    private func length(_ index: Int) -> Int64 { Int64(digests.pieces.range(index).count) }

    /// The hash of all bytes, of which most digests are known from sending.
    private func wholeHash() throws -> ContentHash { try digests.whole() }

    // MARK: At once

    /// Sends pieces in parallel; the last one closes the session, and goes when all others are there.
    private func sendAtOnce(_ entry: inout SessionJournal.Entry) async throws {
        let last = entry.pieces.count - 1
        let session = entry.session
        var known = entry
        var concurrency = UploadConcurrency(afterInterruption: !entry.done.isEmpty)
        var waiting = (0..<last).filter { !known.done.contains($0) }.makeIterator()
        try await withThrowingTaskGroup(of: Sent.self) { group in
            var running = 0
            while true {
                while running < concurrency.count, let next = waiting.next() {
                    group.addTask { try await send(next, to: session) }
                    running += 1
                }
                guard let sent = try await group.next() else { break }
                running -= 1
                known.done.insert(sent.index)
                upload.journal.save(known, key)
                concurrency.arrived(bytes: length(sent.index), attempts: sent.attempts)
            }
        }
        if !known.done.contains(last) {
            known.done.insert(try await send(last, to: session, close: true).index)
            upload.journal.save(known, key)
        }
        entry = known
    }

    /// A piece that has arrived.
    private struct Sent: Sendable {
        var index: Int
        var attempts: Int
    }

    private func send(_ index: Int, to session: UploadSession, close: Bool = false) async throws -> Sent {
        let hash = ContentHash(blocks: try digests.of(index))
        let attempts = try await send(digests.pieces.range(index), hash, to: session, close: close)
        return Sent(index: index, attempts: attempts)
    }

    /// Sends a part of the file, and again when it arrives damaged; says how often it was sent.
    private func send(
        _ range: Range<Int64>, _ hash: ContentHash, to session: UploadSession, close: Bool
    ) async throws -> Int {
        let ahead = ReadAhead(FileRange(descriptor: file.descriptor, range: range))
        async let _: Void = ahead.run()  // it is cancelled when this function returns
        let source = MeteredSource(ahead, upload.meter)
        var damages = 0
        while true {
            do {
                let part = UploadPart(.source(source), hash: hash)
                try await upload.uploader.append(part, to: session, at: range.lowerBound, close: close)
                return source.attempts
            } catch let error as DropboxError {
                switch error.uploadRefusal {
                case .sessionClosed:
                    // It is closed only when everything else is there: this, too, and only its answer was lost.
                    return source.attempts
                case .contentHashMismatch:
                    try file.checkUnchanged()
                    damages += 1
                    guard damages < Self.damages else { throw error }
                default:
                    source.takeBack()
                    try file.checkUnchanged()
                    throw error
                }
            }
        }
    }

    // MARK: In order

    /// Sends one piece after the other; where the server stands somewhere else, goes on from there.
    private func sendInOrder(_ entry: inout SessionJournal.Entry) async throws {
        let size = entry.pieces.size
        var offset = min(Int64(entry.done.prefix) * size, file.size)
        var corrections = 0
        while offset < file.size {
            let end = min((offset / size + 1) * size, file.size)
            do {
                _ = try await send(offset..<end, try hash(of: offset..<end), to: entry.session, close: false)
                offset = end
            } catch let error as DropboxError {
                guard case .incorrectOffset(let correct) = error.uploadRefusal, correct <= file.size,
                    corrections < entry.pieces.count + 3
                else { throw error }
                corrections += 1
                upload.meter.add(correct - offset)
                offset = correct
            }
            let isWhole = offset == file.size
            entry.done = PieceSet(prefix: isWhole ? entry.pieces.count : Int(offset / size), beyond: [])
            upload.journal.save(entry, key)
        }
    }

    /// The hash of a part that may begin anywhere; blocks are counted from its beginning.
    private func hash(of range: Range<Int64>) throws -> ContentHash {
        try ContentHash(blocks: file.digests(of: range))
    }
}

extension DropboxError {
    /// Whether the session is of no use any more.
    fileprivate var meansNewSession: Bool {
        switch uploadRefusal {
        case .sessionNotFound, .sessionUnusable, .sessionClosed, .incorrectOffset: true
        default: false
        }
    }
}
