import CToml

/// A TOML text as a flat list of values, parents before children, each with the place where it stands.
///
/// Flat because a hostile text can nest deeper than a stack is high.
struct TomlDocument: Sendable {
    /// What a value is.
    enum Content: Equatable, Sendable {
        case table
        case array
        case string(String)
        case integer(Int64)
        case float(Double)
        case boolean(Bool)
        case dateOrTime
    }

    /// One value.
    struct Node: Equatable, Sendable {
        /// Index of the table or array that holds it.
        let parent: Int
        /// Its name in the parent table; empty in arrays.
        let key: String
        /// Where the name stands, or the value where there is no name.
        let keyPlace: TextPlace?
        /// Where the value stands.
        let place: TextPlace?
        let content: Content
    }

    /// The text is not TOML: the first thing the parser stumbled on.
    struct SyntaxError: Error, Equatable {
        let message: String
        let place: TextPlace?
    }

    /// All values; the root table is at index 0.
    let nodes: [Node]
    /// Indices of the values in each table or array, in the order of the text.
    private let members: [Int: [Int]]

    /// Reads a text.
    init(_ bytes: [UInt8]) throws(SyntaxError) {
        let handle = bytes.withUnsafeBytes { buffer in
            ctoml_parse(buffer.baseAddress?.assumingMemoryBound(to: CChar.self), buffer.count)
        }
        guard let handle else { throw SyntaxError(message: "not enough memory to read it", place: nil) }
        defer { ctoml_free(handle) }
        var message = ctoml_text()
        var place = ctoml_place()
        if ctoml_failed(handle, &message, &place) {
            throw SyntaxError(message: String(message), place: TextPlace(place))
        }
        let nodes = (0..<ctoml_count(handle)).map { Node(ctoml_at(handle, $0)) }
        self.nodes = nodes
        members = Dictionary(grouping: nodes.indices.dropFirst()) { nodes[$0].parent }.mapValues { indices in
            indices.sorted { (nodes[$0].keyPlace, $0) < (nodes[$1].keyPlace, $1) }
        }
    }

    /// Indices of the values that a table or array holds, in the order of the text.
    func children(of index: Int) -> [Int] { members[index] ?? [] }
}

/// Orders by place; what has none comes first.
private func < (a: (TextPlace?, Int), b: (TextPlace?, Int)) -> Bool {
    switch (a.0, b.0) {
    case (let left?, let right?): left == right ? a.1 < b.1 : left < right
    case (nil, .some): true
    case (.some, nil): false
    case (nil, nil): a.1 < b.1
    }
}

extension TomlDocument.Node {
    fileprivate init(_ node: ctoml_node) {
        parent = node.parent
        key = String(node.key)
        place = TextPlace(node.value_place)
        keyPlace = TextPlace(node.key_place) ?? place
        content =
            switch node.kind {
            case CTOML_TABLE: .table
            case CTOML_ARRAY: .array
            case CTOML_STRING: .string(String(node.string))
            case CTOML_INTEGER: .integer(node.integer)
            case CTOML_FLOAT: .float(node.floating)
            case CTOML_BOOLEAN: .boolean(node.boolean)
            default: .dateOrTime
            }
    }
}

extension TextPlace {
    fileprivate init?(_ place: ctoml_place) {
        guard place.line > 0 else { return nil }
        self.init(line: Int(place.line), column: Int(place.column))
    }
}

extension String {
    /// By count, not up to the first NUL: a name must not be cut behind the reader's back.
    fileprivate init(_ text: ctoml_text) {
        self.init(decoding: UnsafeRawBufferPointer(start: text.bytes, count: text.count), as: UTF8.self)
    }
}
