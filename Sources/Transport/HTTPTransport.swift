/// Sends HTTP requests.
///
/// `CurlTransport` is the real one; tests script their own.
public protocol HTTPTransport: Sendable {
    /// Sends `request` once and returns the answer, whatever its status is.
    ///
    /// The body of a 200 or 206 goes to `sink`, if there is one; any other body, and every body without a sink, is in
    /// the response. Throws `TransportError`, `CancellationError`, or the sink's own error as it is.
    func send(_ request: HTTPRequest, sink: (any BodySink)?) async throws -> HTTPResponse
}

extension HTTPTransport {
    /// Sends `request` and collects the body of the answer in memory.
    public func send(_ request: HTTPRequest) async throws -> HTTPResponse {
        try await send(request, sink: nil)
    }
}

/// Receives the body of a 200 or 206 as it arrives, on the transport's thread, one call at a time.
///
/// That thread serves all other requests, too: no call may wait.
public protocol BodySink: AnyObject, Sendable {
    /// Sees status and headers once, before the first byte. An error ends the transfer and comes out of `send` as it is.
    func begin(_ head: HTTPResponse) throws

    /// Whether `write` can take the next `count` bytes now, be it to throw what has gone wrong meanwhile.
    ///
    /// If not, this transfer alone is paused, and `resume` is to be called once when there is room, from any thread. A
    /// transfer that has ended meanwhile does not mind.
    func hasRoom(for count: Int, orCall resume: @escaping @Sendable () -> Void) -> Bool

    /// Takes the next bytes, which are valid during the call only. An error ends the transfer as in `begin`.
    func write(_ bytes: UnsafeRawBufferPointer) throws
}
