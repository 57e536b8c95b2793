extension JSON {
    /// The value that `bytes` spell, and nothing beside it.
    static func parse(_ bytes: [UInt8]) throws(JSONSyntaxError) -> JSON {
        var parser = JSONParser(bytes: bytes)
        let value = try parser.value(depth: 0)
        parser.skipBlanks()
        guard parser.position == bytes.count else { throw JSONSyntaxError(offset: parser.position) }
        return value
    }

    /// The value that `text` spells.
    public static func parse(_ text: String) throws -> JSON { try parse(Array(text.utf8)) }
}

/// Text that is not JSON.
struct JSONSyntaxError: Error {
    /// Where the first wrong byte stands.
    var offset: Int
}

/// A strict reader of RFC 8259.
struct JSONParser {
    let bytes: [UInt8]
    var position = 0

    private var failure: JSONSyntaxError { JSONSyntaxError(offset: position) }
    private var current: UInt8? { position < bytes.count ? bytes[position] : nil }

    mutating func skipBlanks() {
        while let byte = current, byte == 0x20 || byte == 0x0A || byte == 0x0D || byte == 0x09 { position += 1 }
    }

    mutating func value(depth: Int) throws(JSONSyntaxError) -> JSON {
        guard depth < 200 else { throw failure }
        skipBlanks()
        switch current {
        case UInt8(ascii: "{"): return try object(depth: depth)
        case UInt8(ascii: "["): return try array(depth: depth)
        case UInt8(ascii: "\""): return .string(try string())
        case UInt8(ascii: "t"): return try word("true", .bool(true))
        case UInt8(ascii: "f"): return try word("false", .bool(false))
        case UInt8(ascii: "n"): return try word("null", .null)
        default: return try number()
        }
    }

    private mutating func word(_ text: StaticString, _ value: JSON) throws(JSONSyntaxError) -> JSON {
        for byte in text.description.utf8 {
            guard current == byte else { throw failure }
            position += 1
        }
        return value
    }

    private mutating func expect(_ byte: UInt8) throws(JSONSyntaxError) {
        skipBlanks()
        guard current == byte else { throw failure }
        position += 1
    }

    private mutating func object(depth: Int) throws(JSONSyntaxError) -> JSON {
        position += 1
        var members: [JSON.Member] = []
        skipBlanks()
        if current == UInt8(ascii: "}") {
            position += 1
            return .object(members)
        }
        while true {
            skipBlanks()
            let key = try string()
            try expect(UInt8(ascii: ":"))
            members.append(JSON.Member(key, try value(depth: depth + 1)))
            skipBlanks()
            guard current == UInt8(ascii: ",") else {
                try expect(UInt8(ascii: "}"))
                return .object(members)
            }
            position += 1
        }
    }

    private mutating func array(depth: Int) throws(JSONSyntaxError) -> JSON {
        position += 1
        var values: [JSON] = []
        skipBlanks()
        if current == UInt8(ascii: "]") {
            position += 1
            return .array(values)
        }
        while true {
            values.append(try value(depth: depth + 1))
            skipBlanks()
            guard current == UInt8(ascii: ",") else {
                try expect(UInt8(ascii: "]"))
                return .array(values)
            }
            position += 1
        }
    }

    private mutating func number() throws(JSONSyntaxError) -> JSON {
        let start = position
        while let byte = current, "+-.0123456789eE".utf8.contains(byte) { position += 1 }
        let text = String(decoding: bytes[start..<position], as: UTF8.self)
        if let whole = Int64(text) { return .int(whole) }
        guard let number = Double(text) else { throw failure }
        return .number(number)
    }

    private mutating func string() throws(JSONSyntaxError) -> String {
        guard current == UInt8(ascii: "\"") else { throw failure }
        position += 1
        var units: [UInt8] = []
        while true {
            guard let byte = current, byte >= 0x20 else { throw failure }
            position += 1
            switch byte {
            case UInt8(ascii: "\""):
                guard let text = String(validating: units, as: UTF8.self) else { throw failure }
                return text
            case UInt8(ascii: "\\"): try escape(into: &units)
            default: units.append(byte)
            }
        }
    }

    private mutating func escape(into units: inout [UInt8]) throws(JSONSyntaxError) {
        guard let byte = current else { throw failure }
        position += 1
        switch byte {
        case UInt8(ascii: "n"): units.append(0x0A)
        case UInt8(ascii: "t"): units.append(0x09)
        case UInt8(ascii: "r"): units.append(0x0D)
        case UInt8(ascii: "b"): units.append(0x08)
        case UInt8(ascii: "f"): units.append(0x0C)
        case UInt8(ascii: "\""), UInt8(ascii: "\\"), UInt8(ascii: "/"): units.append(byte)
        case UInt8(ascii: "u"): units.append(contentsOf: String(try unicodeEscape()).utf8)
        default: throw failure
        }
    }

    private mutating func unicodeEscape() throws(JSONSyntaxError) -> Unicode.Scalar {
        let first = try fourDigits()
        guard (0xD800..<0xDC00).contains(first) else {
            guard let scalar = Unicode.Scalar(first) else { throw failure }
            return scalar
        }
        guard current == UInt8(ascii: "\\") else { throw failure }
        position += 1
        guard current == UInt8(ascii: "u") else { throw failure }
        position += 1
        let second = try fourDigits()
        guard (0xDC00..<0xE000).contains(second),
            let scalar = Unicode.Scalar(0x10000 + ((first - 0xD800) << 10) + (second - 0xDC00))
        else { throw failure }
        return scalar
    }

    private mutating func fourDigits() throws(JSONSyntaxError) -> UInt32 {
        guard position + 4 <= bytes.count,
            let value = UInt32(String(decoding: bytes[position..<position + 4], as: UTF8.self), radix: 16)
        else { throw failure }
        position += 4
        return value
    }
}
