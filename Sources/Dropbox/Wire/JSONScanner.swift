/// Walks through a JSON document without building anything of it.
///
/// What it cannot read is told with its reason, and can be leapt over: one damaged value does not make the values beside
/// it unreadable. Positions are offsets of bytes.
struct JSONScanner {
    let bytes: [UInt8]
    var position: Int
    let end: Int

    /// Objects and lists that may stand within each other.
    static let deepest = 64

    /// Begins at the beginning of a document, behind a byte order mark if there is one.
    init(_ bytes: [UInt8]) {
        self.bytes = bytes
        position = bytes.starts(with: [0xEF, 0xBB, 0xBF]) ? 3 : 0
        end = bytes.count
    }

    /// Begins at the beginning of a part of a document.
    init(_ bytes: [UInt8], in part: Range<Int>) {
        self.bytes = bytes
        position = part.lowerBound
        end = part.upperBound
    }

    /// The next byte that is no blank; `nil` at the end.
    mutating func peek() -> UInt8? {
        while position < end {
            let byte = bytes[position]
            guard byte == 0x20 || byte == 0x0A || byte == 0x0D || byte == 0x09 else { return byte }
            position += 1
        }
        return nil
    }

    /// Goes past `character` if it is what comes next.
    mutating func take(_ character: Unicode.Scalar) -> Bool {
        guard peek() == UInt8(ascii: character) else { return false }
        position += 1
        return true
    }

    mutating func expect(_ character: Unicode.Scalar) throws(JSONProblem) {
        guard take(character) else { throw problem() }
    }

    /// What is wrong here, where something else should stand.
    mutating func problem() -> JSONProblem {
        peek() == nil ? JSONProblem("it ends too early") : JSONProblem("it is not JSON from byte \(position) on")
    }

    /// Goes past a value and makes sure that every byte of it is as it should be.
    ///
    /// - Returns: where it stands.
    mutating func value(depth: Int = 0) throws(JSONProblem) -> Range<Int> {
        guard let first = peek() else { throw problem() }
        let start = position
        switch first {
        case UInt8(ascii: "\""): try string()
        case UInt8(ascii: "{"), UInt8(ascii: "["): try compound(depth)
        case UInt8(ascii: "-"), UInt8(ascii: "0")...UInt8(ascii: "9"): try number()
        case UInt8(ascii: "t"): try word("true")
        case UInt8(ascii: "f"): try word("false")
        case UInt8(ascii: "n"): try word("null")
        default: throw problem()
        }
        return start..<position
    }

    private mutating func compound(_ depth: Int) throws(JSONProblem) {
        guard depth < Self.deepest else {
            throw JSONProblem("more than \(Self.deepest) nested levels")
        }
        let isObject = bytes[position] == UInt8(ascii: "{")
        let close: Unicode.Scalar = isObject ? "}" : "]"
        position += 1
        if take(close) { return }
        repeat {
            if isObject {
                guard peek() == UInt8(ascii: "\"") else { throw problem() }
                try string()
                try expect(":")
            }
            _ = try value(depth: depth + 1)
        } while take(",")
        try expect(close)
    }

    private mutating func word(_ word: StaticString) throws(JSONProblem) {
        let count = word.utf8CodeUnitCount
        guard position + count <= end, (0..<count).allSatisfy({ bytes[position + $0] == word.utf8Start[$0] }) else {
            throw problem()
        }
        position += count
    }

    private mutating func number() throws(JSONProblem) {
        if bytes[position] == UInt8(ascii: "-") { position += 1 }
        let whole = digits()
        guard whole > 0, whole == 1 || bytes[position - whole] != UInt8(ascii: "0") else { throw problem() }
        if position < end, bytes[position] == UInt8(ascii: ".") {
            position += 1
            guard digits() > 0 else { throw problem() }
        }
        if position < end, bytes[position] | 0x20 == UInt8(ascii: "e") {
            position += 1
            if position < end, bytes[position] == UInt8(ascii: "+") || bytes[position] == UInt8(ascii: "-") {
                position += 1
            }
            guard digits() > 0 else { throw problem() }
        }
    }

    private mutating func digits() -> Int {
        let start = position
        while position < end, (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(bytes[position]) { position += 1 }
        return position - start
    }

    /// Goes past a string, which is what comes next.
    private mutating func string() throws(JSONProblem) {
        position += 1
        let start = position
        var isASCII = true
        while position < end {
            let byte = bytes[position]
            if byte == UInt8(ascii: "\"") {
                if !isASCII, JSONScanner.valid(bytes[start..<position]) == nil {
                    throw JSONProblem("bytes in it are not UTF-8")
                }
                position += 1
                return
            }
            guard byte >= 0x20 else { throw JSONProblem("it contains a control character") }
            if byte == UInt8(ascii: "\\") {
                _ = try escape()
            } else {
                if byte >= 0x80 { isASCII = false }
                position += 1
            }
        }
        throw JSONProblem("it ends too early")
    }

    /// Goes past an escape.
    ///
    /// - Returns: what it stands for.
    mutating func escape() throws(JSONProblem) -> Unicode.Scalar {
        position += 1
        guard position < end else { throw JSONProblem("it ends too early") }
        let byte = bytes[position]
        position += 1
        switch byte {
        case UInt8(ascii: "\""), UInt8(ascii: "\\"), UInt8(ascii: "/"): return Unicode.Scalar(byte)
        case UInt8(ascii: "b"): return "\u{8}"
        case UInt8(ascii: "f"): return "\u{C}"
        case UInt8(ascii: "n"): return "\n"
        case UInt8(ascii: "r"): return "\r"
        case UInt8(ascii: "t"): return "\t"
        case UInt8(ascii: "u"):
            let unit = try hexadecimal()
            if let scalar = Unicode.Scalar(unit) { return scalar }
            guard (0xD800..<0xDC00).contains(unit), position + 2 <= end, bytes[position] == UInt8(ascii: "\\"),
                bytes[position + 1] == UInt8(ascii: "u")
            else { throw JSONProblem.loneSurrogate }
            position += 2
            let low = try hexadecimal()
            guard (0xDC00..<0xE000).contains(low),
                let scalar = Unicode.Scalar(0x10000 + (unit - 0xD800) << 10 + (low - 0xDC00))
            else { throw JSONProblem.loneSurrogate }
            return scalar
        default: throw JSONProblem("an escape in it is none")
        }
    }

    private mutating func hexadecimal() throws(JSONProblem) -> UInt32 {
        guard position + 4 <= end else { throw JSONProblem("it ends too early") }
        var value: UInt32 = 0
        for byte in bytes[position..<position + 4] {
            let digit: UInt8
            switch byte {
            case UInt8(ascii: "0")...UInt8(ascii: "9"): digit = byte - UInt8(ascii: "0")
            case UInt8(ascii: "a")...UInt8(ascii: "f"): digit = byte - UInt8(ascii: "a") + 10
            case UInt8(ascii: "A")...UInt8(ascii: "F"): digit = byte - UInt8(ascii: "A") + 10
            default: throw JSONProblem("an escape in it is none")
            }
            value = value << 4 | UInt32(digit)
        }
        position += 4
        return value
    }
}

/// Why a part of a document cannot be read, in terms of the document.
struct JSONProblem: Error, Hashable {
    let text: String

    init(_ text: String) { self.text = text }

    static let loneSurrogate = JSONProblem("it contains half a surrogate pair")
}
