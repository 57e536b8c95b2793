/// Where the fields of one entry stand in the document, and the first reason why it cannot be read whole.
struct EntryFields {
    /// The fields that are looked at.
    enum Field: Int, CaseIterable {
        case tag, name, rev, size, id, pathLower, pathDisplay, clientModified, contentHash, isDownloadable, symlinkInfo
        case sharingInfo, exportInfo

        private static let names = [
            ".tag", "name", "rev", "size", "id", "path_lower", "path_display", "client_modified", "content_hash",
            "is_downloadable", "symlink_info", "sharing_info", "export_info",
        ]
        private static let all = zip(allCases, names.map { Array($0.utf8) }).map { (field: $0, bytes: $1) }

        /// Its name in the document.
        var text: String { Self.names[rawValue] }

        /// The field of that name.
        init?(_ name: some Collection<UInt8>) {
            let count = name.count
            guard let found = Self.all.first(where: { $0.bytes.count == count && $0.bytes.elementsEqual(name) })
            else { return nil }
            self = found.field
        }
    }

    private let bytes: [UInt8]
    /// Where the entry stands.
    private(set) var part: Range<Int>
    /// By field; empty where there is none.
    private var parts = [Range<Int>](repeating: 0..<0, count: Field.allCases.count)
    private var damaged: Set<Field> = []
    /// Why the entry cannot be read whole, in terms of the document.
    private(set) var problem: String?

    /// Goes past the next value, an entry, however damaged.
    ///
    /// - Throws: what is wrong with the document, if it does not show where the entry ends.
    init(_ scanner: inout JSONScanner) throws(JSONProblem) {
        bytes = scanner.bytes
        _ = scanner.peek()
        part = scanner.position..<scanner.position
        var reader = scanner
        do throws(JSONProblem) {
            try readFields(&reader)
            scanner = reader
            part = part.lowerBound..<scanner.position
        } catch {
            note(error.text)
            part = try scanner.leap()
        }
    }

    /// Notes why the entry cannot be read whole; the first reason counts.
    mutating func note(_ problem: String) { self.problem = self.problem ?? problem }

    private mutating func readFields(_ scanner: inout JSONScanner) throws(JSONProblem) {
        guard scanner.take("{") else { throw JSONProblem("it is not an object") }
        if scanner.take("}") { return }
        repeat {
            let field = try name(&scanner)
            try scanner.expect(":")
            try value(of: field, &scanner)
        } while scanner.take(",")
        try scanner.expect("}")
    }

    private mutating func name(_ scanner: inout JSONScanner) throws(JSONProblem) -> Field? {
        guard scanner.peek() == UInt8(ascii: "\"") else { throw scanner.problem() }
        let start = scanner.position
        do throws(JSONProblem) {
            let inner = try scanner.value().dropFirst().dropLast()
            if bytes[inner].contains(UInt8(ascii: "\\")) {
                return Field(try JSONScanner.text(bytes, start..<scanner.position).utf8)
            }
            return Field(bytes[inner])
        } catch {
            note("the name of a field: \(error.text)")
            scanner.position = start
            try scanner.leapString()
            return nil
        }
    }

    private mutating func value(of field: Field?, _ scanner: inout JSONScanner) throws(JSONProblem) {
        _ = scanner.peek()
        let start = scanner.position
        let part: Range<Int>
        do throws(JSONProblem) {
            part = try scanner.value()
        } catch {
            note("the field \(field?.text ?? "?"): \(error.text)")
            scanner.position = start
            part = try scanner.leap()
            if let field { damaged.insert(field) }
        }
        guard let field else { return }
        if !parts[field.rawValue].isEmpty {
            note("the field \(field.text) occurs twice")
            damaged.insert(field)
        }
        parts[field.rawValue] = part
    }

    private subscript(field: Field) -> Range<Int>? { parts[field.rawValue].isEmpty ? nil : parts[field.rawValue] }

    // MARK: Values

    /// Whether the field stands there, and is not null.
    func holds(_ field: Field) -> Bool { self[field].map { !isNull($0) } ?? false }

    private func isNull(_ part: Range<Int>) -> Bool { bytes[part].elementsEqual("null".utf8) }

    /// A field's text, if it has one that can be read.
    func readable(_ field: Field) -> String? {
        guard !damaged.contains(field), let part = self[field] else { return nil }
        return try? JSONScanner.text(bytes, part)
    }

    /// What of a field's text comes before the first damage.
    func beginning(_ field: Field) -> String {
        self[field].map { JSONScanner.beginning(bytes, $0) } ?? ""
    }

    /// A field's text, which has to be there.
    mutating func text(_ field: Field) -> String? {
        guard isThere(field) else { return nil }
        return optionalText(field)
    }

    /// A field's text, if it is there.
    mutating func optionalText(_ field: Field) -> String? {
        guard holds(field) else { return nil }
        let text = readable(field)
        if text == nil { note("the field \(field.text) is not a text") }
        return text
    }

    /// A field's number, which has to be there, whole, and not beyond `limit`.
    mutating func size(_ field: Field, upTo limit: Int64) -> Int64? {
        guard isThere(field), !damaged.contains(field), let part = self[field] else { return nil }
        let text = String(decoding: bytes[part], as: UTF8.self)
        guard let first = text.utf8.first, first == UInt8(ascii: "-") || (0x30...0x39).contains(first) else {
            note("the field \(field.text) is not a number")
            return nil
        }
        guard let value = Double(text), value < Double(limit) || Int64(text) == limit else {
            note("the field \(field.text) is larger than any file")
            return nil
        }
        guard let number = Int64(text) ?? Int64(exactly: value), number >= 0 else {
            note("the field \(field.text) is not a size")
            return nil
        }
        return number
    }

    /// Whether a field is true or false, if it is there.
    mutating func optionalFlag(_ field: Field) -> Bool? {
        guard holds(field), let part = self[field] else { return nil }
        return flag(part, named: field.text)
    }

    /// Whether a field of the object in a field is true or false, if it is there.
    mutating func optionalFlag(_ name: String, in field: Field) -> Bool? {
        guard let part = member(name, of: field), !isNull(part) else { return nil }
        return flag(part, named: "\(field.text).\(name)")
    }

    private mutating func flag(_ part: Range<Int>, named name: String) -> Bool? {
        if bytes[part].elementsEqual("true".utf8) { return true }
        if bytes[part].elementsEqual("false".utf8) { return false }
        note("the field \(name) is neither true nor false")
        return nil
    }

    /// The text of a field of the object in a field; it has to be there if the object is.
    mutating func text(_ name: String, in field: Field) -> String? {
        let text = member(name, of: field).flatMap { try? JSONScanner.text(bytes, $0) }
        if text == nil { note("the field \(field.text).\(name) is not a text") }
        return text
    }

    /// The text of a field of the object in a field, if it is there.
    mutating func optionalText(_ name: String, in field: Field) -> String? {
        guard let part = member(name, of: field), !isNull(part) else { return nil }
        let text = try? JSONScanner.text(bytes, part)
        if text == nil { note("the field \(field.text).\(name) is not a text") }
        return text
    }

    /// The texts of a list in the object in a field; none if it is not there.
    mutating func texts(_ name: String, in field: Field) -> [String] {
        guard let part = member(name, of: field), !isNull(part) else { return [] }
        var scanner = JSONScanner(bytes, in: part)
        var texts: [String] = []
        guard scanner.take("[") else {
            note("the field \(field.text).\(name) is not a list")
            return []
        }
        if scanner.take("]") { return [] }
        // The whole field was looked at before: only its end ends this.
        while let item = try? scanner.value() {
            guard let text = try? JSONScanner.text(bytes, item) else {
                note("the field \(field.text).\(name) holds something that is not a text")
                return []
            }
            texts.append(text)
            guard scanner.take(",") else { break }
        }
        return texts
    }

    /// The text of a field of the object in a field, if it has one that can be read; nobody depends on it.
    func readable(_ name: String, in field: Field) -> String? {
        value(of: name, in: field).flatMap { try? JSONScanner.text(bytes, $0) }
    }

    private mutating func member(_ name: String, of field: Field) -> Range<Int>? {
        guard holds(field), !damaged.contains(field), let part = self[field] else { return nil }
        guard bytes[part].first == UInt8(ascii: "{") else {
            note("the field \(field.text) is not an object")
            return nil
        }
        return value(of: name, in: field)
    }

    private func value(of name: String, in field: Field) -> Range<Int>? {
        guard !damaged.contains(field), let part = self[field] else { return nil }
        var scanner = JSONScanner(bytes, in: part)
        guard scanner.take("{") else { return nil }
        // The whole field was looked at before: only its end ends this.
        while let key = try? scanner.value(), scanner.take(":"), let value = try? scanner.value() {
            if (try? JSONScanner.text(bytes, key)) == name { return value }
            _ = scanner.take(",")
        }
        return nil
    }

    private mutating func isThere(_ field: Field) -> Bool {
        guard let part = self[field] else {
            note("the field \(field.text) is missing")
            return false
        }
        if isNull(part) { note("the field \(field.text) is null") }
        return !isNull(part)
    }

    /// The entry itself, as far as it is text.
    var excerpt: String { String(decoding: bytes[part].prefix(200), as: UTF8.self) }
}
