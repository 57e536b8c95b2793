internal import Synchronization

/// How the bytes of an answer go out.
struct Delivery: Sendable {
    /// What happens to the connection before its time.
    enum End: Sendable {
        /// It is closed.
        case closed
        /// It is reset.
        case reset
        /// It stays open for so long, without another byte, and is closed then.
        case stalled(Duration)
    }

    /// Bytes of the body per second; 0 for no limit.
    var rate = 0
    /// After how many bytes of the body it ends; before the headers for -1.
    var end: (after: Int64, how: End)?
    /// Which bytes of the body arrive with all their bits turned.
    var corrupted: [Int64] = []
    /// So many bytes more stand in `Content-Length` than come.
    var lie: Int64 = 0
}

/// An answer ready to go out.
///
/// Its body is made piece by piece, so that no file ever stands in memory.
struct Reply: Sendable {
    var status: Int
    var headers: [(name: String, value: String)]
    var content: Content
    var range: Range<Int64>
    /// Goes out instead of `content`.
    var archive: ZipArchive?
    /// How the client learns where the body ends.
    var end = BodyEnd.length
    var delivery = Delivery()

    private static let pieceSize: Int64 = 1 << 18

    /// The number of bytes of the body.
    var size: Int64 { archive?.size ?? Int64(range.count) }

    /// Writes the answer; throws when the connection cannot be used after it.
    ///
    /// - Parameters:
    ///   - connection: Where to.
    ///   - keepsConnection: Whether the client wants to go on with the connection.
    ///   - onPiece: Called with the number of bytes of each piece of the body before it is written.
    func send(over connection: Connection, keepsConnection: Bool, onPiece: (Int) -> Void) async throws {
        let keepsConnection = keepsConnection && end != .close
        if let end = delivery.end, end.after < 0 { try await finish(end.how, connection) }
        var bytes = head(keepsConnection: keepsConnection)
        let size = size
        var archive = archive
        let start = ContinuousClock.now
        var sent: Int64 = 0
        while true {
            var want = min(size - sent, Self.pieceSize)
            if let end = delivery.end { want = min(want, end.after - sent) }
            if delivery.rate > 0 {
                want = min(want, max(1, Int64(delivery.rate) / 20))
                // The head goes ahead, and each piece comes when its last byte is due.
                try await connection.write(bytes)
                bytes = []
                try await ContinuousClock().sleep(
                    until: start + .seconds(Double(sent + want) / Double(delivery.rate)), tolerance: .milliseconds(1))
            }
            guard want == 0 || append(want, at: sent, of: &archive, to: &bytes) else { throw Disconnected() }
            sent += want
            if want > 0 { onPiece(Int(want)) }
            try await connection.write(bytes)
            bytes.removeAll(keepingCapacity: true)
            if let end = delivery.end, sent >= end.after { try await finish(end.how, connection) }
            if sent == size { break }
        }
        if delivery.lie == 0 && end == .chunk { try await connection.write(Array("0\r\n\r\n".utf8)) }
        if delivery.lie != 0 || !keepsConnection { throw Disconnected() }
    }

    private func head(keepsConnection: Bool) -> [UInt8] {
        var head: [UInt8] = []
        head.reserveCapacity(1 << 10)
        head += "HTTP/1.1 \(status) \(Answer.phrase(status))\r\n".utf8
        for (name, value) in headers { head += "\(name): \(value)\r\n".utf8 }
        if !keepsConnection { head += "Connection: close\r\n".utf8 }
        switch end {
        case .length where status == 304: break
        case .length: head += "Content-Length: \(Int64(range.count) + delivery.lie)\r\n".utf8
        case .chunk: head += "Transfer-Encoding: chunked\r\n".utf8
        case .close: break
        }
        head += "\r\n".utf8
        return head
    }

    /// Appends the part of the body that begins at `sent`; false when it cannot be read.
    private func append(
        _ want: Int64, at sent: Int64, of archive: inout ZipArchive?, to bytes: inout [UInt8]
    ) -> Bool {
        var piece = archive?.read(Int(want)) ?? read(want, at: sent)
        guard piece.count == want else { return false }
        for place in delivery.corrupted where place >= sent && place < sent + want { piece[Int(place - sent)] ^= 0xFF }
        if end == .chunk { piece = Array("\(String(want, radix: 16))\r\n".utf8) + piece + Array("\r\n".utf8) }
        if bytes.isEmpty { bytes = piece } else { bytes += piece }
        return true
    }

    /// The part of the content that begins at `sent`.
    private func read(_ want: Int64, at sent: Int64) -> [UInt8] {
        [UInt8](unsafeUninitializedCapacity: Int(want)) { buffer, count in
            count = content.read(at: range.lowerBound + sent, into: UnsafeMutableRawBufferPointer(buffer))
        }
    }

    private func finish(_ end: Delivery.End, _ connection: Connection) async throws {
        switch end {
        case .closed: break
        case .reset: connection.resetOnClose()
        case .stalled(let time): try await ContinuousClock().sleep(for: time)
        }
        throw Disconnected()
    }
}
