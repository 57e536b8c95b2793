/// Dropbox's `content_hash`: SHA-256 over the SHA-256 digests of the content's 4 MiB blocks.
public struct ContentHash: Hashable, Sendable {
    /// The 32 bytes.
    public let bytes: [UInt8]

    /// Takes exactly 32 bytes; `nil` for any other number.
    public init?(bytes: [UInt8]) {
        guard bytes.count == 32 else { return nil }
        self.bytes = bytes
    }

    /// Reads 64 hex digits; `nil` for anything else.
    public init?(hex: String) {
        guard hex.utf8.count == 64 else { return nil }
        var digits = hex.utf8.makeIterator()
        var bytes: [UInt8] = []
        bytes.reserveCapacity(32)
        while let high = digits.next(), let low = digits.next() {
            guard let high = ContentHash.value(ofHexDigit: high), let low = ContentHash.value(ofHexDigit: low) else {
                return nil
            }
            bytes.append(high << 4 | low)
        }
        self.bytes = bytes
    }

    private static func value(ofHexDigit digit: UInt8) -> UInt8? {
        switch digit {
        case UInt8(ascii: "0")...UInt8(ascii: "9"): digit - UInt8(ascii: "0")
        case UInt8(ascii: "a")...UInt8(ascii: "f"): digit - UInt8(ascii: "a") + 10
        case UInt8(ascii: "A")...UInt8(ascii: "F"): digit - UInt8(ascii: "A") + 10
        default: nil
        }
    }

    private static func hexDigit(_ value: UInt8) -> UInt8 {
        value + (value < 10 ? UInt8(ascii: "0") : UInt8(ascii: "a") - 10)
    }

    /// 64 lower-case hex digits.
    public var hex: String {
        String(unsafeUninitializedCapacity: 64) { text in
            for (index, byte) in bytes.enumerated() {
                text[2 * index] = ContentHash.hexDigit(byte >> 4)
                text[2 * index + 1] = ContentHash.hexDigit(byte & 15)
            }
            return 64
        }
    }

    /// The hash of no content at all: SHA-256 of nothing.
    public static let empty = ContentHasher().finish()

    /// The hash of content that is in memory as a whole.
    public init(of bytes: [UInt8]) {
        let hasher = ContentHasher()
        bytes.withUnsafeBytes { hasher.update($0) }
        self = hasher.finish()
    }
}

extension ContentHash: CustomStringConvertible {
    /// 64 lower-case hex digits.
    public var description: String { hex }
}
