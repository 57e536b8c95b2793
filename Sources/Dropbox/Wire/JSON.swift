import FoundationEssentials

/// The one door to the JSON decoder.
enum JSON {
    /// Decodes an answer; throws `DecodingError`.
    ///
    /// The decoder looks only at what it needs: a damaged name of a field would pass for a field that is not there.
    static func decode<Value: Decodable>(_ type: Value.Type, from bytes: [UInt8]) throws -> Value {
        guard String(validating: bytes, as: UTF8.self) != nil else {
            throw JSONProblem("bytes in it are not UTF-8")
        }
        do {
            return try JSONDecoder().decode(type, from: Data(bytes))
        } catch {
            // The decoder says of some documents that are JSON that they are none, and of none why.
            var scanner = JSONScanner(bytes)
            _ = try scanner.value()
            if scanner.peek() != nil { throw scanner.problem() }
            throw error
        }
    }

    /// What a decoding error is about: the path of fields and the complaint, without any of the values.
    static func complaint(of error: any Error) -> String {
        if let problem = error as? JSONProblem { return problem.text }
        guard let error = error as? DecodingError else { return "it makes no sense" }
        return switch error {
        case .keyNotFound(let key, let context): "\(place(context.codingPath + [key])) is missing"
        case .valueNotFound(_, let context): "\(place(context.codingPath)) is null"
        case .typeMismatch(let type, let context): "\(place(context.codingPath)) is not \(name(of: type))"
        case .dataCorrupted(let context): "\(place(context.codingPath)) is not valid"
        @unknown default: "it makes no sense"
        }
    }

    /// What a value should have been, in terms of the document.
    private static func name(of type: any Any.Type) -> String {
        switch type {
        case is String.Type: "a text"
        case is Bool.Type: "true or false"
        case is any BinaryInteger.Type: "a whole number"
        case is any BinaryFloatingPoint.Type: "a number"
        case is any Collection.Type where "\(type)".hasPrefix("Dictionary"): "an object"
        case is any Collection.Type: "a list"
        default: "what it should be"
        }
    }

    private static func place(_ keys: [any CodingKey]) -> String {
        keys.isEmpty ? "the document" : "the field \(path(keys))"
    }

    private static func path(_ keys: [any CodingKey]) -> String {
        keys.reduce(into: "") { text, key in
            text += key.intValue.map { "[\($0)]" } ?? (text.isEmpty ? "" : ".") + key.stringValue
        }
    }
}

/// Any JSON, for error bodies whose shape depends on their tags.
indirect enum JSONValue: Decodable {
    case object([String: JSONValue])
    case array([JSONValue])
    case text(String)
    case number(Double)
    case bool(Bool)
    case null

    init(from decoder: any Decoder) throws {
        let container = try decoder.singleValueContainer()
        if container.decodeNil() {
            self = .null
        } else if let value = try? container.decode(Bool.self) {  // any mismatch: one of the other kinds
            self = .bool(value)
        } else if let value = try? container.decode(Double.self) {
            self = .number(value)
        } else if let value = try? container.decode(String.self) {
            self = .text(value)
        } else if let value = try? container.decode([JSONValue].self) {
            self = .array(value)
        } else {
            self = .object(try container.decode([String: JSONValue].self))
        }
    }

    /// A field of an object.
    subscript(key: String) -> JSONValue? {
        if case .object(let fields) = self { fields[key] } else { nil }
    }

    /// The string, if it is one.
    var string: String? {
        if case .text(let text) = self { text } else { nil }
    }

    /// The whole number, if it is one.
    var integer: Int? {
        if case .number(let number) = self { Int(exactly: number) } else { nil }
    }
}
