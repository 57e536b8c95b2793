import SyncModel

/// Why bytes were not taken, or did not become a file.
public enum UploadRefusal: Hashable, Sendable {
    /// What stands in the way.
    public enum Conflict: Hashable, Sendable {
        /// A file of another content, or of another revision than the one to be replaced.
        case file
        /// A folder.
        case folder
        /// A file where a folder would have to be.
        case fileAncestor
        /// Something.
        case other
    }

    /// Something stands there already.
    case conflict(Conflict)
    /// The account is full.
    case insufficientSpace
    /// The folder is shared for reading only.
    case noWritePermission
    /// Dropbox does not accept a file of that name.
    case disallowedName
    /// The path is none.
    case malformedPath
    /// The file, or the request, is larger than Dropbox takes.
    case tooLarge
    /// The session has expired, was never there, or has become a file.
    case sessionNotFound
    /// The session goes on at another place.
    case incorrectOffset(Int64)
    /// The session takes no more bytes.
    case sessionClosed
    /// Bytes of the session are missing, or it is not closed, or its rules were broken: it is of no use.
    case sessionUnusable
    /// The bytes arrived as others than they were sent.
    case contentHashMismatch
    /// Anything else.
    case other

    /// Reads the tags of an error union, from the outside in.
    init(tags: [String], correctOffset: Int64?) {
        let known = tags.compactMap { UploadRefusal.byTag[$0] }.last
        switch tags.last {
        case "incorrect_offset": self = correctOffset.map { .incorrectOffset($0) } ?? .sessionUnusable
        case "file" where tags.contains("conflict"): self = .conflict(.file)
        case "folder" where tags.contains("conflict"): self = .conflict(.folder)
        case "file_ancestor" where tags.contains("conflict"): self = .conflict(.fileAncestor)
        default: self = known ?? .other
        }
    }

    private static let byTag: [String: UploadRefusal] = [
        "conflict": .conflict(.other), "insufficient_space": .insufficientSpace,
        "no_write_permission": .noWritePermission, "disallowed_name": .disallowedName,
        "malformed_path": .malformedPath, "too_large": .tooLarge, "payload_too_large": .tooLarge,
        "not_found": .sessionNotFound, "closed": .sessionClosed, "not_closed": .sessionUnusable,
        "concurrent_session_not_closed": .sessionUnusable, "concurrent_session_missing_data": .sessionUnusable,
        "concurrent_session_invalid_offset": .sessionUnusable,
        "concurrent_session_invalid_data_size": .sessionUnusable,
        "concurrent_session_data_not_allowed": .sessionUnusable,
        "concurrent_session_close_not_allowed": .sessionUnusable, "content_hash_mismatch": .contentHashMismatch,
    ]

    /// What happened, in words.
    var reason: String {
        switch self {
        case .conflict(.file): "a file with other content already exists there"
        case .conflict(.folder): "a folder of that name already exists there"
        case .conflict(.fileAncestor): "one of the folders above is a file"
        case .conflict(.other): "something already exists there"
        case .insufficientSpace: "there is no space left in the account"
        case .noWritePermission: "the folder is shared with this account for reading only"
        case .disallowedName: "Dropbox does not accept a file of that name"
        case .malformedPath: "the path is not one that Dropbox understands"
        case .tooLarge: "it is larger than Dropbox takes"
        case .sessionNotFound: "the upload session has expired"
        case .incorrectOffset(let offset): "the upload session continues at byte \(offset)"
        case .sessionClosed: "the upload session is closed"
        case .sessionUnusable: "the upload session cannot become a file"
        case .contentHashMismatch: "the bytes arrived as others than they were sent"
        case .other: "Dropbox refuses it"
        }
    }

    /// What the user can do about it.
    var hint: String? {
        switch self {
        case .conflict(.file), .conflict(.other):
            "choose another name, --autorename, or --mode overwrite if it may be replaced"
        case .conflict(.folder): "name the file within it, or choose another name"
        case .conflict(.fileAncestor), .malformedPath, .disallowedName: "choose another path"
        case .insufficientSpace: "delete something there, or get more space, and try again"
        case .noWritePermission: "ask its owner for the right to edit, or choose another folder"
        case .sessionNotFound, .incorrectOffset, .sessionClosed, .sessionUnusable, .contentHashMismatch: "try again"
        case .tooLarge, .other: nil
        }
    }
}

extension DropboxError {
    /// Why an upload was refused; `nil` for every other error.
    public var uploadRefusal: UploadRefusal? {
        if case .uploadRefused(let refusal) = code { refusal } else { nil }
    }
}
