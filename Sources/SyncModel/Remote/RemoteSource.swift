/// The port to the remote: all that the engine knows of it.
///
/// Every method throws errors that are `Classified`; requests are retried below this port, items and passes above it.
public protocol RemoteSource: Sendable {
    /// One page of changes since `cursor`; `nil` starts a full recursive listing.
    ///
    /// Never called twice at a time: the API answers that with 429 (files.stone).
    func changes(since cursor: Cursor?) async throws -> ChangePage

    /// A cursor since which `changes(since:)` tells what changes from now on; nothing of what stands there by now.
    ///
    /// - Returns: `nil` from a remote that cannot be listed in parts.
    func latestCursor() async throws -> Cursor?

    /// The next page of a part of a listing.
    ///
    /// Parts are asked for side by side, each by one caller at a time. What changes while they are listed is in them or
    /// not: `changes(since:)`, from a cursor that is older than all of them, puts it right.
    ///
    /// - Returns: `nil` if the folder, not being the mirrored one, is not there any more.
    func list(_ part: ListingPart) async throws -> ChangePage?

    /// Waits until something may have changed since `cursor`, at most about `limit`, and says whether it did.
    ///
    /// A server that asks for a pause before the next call is obeyed inside, before the next call.
    func awaitChange(after cursor: Cursor, for limit: Duration) async throws -> Bool

    /// Writes the bytes of exactly this revision to `sink`, beginning at `sink.offset`.
    ///
    /// Returns when the server's body has ended as announced; verifying is the sink's owner's affair.
    func download(_ version: FileVersion, into sink: any ByteSink) async throws

    /// Writes a part of the bytes of exactly this revision to `sink`: from `sink.offset` up to `end`, over a connection
    /// that other parts do not share.
    ///
    /// A server that sends the whole instead of the part makes it call `sink.restart`, whose error comes out.
    func downloadSegment(_ version: FileVersion, upTo end: Int64, into sink: any ByteSink) async throws

    /// Writes a folder with everything below it to `sink`, as one zip that begins at its beginning.
    ///
    /// Tried once and never continued: whatever ends it is thrown, and what has come by then may be of use.
    func downloadZip(of folder: RemoteKey, into sink: any ByteSink) async throws

    /// Has an online document exported and writes the bytes to `sink`, which is restarted with each try.
    ///
    /// - Returns: what the server says of these bytes.
    func export(_ file: ExportedFile, into sink: any ByteSink) async throws -> ExportAnswer

    /// The revision that stands at a key now; `nil` if none does.
    func revision(at key: RemoteKey) async throws -> Rev?
}

/// What the server says of the bytes of an export; everything may be missing.
public struct ExportAnswer: Hashable, Sendable {
    /// Bytes.
    public var size: Int64?
    /// What they hash to.
    public var hash: ContentHash?
    /// The revision of the document that they are of.
    public var rev: Rev?

    /// Creates an answer.
    public init(size: Int64? = nil, hash: ContentHash? = nil, rev: Rev? = nil) {
        self.size = size
        self.hash = hash
        self.rev = rev
    }
}

extension RemoteSource {
    /// None: the account is listed as a whole.
    public func latestCursor() async throws -> Cursor? { nil }

    /// Nothing: without `latestCursor` nobody asks.
    public func list(_ part: ListingPart) async throws -> ChangePage? { nil }
}

/// Receives a body in order, on one thread at a time.
///
/// Owns offset and hash together, so that they cannot part.
public protocol ByteSink: AnyObject, Sendable {
    /// The number of bytes received so far: where a download continues.
    var offset: Int64 { get }

    /// Whether there may be no room at times: such a body has a connection of its own, which is all that it holds up.
    var mayBeFull: Bool { get }

    /// Whether `write` can take the next `count` bytes without waiting, be it to throw what has gone wrong meanwhile.
    ///
    /// If not, `resume` is called once, by any thread, when it makes sense to ask again; until then nothing is written.
    func hasRoom(for count: Int, orCall resume: @escaping @Sendable () -> Void) -> Bool

    /// Takes the next bytes. An error ends the transfer and comes out of `download` as it is.
    func write(_ bytes: UnsafeRawBufferPointer) throws

    /// Forgets all bytes: the server sends the content from its beginning.
    func restart() throws
}

extension ByteSink {
    /// Never: for sinks in memory.
    public var mayBeFull: Bool { false }

    /// Always, likewise.
    public func hasRoom(for count: Int, orCall resume: @escaping @Sendable () -> Void) -> Bool { true }
}
