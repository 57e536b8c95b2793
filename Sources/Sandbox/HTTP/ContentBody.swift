internal import FlyingFox
internal import FlyingSocks

/// How the bytes of an answer go out.
struct Delivery: Sendable {
    /// What happens to the connection after so many bytes of the body.
    enum End: Sendable {
        /// It is closed.
        case closed
        /// It is reset.
        case reset
        /// It stays open for so long, without another byte, and is closed then.
        case stalled(Duration)
    }

    /// Bytes per second; 0 for no limit.
    var rate = 0
    /// After how many bytes it ends before its time.
    var end: (after: Int64, how: End)?
    /// Which bytes arrive with all their bits turned.
    var corrupted: [Int64] = []
}

/// The body of an answer: made piece by piece while it is being sent, so that no file ever stands in memory.
struct ContentBody: AsyncBufferedSequence {
    typealias Element = UInt8

    let content: Content
    let range: Range<Int64>
    let delivery: Delivery
    let exchange: Exchange

    static let pieceSize = 1 << 18

    func makeAsyncIterator() -> Iterator { Iterator(body: self, sent: 0, start: .now) }

    struct Iterator: AsyncBufferedIteratorProtocol {
        let body: ContentBody
        var sent: Int64
        let start: ContinuousClock.Instant

        mutating func next() async throws -> UInt8? { try await piece(atMost: 1)?.first }

        mutating func nextBuffer(suggested count: Int) async throws -> [UInt8]? { try await piece(atMost: count) }

        private mutating func piece(atMost count: Int) async throws -> [UInt8]? {
            let delivery = body.delivery
            if let end = delivery.end, sent >= end.after { try await finish(end.how) }
            var want = Swift.min(Int64(count), Int64(body.range.count) - sent)
            guard want > 0 else { return nil }
            if let end = delivery.end { want = Swift.min(want, end.after - sent) }
            if delivery.rate > 0 {
                want = Swift.min(want, Swift.max(1, Int64(delivery.rate) / 20))
                try await ContinuousClock().sleep(
                    until: start + .seconds(Double(sent + want) / Double(delivery.rate)), tolerance: .milliseconds(1))
            }
            let piece = read(Int(want))
            guard !piece.isEmpty else { throw SocketError.disconnected }
            sent += Int64(piece.count)
            body.exchange.count(piece.count)
            return piece
        }

        private func read(_ want: Int) -> [UInt8] {
            let offset = body.range.lowerBound + sent
            var piece = [UInt8](unsafeUninitializedCapacity: want) { buffer, count in
                count = body.content.read(at: offset, into: UnsafeMutableRawBufferPointer(buffer))
            }
            for place in body.delivery.corrupted where place >= sent && place < sent + Int64(piece.count) {
                piece[Int(place - sent)] ^= 0xFF
            }
            return piece
        }

        private func finish(_ end: Delivery.End) async throws {
            switch end {
            case .closed: break
            case .reset: body.exchange.reset()
            case .stalled(let time): try await ContinuousClock().sleep(for: time)
            }
            throw SocketError.disconnected
        }
    }
}
