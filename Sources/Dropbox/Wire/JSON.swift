import FoundationEssentials

/// The one door to the JSON decoder.
enum JSON {
    /// Decodes an answer; throws `DecodingError`.
    ///
    /// The decoder looks only at what it needs: a damaged name of a field would pass for a field that is not there.
    static func decode<Value: Decodable>(_ type: Value.Type, from bytes: [UInt8]) throws -> Value {
        guard String(validating: bytes, as: UTF8.self) != nil else {
            throw DecodingError.dataCorrupted(.init(codingPath: [], debugDescription: "no UTF-8"))
        }
        return try JSONDecoder().decode(type, from: Data(bytes))
    }

    /// What a decoding error is about: the path of fields and the complaint, without any of the values.
    static func complaint(of error: any Error) -> String {
        guard let error = error as? DecodingError else { return "not readable as JSON" }
        return switch error {
        case .keyNotFound(let key, let context): "the field \(path(context.codingPath + [key])) is missing"
        case .valueNotFound(_, let context): "the field \(path(context.codingPath)) is null"
        case .typeMismatch(let type, let context): "the field \(path(context.codingPath)) is not a \(type)"
        case .dataCorrupted(let context) where !context.codingPath.isEmpty:
            "the field \(path(context.codingPath)) is not valid"
        default: "not valid JSON"
        }
    }

    private static func path(_ keys: [any CodingKey]) -> String {
        keys.map { $0.intValue.map { "[\($0)]" } ?? $0.stringValue }.joined(separator: ".")
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
