import FoundationEssentials
import SyncModel

/// What a row of want says of an online document in the column `reason`, as JSON behind a word.
///
/// `online:` and `clash:` are documents that do not come (kind 2), `exported:` those that do (kind 4), both at the key
/// that the account has them under. `export:` is the file that a document becomes: kind 3 before its bytes are known,
/// kind 1 from then on.
struct DocumentText: Codable {
    /// The document's own name; left out where the row has it.
    var name: String?
    /// Its key, of a file.
    var source: String?
    /// `client_modified`, seconds since the epoch; left out where the row has it.
    var modified: Int64?
    var standard: String?
    var formats: [String]
    /// The format of a file; nil for a link.
    var form: String?
    /// The web address that a file holds; nil for others.
    var link: String?
    var isFallback: Bool?
    /// The file's name, of a document.
    var file: String?
    var isOff: Bool?

    static let online = "online:"
    static let clash = "clash:"
    static let exported = "exported:"
    static let export = "export:"

    private init(_ document: OnlineDocument) {
        standard = document.formats.standard
        formats = document.formats.all
    }

    private func document(_ name: FileName, _ rev: Rev, _ modified: Timestamp) -> OnlineDocument {
        OnlineDocument(
            name: name, rev: rev, modified: modified, formats: ExportFormats(exportAs: standard, options: formats))
    }

    private func text(_ word: String) -> String {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        // Texts, numbers and flags only: there is nothing that JSON could not hold.
        return word + ((try? encoder.encode(self)).map { String(decoding: $0, as: UTF8.self) } ?? "{}")
    }

    private init?(_ text: String, after word: String) {
        guard text.hasPrefix(word),
            let read = try? JSONDecoder().decode(Self.self, from: Data(text.utf8.dropFirst(word.utf8.count)))
        else { return nil }
        self = read
    }

    // MARK: Documents

    /// The text for a document.
    static func text(of document: OnlineDocument, _ standing: OnlineDocument.Standing?) -> String {
        var text = DocumentText(document)
        text.modified = document.modified.seconds
        switch standing {
        case .exported(let file)?:
            text.file = file.text
            return text.text(exported)
        case .nameTaken(let file)?:
            text.file = file.text
            return text.text(clash)
        case .off?: text.isOff = true
        case .nothingOffered?: text.isOff = false
        case nil: break
        }
        return text.text(online)
    }

    /// Reads what `text(of:_:)` has written; nil if that is something else.
    static func document(_ stored: String, name: FileName, rev: Rev) -> Unavailable? {
        for word in [online, clash, exported] {
            guard let text = DocumentText(stored, after: word), let modified = text.modified else { continue }
            let document = text.document(name, rev, Timestamp(seconds: modified))
            let file = FileName(text.file ?? "")
            switch word {
            case clash: return .document(document, .nameTaken(file))
            case exported: return .document(document, .exported(as: file))
            default: return .document(document, text.isOff.map { $0 ? .off : .nothingOffered })
            }
        }
        return nil
    }

    // MARK: Files

    /// The text for a file.
    static func text(of file: ExportedFile) -> String {
        var text = DocumentText(file.document)
        text.name = file.document.name.text
        text.source = file.source.text
        switch file.form {
        case .format(let format, let isFallback): (text.form, text.isFallback) = (format, isFallback)
        case .link(let address): text.link = address
        }
        return text.text(export)
    }

    /// Both keys that patterns count for, of a file that is made of a document, and of a document whose file has no place;
    /// nil if the row is about something else, or both are the same.
    static func keys(_ stored: String, at key: RemoteKey) -> (file: RemoteKey, source: RemoteKey)? {
        if let source = DocumentText(stored, after: export)?.source.map({ RemoteKey($0) }) {
            return source == key ? nil : (key, source)
        }
        let file = DocumentText(stored, after: clash)?.file
        return file.flatMap { OnlineDocument.fileKey(named: FileName($0), at: key) }.map { ($0, key) }
    }

    /// Reads what `text(of:)` has written; nil if that is something else.
    static func file(
        _ stored: String, rev: Rev, modified: Timestamp, content: ExportedFile.Content?
    ) -> ExportedFile? {
        guard let text = DocumentText(stored, after: export), let name = text.name, let source = text.source else {
            return nil
        }
        let form =
            text.form.map { ExportedFile.Form.format($0, isFallback: text.isFallback ?? false) }
            ?? .link(text.link ?? "")
        return ExportedFile(
            text.document(FileName(name), rev, modified), source: RemoteKey(source), form: form, content: content)
    }
}
