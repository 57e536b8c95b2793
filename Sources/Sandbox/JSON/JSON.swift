/// A JSON value that keeps the order of an object's members.
public indirect enum JSON: Hashable, Sendable {
    /// `null`.
    case null
    /// `true` or `false`.
    case bool(Bool)
    /// A whole number.
    case int(Int64)
    /// A number with a fraction or an exponent.
    case number(Double)
    /// A text.
    case string(String)
    /// A list.
    case array([JSON])
    /// Members in the order in which they are written.
    case object([Member])

    /// One member of an object.
    public struct Member: Hashable, Sendable {
        /// The name.
        public var key: String
        /// The value.
        public var value: JSON

        /// A member.
        public init(_ key: String, _ value: JSON) {
            self.key = key
            self.value = value
        }
    }

    /// The member called `key`, when this is an object that has it.
    public subscript(key: String) -> JSON? {
        guard case .object(let members) = self else { return nil }
        return members.last { $0.key == key }?.value
    }

    /// The text, when this is one.
    public var string: String? {
        guard case .string(let text) = self else { return nil }
        return text
    }

    /// The whole number, when this is one.
    public var int: Int64? {
        guard case .int(let number) = self else { return nil }
        return number
    }

    /// The truth value, when this is one.
    public var bool: Bool? {
        guard case .bool(let value) = self else { return nil }
        return value
    }

    /// The number, whole or not.
    public var double: Double? {
        switch self {
        case .int(let number): return Double(number)
        case .number(let number): return number
        default: return nil
        }
    }

    /// The list, when this is one.
    public var array: [JSON]? {
        guard case .array(let values) = self else { return nil }
        return values
    }

    /// The members, when this is an object.
    public var members: [Member]? {
        guard case .object(let members) = self else { return nil }
        return members
    }
}

extension JSON: ExpressibleByStringLiteral, ExpressibleByIntegerLiteral, ExpressibleByBooleanLiteral {
    /// A text.
    public init(stringLiteral value: String) { self = .string(value) }
    /// A whole number.
    public init(integerLiteral value: Int64) { self = .int(value) }
    /// A truth value.
    public init(booleanLiteral value: Bool) { self = .bool(value) }
}

extension JSON: ExpressibleByArrayLiteral, ExpressibleByDictionaryLiteral {
    /// A list.
    public init(arrayLiteral elements: JSON...) { self = .array(elements) }
    /// An object.
    public init(dictionaryLiteral elements: (String, JSON)...) { self = .object(elements.map { Member($0.0, $0.1) }) }
}

/// How JSON is written.
struct JSONStyle: Sendable {
    /// Everything outside ASCII, and DEL, as `\uXXXX`.
    var asciiOnly = false
    /// Blanks after `:` and `,`, as older servers wrote.
    var blanks = false
    /// Members in reverse order: their order means nothing, and no client may depend on it.
    var reversed = false
}

extension JSON {
    /// The text in UTF-8.
    func bytes(_ style: JSONStyle = JSONStyle()) -> [UInt8] {
        var output: [UInt8] = []
        write(to: &output, style)
        return output
    }

    /// The text.
    func text(_ style: JSONStyle = JSONStyle()) -> String { String(decoding: bytes(style), as: UTF8.self) }

    func write(to output: inout [UInt8], _ style: JSONStyle) {
        switch self {
        case .null: output.append(contentsOf: "null".utf8)
        case .bool(let value): output.append(contentsOf: (value ? "true" : "false").utf8)
        case .int(let number): output.append(contentsOf: String(number).utf8)
        case .number(let number): output.append(contentsOf: String(number).utf8)
        case .string(let text): Self.write(text, to: &output, style)
        case .array(let values):
            output.append(UInt8(ascii: "["))
            for (index, value) in values.enumerated() {
                if index > 0 { Self.separate(&output, style) }
                value.write(to: &output, style)
            }
            output.append(UInt8(ascii: "]"))
        case .object(let members): Self.write(members, to: &output, style)
        }
    }

    private static func write(_ members: [Member], to output: inout [UInt8], _ style: JSONStyle) {
        output.append(UInt8(ascii: "{"))
        for index in members.indices {
            if index > 0 { separate(&output, style) }
            let member = members[style.reversed ? members.count - 1 - index : index]
            write(member.key, to: &output, style)
            output.append(UInt8(ascii: ":"))
            if style.blanks { output.append(UInt8(ascii: " ")) }
            member.value.write(to: &output, style)
        }
        output.append(UInt8(ascii: "}"))
    }

    private static func separate(_ output: inout [UInt8], _ style: JSONStyle) {
        output.append(UInt8(ascii: ","))
        if style.blanks { output.append(UInt8(ascii: " ")) }
    }

    private static func write(_ text: String, to output: inout [UInt8], _ style: JSONStyle) {
        output.append(UInt8(ascii: "\""))
        var text = text
        text.withUTF8 { bytes in
            var run = 0
            for (index, byte) in bytes.enumerated() {
                let isPlain = byte >= 0x20 && byte != 0x22 && byte != 0x5C && (byte < 0x7F || !style.asciiOnly)
                // A byte that continues a character has been written with the first one.
                let continues = byte & 0xC0 == 0x80
                guard !isPlain else { continue }
                output.append(contentsOf: UnsafeBufferPointer(rebasing: bytes[run..<index]))
                run = index + 1
                if !continues { escape(bytes[index...], to: &output) }
            }
            output.append(contentsOf: UnsafeBufferPointer(rebasing: bytes[run...]))
        }
        output.append(UInt8(ascii: "\""))
    }

    /// Writes the escape of the first character of `bytes`.
    private static func escape(_ bytes: Slice<UnsafeBufferPointer<UInt8>>, to output: inout [UInt8]) {
        let byte = bytes[bytes.startIndex]
        switch byte {
        case UInt8(ascii: "\""), UInt8(ascii: "\\"): output.append(contentsOf: [UInt8(ascii: "\\"), byte])
        case UInt8(ascii: "\n"): output.append(contentsOf: "\\n".utf8)
        case UInt8(ascii: "\t"): output.append(contentsOf: "\\t".utf8)
        case UInt8(ascii: "\r"): output.append(contentsOf: "\\r".utf8)
        default:
            let length = byte < 0x80 ? 1 : byte < 0xE0 ? 2 : byte < 0xF0 ? 3 : 4
            for unit in String(decoding: bytes.prefix(length), as: UTF8.self).utf16 {
                let hex = String(unit, radix: 16)
                output.append(contentsOf: ("\\u" + String(repeating: "0", count: 4 - hex.utf8.count) + hex).utf8)
            }
        }
    }
}
