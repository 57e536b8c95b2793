// Damaged values.
extension JSONScanner {
    /// Goes past a value, however damaged, as long as its quotes and brackets show where it ends.
    ///
    /// - Returns: where it stands.
    mutating func leap() throws(JSONProblem) -> Range<Int> {
        guard peek() != nil else { throw problem() }
        let start = position
        var open: [UInt8] = []
        while position < end {
            let byte = bytes[position]
            switch byte {
            case UInt8(ascii: "\""): try leapString()
            case UInt8(ascii: "{"), UInt8(ascii: "["):
                open.append(byte + 2)  // the bracket that closes it
                position += 1
            case UInt8(ascii: "}"), UInt8(ascii: "]"):
                guard let close = open.popLast() else { return try nonempty(start) }
                guard byte == close else { throw problem() }
                position += 1
            case UInt8(ascii: ",") where open.isEmpty: return try nonempty(start)
            default: position += 1
            }
        }
        guard open.isEmpty else { throw JSONProblem("it ends too early") }
        return try nonempty(start)
    }

    private mutating func nonempty(_ start: Int) throws(JSONProblem) -> Range<Int> {
        guard position > start else { throw problem() }
        return start..<position
    }

    mutating func leapString() throws(JSONProblem) {
        position += 1
        while position < end {
            let byte = bytes[position]
            position += byte == UInt8(ascii: "\\") ? 2 : 1
            if byte == UInt8(ascii: "\"") { return }
        }
        throw JSONProblem("it ends too early")
    }
}

// Text.
extension JSONScanner {
    /// The text of the string that stands in `part`, quotes included.
    static func text(_ bytes: [UInt8], _ part: Range<Int>) throws(JSONProblem) -> String {
        var text = ""
        if let problem = read(bytes, part, into: &text) { throw problem }
        return text
    }

    /// The text of the string in `part` up to where it is damaged, if it is.
    static func beginning(_ bytes: [UInt8], _ part: Range<Int>) -> String {
        var text = ""
        _ = read(bytes, part, into: &text)
        return text
    }

    private static func read(_ bytes: [UInt8], _ part: Range<Int>, into text: inout String) -> JSONProblem? {
        guard part.count >= 2, bytes[part.lowerBound] == UInt8(ascii: "\"") else { return JSONProblem("it is no text") }
        let inner = part.lowerBound + 1..<part.upperBound - 1
        if !bytes[inner].contains(UInt8(ascii: "\\")), let valid = valid(bytes[inner]) {
            text = valid
            return nil
        }
        var scanner = JSONScanner(bytes, in: inner)
        while scanner.position < scanner.end {
            let piece = bytes[scanner.position..<scanner.end].prefix { $0 != UInt8(ascii: "\\") }
            guard let valid = valid(piece) else {
                text += beginning(piece)
                return JSONProblem("bytes in it are not UTF-8")
            }
            text += valid
            scanner.position = piece.endIndex
            if scanner.position == scanner.end { return nil }
            do throws(JSONProblem) {
                text.unicodeScalars.append(try scanner.escape())
            } catch {
                return error
            }
        }
        return nil
    }

    /// The text that `bytes` are in UTF-8.
    ///
    /// `String(validating:as:)` is generic in the standard library, and five times as slow for short texts.
    static func valid(_ bytes: ArraySlice<UInt8>) -> String? {
        let text = String(decoding: bytes, as: UTF8.self)
        return text.utf8.elementsEqual(bytes) ? text : nil
    }

    /// What of `bytes` comes before the first that is not UTF-8.
    private static func beginning(_ bytes: ArraySlice<UInt8>) -> String {
        var text = ""
        var (decoder, iterator) = (UTF8(), bytes.makeIterator())
        while case .scalarValue(let scalar) = decoder.decode(&iterator) { text.unicodeScalars.append(scalar) }
        return text
    }
}
