import FileSystem
import Glibc

/// The body of a request, as a value.
public enum HTTPBody: Sendable {
    /// Bytes in memory.
    case bytes([UInt8])
    /// Bytes that are read when they are sent, so that a large body needs no memory.
    case source(any BodySource)

    /// The number of bytes.
    public var size: Int64 {
        switch self {
        case .bytes(let bytes): Int64(bytes.count)
        case .source(let source): source.size
        }
    }

    /// All bytes in memory, for small bodies and tests.
    public func collected() throws -> [UInt8] {
        guard case .source(let source) = self else {
            if case .bytes(let bytes) = self { return bytes }
            return []
        }
        var bytes = [UInt8](repeating: 0, count: Int(source.size))
        var count = 0
        while count < bytes.count {
            let got = try bytes.withUnsafeMutableBytes {
                try source.read(at: Int64(count), into: UnsafeMutableRawBufferPointer(rebasing: $0[count...]))
            }
            if got == 0 { return Array(bytes[..<count]) }
            count += got
        }
        return bytes
    }
}

extension HTTPBody: ExpressibleByArrayLiteral {
    /// Bytes in memory.
    public init(arrayLiteral elements: UInt8...) { self = .bytes(elements) }
}

/// Gives the bytes of a request's body, any part of them and as often as it is asked: a request may be sent again.
public protocol BodySource: Sendable {
    /// The number of bytes, which does not change.
    var size: Int64 { get }

    /// Whether `read` can give bytes from `offset` on without waiting, be it to throw what has gone wrong.
    ///
    /// If not, this transfer alone is paused, and `resume` is to be called once when it can, from any thread.
    func isReady(at offset: Int64, orCall resume: @escaping @Sendable () -> Void) -> Bool

    /// Writes bytes from `offset` on into `buffer` and says how many; 0 if there are none any more.
    ///
    /// Called on the transport's thread, which serves all other requests, too. An error ends the transfer and comes out
    /// of `send` as it is.
    func read(at offset: Int64, into buffer: UnsafeMutableRawBufferPointer) throws -> Int
}

extension BodySource {
    /// Always: for bytes that are at hand.
    public func isReady(at offset: Int64, orCall resume: @escaping @Sendable () -> Void) -> Bool { true }
}

/// A part of an open file as a request's body; the descriptor stays its owner's, who keeps it open.
public struct FileRange: BodySource {
    /// The file.
    public let descriptor: Int32
    /// Which part of it.
    public let range: Range<Int64>

    /// Names a part of a file.
    public init(descriptor: Int32, range: Range<Int64>) {
        self.descriptor = descriptor
        self.range = range
    }

    /// The number of bytes.
    public var size: Int64 { Int64(range.count) }

    /// Reads by pread(2).
    public func read(at offset: Int64, into buffer: UnsafeMutableRawBufferPointer) throws -> Int {
        let wanted = Int(max(0, min(Int64(buffer.count), size - offset)))
        while true {
            let count = pread(descriptor, buffer.baseAddress, wanted, off_t(range.lowerBound + offset))
            if count >= 0 { return count }
            guard errno == EINTR else { throw FileReadError(code: errno) }
        }
    }
}

/// A file that is being sent could not be read.
public struct FileReadError: Error, Hashable, Sendable, CustomStringConvertible {
    /// `errno`.
    public let code: Int32

    /// Takes `errno`.
    public init(code: Int32) { self.code = code }

    /// What happened.
    public var description: String { "the file cannot be read: \(SystemError(code))" }
}
