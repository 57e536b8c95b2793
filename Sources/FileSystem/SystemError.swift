import Glibc

/// An error number of the system, which says itself in words.
public struct SystemError: Error, Hashable, Sendable, CustomStringConvertible {
    /// The number, as `errno` has it.
    public var number: Int32

    /// Takes an error number.
    public init(_ number: Int32) { self.number = number }

    /// The system's words for it.
    public var description: String {
        var buffer = [CChar](repeating: 0, count: 256)
        // strerror_r(3), XSI: fills the buffer, also for a number that it does not know.
        _ = strerror_r(number, &buffer, buffer.count)
        return String(decoding: buffer.prefix { $0 != 0 }.map(UInt8.init(truncatingIfNeeded:)), as: UTF8.self)
    }
}
