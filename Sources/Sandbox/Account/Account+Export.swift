internal import Synchronization

extension Account {
    /// Writes an online document, with its folders where they are missing.
    ///
    /// - Throws: `AccountError`, as the service refuses it.
    @discardableResult
    public func put(_ path: String, _ document: OnlineDocument, clientModified: Int64? = nil) throws -> FileMetadata {
        let listed = Content.generated(seed: 1, size: document.listedSize)
        return try put(path, listed, clientModified: clientModified, traits: FileTraits(document))
    }

    /// What `files/export` answers for a path, `id:…` or `rev:…`.
    ///
    /// - Parameters:
    ///   - address: the document.
    ///   - format: one of those that the document offers; its default for `nil`.
    /// - Throws: `AccountError`, as the service refuses it.
    public func export(_ address: String, format: String? = nil) throws -> Export {
        let picked = try change { state in try state.pickExport(address, format) }
        let file = withHashes { state, missing in
            state.fileMetadata(picked.revision, viaRevision: address.hasPrefix("rev:"), &missing)
        }
        let trouble = picked.document.trouble
        let hash: String? =
            switch trouble.hash {
            case .right: picked.content.computeHash().hex
            case .none: nil
            case .wrong: contentHash(of: Array("other bytes".utf8))
            }
        return Export(
            name: trouble.name ?? OnlineDocument.exportName(of: file.name, in: picked.format),
            size: picked.content.size ?? 0, hash: hash,
            paperRevision: picked.document.kind == .paper ? Int64(picked.revision) + 1 : nil, file: file,
            content: picked.content, end: trouble.end)
    }
}

/// Which bytes an export is made of.
struct PickedExport {
    var revision: Int32
    var document: OnlineDocument
    var format: String
    var content: Content
}

extension AccountState {
    /// The export that a request gets, which counts as one more of its revision.
    mutating func pickExport(_ address: String, _ format: String?) throws(AccountError) -> PickedExport {
        var revision = try revisionIndex(address)
        if settings.exportsNewestRevision {
            revision = max(revision, nodes[Int(revisions[Int(revision)].node)].revision)
        }
        let traits = revisions[Int(revision)].traits?.traits ?? FileTraits()
        guard !traits.isRestricted else { throw .lookup("restricted_content") }
        guard !traits.isDownloadable, let document = traits.document, let fallback = document.exportAs else {
            throw .export("non_exportable")
        }
        let format = format ?? fallback
        guard document.offers(format), let content = document.exports[format] else {
            throw .export("invalid_export_format")
        }
        exportsAsked[revision, default: 0] += 1
        let number = exportsAsked[revision, default: 0]
        guard let notReady = document.trouble.notReady, number > notReady else { throw .export("retry_error") }
        var picked = PickedExport(revision: revision, document: document, format: format, content: content)
        if document.trouble.changes > 0 { changeDocument(&picked) }
        if document.trouble.differs { picked.content = picked.content.stamped(number) }
        return picked
    }

    /// Gives a document its next revision while it is exported, with one change less to come.
    private mutating func changeDocument(_ picked: inout PickedExport) {
        let revision = picked.revision
        let node = revisions[Int(revision)].node
        guard nodes[Int(node)].revision == revision, !nodes[Int(node)].isGone else { return }
        var document = picked.document
        document.trouble.changes -= 1
        document.exports = document.exports.mapValues { $0.stamped(Int(revision)) }
        var commit = Commit(path: "")
        commit.traits = FileTraits(document)
        let old = revisions[Int(revision)]
        picked.revision = addRevision(node, commit, old.content, size: old.size, digest: old.digest)
        picked.document = document
        picked.content = document.exports[picked.format] ?? picked.content
        record(node)
    }
}

extension Content {
    /// The same bytes with a number at the end, in a width that does not change.
    fileprivate func stamped(_ number: Int) -> Content {
        let digits = String(number)
        let zeros = String(repeating: "0", count: max(0, 10 - digits.utf8.count))
        return .bytes(load() + Array("<\(zeros)\(digits)>".utf8))
    }
}
