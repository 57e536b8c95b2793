import FoundationEssentials
import SyncModel
import TextFormatting

/// The JSON documents of `--json`.
enum JSONText {
    /// Keys in snake case and sorted, so that two documents can be compared.
    static func of(_ value: some Encodable) throws -> String {
        let encoder = JSONEncoder()
        encoder.keyEncodingStrategy = .convertToSnakeCase
        encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
        return escapingInJSON(String(decoding: try encoder.encode(value), as: UTF8.self))
    }
}

/// A time, in JSON as RFC 3339 in UTC.
struct Moment: Encodable, Hashable, Sendable {
    let time: Timestamp

    init(_ time: Timestamp) { self.time = time }

    func encode(to encoder: any Encoder) throws {
        var container = encoder.singleValueContainer()
        try container.encode(TimeText.rfc3339(time))
    }
}

/// Keeps a key in the document when there is no value: as null.
@propertyWrapper struct Nullable<Value: Encodable & Sendable>: Encodable, Sendable {
    var wrappedValue: Value?

    init(wrappedValue: Value?) { self.wrappedValue = wrappedValue }

    func encode(to encoder: any Encoder) throws {
        var container = encoder.singleValueContainer()
        try container.encode(wrappedValue)
    }
}
