/// A refusal in the words of the API's error unions.
public enum AccountError: Error, Hashable, Sendable {
    /// LookupError: the thing named cannot be found or is of the wrong kind.
    case lookup(String)
    /// WriteError: the tags from the outside in, as in `conflict`, `file`.
    case write([String])
    /// RelocationError without a path of its own.
    case relocation(String)
    /// The source of a move or copy cannot be found.
    case fromLookup(String)
    /// The target of a move or copy cannot be written.
    case to([String])
    /// The cursor is no longer understood: list anew.
    case reset
    /// The text is no cursor of ours.
    case badCursor
    /// The folder is too much for one zip; the tag says in which way.
    case archive(String)
    /// Revisions cannot be listed from there; the tag says why.
    case revisions(String)
    /// The document cannot be exported, or not so, or not yet; the tag says why.
    case export(String)
    /// The file has no bytes to download.
    case unsupportedFile
}
