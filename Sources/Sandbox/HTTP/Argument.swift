/// The argument of a call, from which the endpoint takes the fields it knows; what is left over is refused.
struct Argument {
    private var members: [JSON.Member]
    private var taken: Set<String> = []
    /// Where complaints say that the mistake is.
    private let place: String

    /// Reads the argument out of `bytes`, which came in the body or in a header.
    init(_ bytes: [UInt8], place: String) throws(Refusal) {
        self.place = place
        let json: JSON
        do { json = try JSON.parse(bytes) } catch { throw .bad("\(place): could not decode input as JSON") }
        guard case .object(let members) = json else { throw .bad("\(place): expected object, got \(json.kind)") }
        self.members = members
    }

    private init(members: [JSON.Member], place: String) {
        self.members = members
        self.place = place
    }

    /// The field as it stands; a field that is null is as good as absent.
    mutating func take(_ key: String) -> JSON? {
        taken.insert(key)
        guard let value = members.last(where: { $0.key == key })?.value, value != .null else { return nil }
        return value
    }

    /// Refuses when fields are left that nobody took.
    func finish() throws(Refusal) {
        guard let unknown = members.first(where: { !taken.contains($0.key) }) else { return }
        throw .bad("\(place): unknown field '\(unknown.key)'")
    }

    /// A complaint about the field `key`.
    func complaint(_ key: String, _ text: String) -> Refusal { .bad("\(place): \(key): \(text)") }

    private func wrongType(_ key: String, _ expected: String, _ value: JSON) -> Refusal {
        complaint(key, "expected \(expected), got \(value.kind)")
    }

    private func required<Value>(_ key: String, _ value: Value?) throws(Refusal) -> Value {
        guard let value else { throw .bad("\(place): missing required field '\(key)'") }
        return value
    }

    // MARK: Types

    mutating func optionalString(_ key: String) throws(Refusal) -> String? {
        guard let value = take(key) else { return nil }
        guard let text = value.string else { throw wrongType(key, "string", value) }
        return text
    }

    mutating func string(_ key: String) throws(Refusal) -> String { try required(key, try optionalString(key)) }

    mutating func bool(_ key: String, default fallback: Bool) throws(Refusal) -> Bool {
        guard let value = take(key) else { return fallback }
        guard let truth = value.bool else { throw wrongType(key, "boolean", value) }
        return truth
    }

    mutating func optionalInt(_ key: String, in range: ClosedRange<Int64>) throws(Refusal) -> Int64? {
        guard let value = take(key) else { return nil }
        guard let number = value.int else { throw wrongType(key, "integer", value) }
        guard number >= range.lowerBound else {
            throw complaint(key, "\(number) is not greater than or equal to \(range.lowerBound)")
        }
        guard number <= range.upperBound else {
            throw complaint(key, "\(number) is not less than or equal to \(range.upperBound)")
        }
        return number
    }

    mutating func path(_ key: String, _ kind: PathKind) throws(Refusal) -> String {
        let text = try string(key)
        if let objection = kind.objection(to: text) { throw complaint(key, objection) }
        return text
    }

    mutating func timestamp(_ key: String) throws(Refusal) -> Int64? {
        guard let text = try optionalString(key) else { return nil }
        guard let time = Timestamp.parse(text) else {
            throw complaint(key, "time data '\(text)' does not match format '%Y-%m-%dT%H:%M:%SZ'")
        }
        return time
    }

    mutating func revision(_ key: String) throws(Refusal) -> String? {
        guard let text = try optionalString(key) else { return nil }
        guard PathKind.isRevision(text[...]) else {
            throw complaint(key, "'\(text)' did not match pattern '[0-9a-f]+'")
        }
        return text
    }

    /// The fields of a struct within the argument.
    mutating func object(_ key: String) throws(Refusal) -> Argument {
        let value = try required(key, take(key))
        guard let members = value.members else { throw wrongType(key, "object", value) }
        return Argument(members: members, place: "\(place): \(key)")
    }

    /// The fields of each struct of a list of at most `limit`.
    mutating func objects(_ key: String, atMost limit: Int) throws(Refusal) -> [Argument] {
        let value = try required(key, take(key))
        guard let list = value.array else { throw wrongType(key, "list", value) }
        guard list.count <= limit else { throw complaint(key, "list has more than \(limit) items") }
        var found: [Argument] = []
        for item in list {
            guard let members = item.members else { throw wrongType(key, "object", item) }
            found.append(Argument(members: members, place: "\(place): \(key)"))
        }
        return found
    }

    /// A `content_hash`: 64 hexadecimal digits.
    mutating func contentHash() throws(Refusal) -> String? {
        guard let text = try optionalString("content_hash") else { return nil }
        guard text.utf8.count == 64 else {
            throw complaint(
                "content_hash", "'\(text)' must be at \(text.utf8.count < 64 ? "least" : "most") 64 characters")
        }
        return text
    }

    /// The tag of a union, which may be a bare string, and the fields beside the tag.
    mutating func union(_ key: String) throws(Refusal) -> (tag: String, fields: Argument)? {
        guard let value = take(key) else { return nil }
        let inner = "\(place): \(key)"
        if let tag = value.string { return (tag, Argument(members: [], place: inner)) }
        guard let members = value.members else { throw wrongType(key, "string or object", value) }
        var fields = Argument(members: members, place: inner)
        let tag = try fields.string(".tag")
        return (tag, fields)
    }
}

extension JSON {
    /// The name of the type, as complaints use it.
    var kind: String {
        switch self {
        case .null: return "null"
        case .bool: return "boolean"
        case .int: return "integer"
        case .number: return "float"
        case .string: return "string"
        case .array: return "list"
        case .object: return "object"
        }
    }
}

/// Which addresses a field takes (docs/dropbox-api.md#32-path-syntax).
enum PathKind {
    case pathOrID
    /// An address of something that may be gone: of a file, never of the root.
    case revisionsPath
    case readPath
    case writePath
    case writePathOrID

    private var pattern: String {
        switch self {
        case .pathOrID: return "(/(.|[\\\\r\\\\n])*)?|id:.*|(ns:[0-9]+(/.*)?)"
        case .revisionsPath: return "/(.|[\\\\r\\\\n])*|id:.*|(ns:[0-9]+(/.*)?)"
        case .readPath: return "(/(.|[\\\\r\\\\n])*|id:.*)|(rev:[0-9a-f]{9,})|(ns:[0-9]+(/.*)?)"
        case .writePath: return "(/(.|[\\\\r\\\\n])*)|(ns:[0-9]+(/.*)?)"
        case .writePathOrID: return "(/(.|[\\\\r\\\\n])*)|(ns:[0-9]+(/.*)?)|(id:.*)"
        }
    }

    /// What is wrong with `text`, if anything.
    func objection(to text: String) -> String? {
        switch self {
        case .pathOrID where text == "/": return "Specify the root folder as an empty string rather than as \"/\"."
        case .readPath where text == "" || text == "/", .revisionsPath where text == "/":
            return "The root folder is unsupported."
        default: break
        }
        guard isMatched(by: text) else { return "'\(text)' did not match pattern '\(pattern)'" }
        let isPlain = text.hasPrefix("/") || text.hasPrefix("ns:")
        guard !isPlain || text.utf8.count < 2 || text.utf8.last != UInt8(ascii: "/") else {
            return "'\(text)': the path may not end with a slash"
        }
        return nil
    }

    private func isMatched(by text: String) -> Bool {
        if text.hasPrefix("/") { return true }
        if text.hasPrefix("ns:") {
            let rest = text.utf8.dropFirst(3)
            let end = rest.firstIndex { !(0x30...0x39).contains($0) } ?? rest.endIndex
            return end > rest.startIndex && (end == rest.endIndex || rest[end] == UInt8(ascii: "/"))
        }
        switch self {
        case .pathOrID: return text.isEmpty || text.hasPrefix("id:")
        case .revisionsPath: return text.hasPrefix("id:")
        case .readPath: return text.hasPrefix("id:") || (text.hasPrefix("rev:") && Self.isRevision(text.dropFirst(4)))
        case .writePath: return false
        case .writePathOrID: return text.hasPrefix("id:")
        }
    }

    static func isRevision(_ text: Substring) -> Bool {
        text.utf8.count >= 9 && text.utf8.allSatisfy { (0x30...0x39).contains($0) || (0x61...0x66).contains($0) }
    }
}
