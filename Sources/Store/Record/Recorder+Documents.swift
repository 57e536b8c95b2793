import GRDB
import SyncModel

// Online documents and the files that they become. A document is recorded at the key that the account has it under; the
// file, unless it has the same name, at a key of its own beside it, which is wanted like any other file. Whatever changes
// one of them has the other one looked at.
extension Recorder {
    private var exports: ExportSettings { pending.selection.exports }

    /// Records what the account has at a key.
    mutating func putEntry(_ key: RemoteKey, _ entry: RemoteNode) throws {
        let node = entry.decidingLinks(at: key, isCreated: pending.selection.symlinks)
        if case .unavailable(_, .document(let document, _), _) = node {
            hasDocuments = true
            return try putDocument(document, at: key)
        }
        guard hasDocuments else { return try put(key, node) }
        let before = try storedWant(key)?.node
        if case .export(_, let file)? = before { exported.keep(file) }
        try put(key, node)
        try dropFile(of: before, at: key, unless: nil)
        try settleDocument(behind: key)
    }

    /// Records that the account has nothing at a key.
    mutating func removeEntry(_ key: RemoteKey) throws {
        guard hasDocuments else { return try remove(key) }
        let before = try storedWant(key)?.node
        try remove(key)
        try dropFile(of: before, at: key, unless: nil)
        try settleDocument(behind: key)
    }

    /// Looks once more at documents that do not come because of what had their file's name: it may have gone.
    mutating func settleDocuments() throws {
        guard hasDocuments else { return }
        let sql = "SELECT key FROM want WHERE reason IS NOT NULL AND reason GLOB '\(DocumentText.clash)*'"
        for key in try String.fetchAll(db, sql: sql).sorted() { try settleDocument(at: RemoteKey(key)) }
    }

    /// Decides anew about all documents and links, after other forms were configured.
    ///
    /// None of them is mentioned by that: the listing under way may not have come to it yet, or never does.
    mutating func decideAgain() throws {
        guard hasDocuments else { return }
        let listing = generation
        defer { generation = listing }
        let sql = "SELECT key FROM want WHERE reason IS NOT NULL"
        for text in try String.fetchAll(db, sql: sql).sorted() {
            let key = RemoteKey(text)
            guard let stored = try storedWant(key) else { continue }
            // A listing under way has mentioned it, or not: that stays as it is.
            generation = stored.generation
            switch stored.node {
            case .unavailable(_, .document, _): try settleDocument(at: key)
            case .export(_, let file) where file.source == key: try putDocument(file.document, at: key)
            case .unavailable(_, .symbolicLink, _), .link: try putEntry(key, stored.node)
            default: break
            }
        }
    }

    // MARK: Steps

    private mutating func putDocument(_ document: OnlineDocument, at key: RemoteKey) throws {
        let before = try storedWant(key)?.node
        if let (name, target, file) = exports.file(of: document, at: key) {
            try putFile(file, name, target, at: key, replacing: before)
        } else {
            let isOff = exports.form(of: document) == .off
            try put(document, isOff ? .off : .nothingOffered, at: key, replacing: before)
        }
        try settleDocument(behind: key)
    }

    private mutating func putFile(
        _ file: ExportedFile, _ name: FileName, _ target: RemoteKey, at key: RemoteKey, replacing before: RemoteNode?
    ) throws {
        if target == key {
            try dropFile(of: before, at: key, unless: key)
        } else if try isFree(target, for: key) {
            try put(file.document, .exported(as: name), at: key, replacing: before, keeping: target)
        } else {
            return try put(file.document, .nameTaken(name), at: key, replacing: before)
        }
        var file = file
        if file.content == nil { file.content = try knownContent(of: file, at: target) }
        try put(target, .export(name: name, file))
    }

    private mutating func put(
        _ document: OnlineDocument, _ standing: OnlineDocument.Standing, at key: RemoteKey,
        replacing before: RemoteNode?, keeping file: RemoteKey? = nil
    ) throws {
        try put(key, .unavailable(name: document.name, .document(document, standing), rev: document.rev))
        try dropFile(of: before, at: key, unless: file)
    }

    /// Whether nothing of the account but the file of the document at `key` has a key.
    private func isFree(_ target: RemoteKey, for key: RemoteKey) throws -> Bool {
        switch try storedWant(target)?.node {
        case nil: true
        case .export(_, let file)?: file.source == key
        default: false
        }
    }

    /// What a file holds, if this revision was exported before, here or elsewhere.
    private func knownContent(of file: ExportedFile, at target: RemoteKey) throws -> ExportedFile.Content? {
        if case .export(_, let stored)? = try storedWant(target)?.node, stored.isSameExport(as: file) {
            return stored.content
        }
        if let content = exported.content(of: file) { return content }
        let sql = "SELECT \(Rows.wantColumns) FROM want w WHERE w.reason IS NOT NULL AND w.rev = ?"
        for row in try Row.fetchAll(db.cachedStatement(sql: sql), arguments: [file.document.rev.text]) {
            guard case .export(_, let other)? = try Rows.want(row, at: 0), other.form.makesSame(as: file.form)
            else { continue }
            if let content = other.content { return content }
        }
        return nil
    }

    /// Keeps what exported files among rows hold that are about to go.
    func keepContents(where condition: String, _ arguments: StatementArguments) throws {
        guard hasDocuments else { return }
        let sql = "SELECT \(Rows.wantColumns) FROM want w WHERE w.reason IS NOT NULL AND w.kind = 1 AND \(condition)"
        for row in try Row.fetchAll(db.cachedStatement(sql: sql), arguments: arguments) {
            if case .export(_, let file)? = try Rows.want(row, at: 0) { exported.keep(file) }
        }
    }

    /// The file of what was at `key` before is not wanted any more, unless it has the key `kept`.
    private mutating func dropFile(of before: RemoteNode?, at key: RemoteKey, unless kept: RemoteKey?) throws {
        guard case .unavailable(_, .document(_, .exported(let name)?), _)? = before,
            let target = OnlineDocument.fileKey(named: name, at: key), target != kept,
            case .export(_, let file)? = try storedWant(target)?.node,
            file.source == key
        else { return }
        try remove(target)
    }

    /// Something has come to `key`, or gone from it: the document whose file has that name may come now, or no more.
    private mutating func settleDocument(behind key: RemoteKey) throws {
        guard let dot = key.text.utf8.lastIndex(of: UInt8(ascii: ".")) else { return }
        try settleDocument(at: RemoteKey(String(key.text[..<dot])))
    }

    /// One that the listing under way has not mentioned yet may be gone: it is looked at when it is.
    private mutating func settleDocument(at key: RemoteKey) throws {
        guard let stored = try storedWant(key), stored.generation == generation,
            case .unavailable(_, .document(let document, _), _) = stored.node
        else { return }
        try putDocument(document, at: key)
    }
}
