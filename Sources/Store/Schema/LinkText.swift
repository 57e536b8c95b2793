import FoundationEssentials
import SyncModel

/// What a row of want says of a symbolic link in the column `reason`, as JSON behind a word: a NUL byte would end a text.
///
/// Kind 2 is a link that is only told of, kind 5 one that is made.
struct LinkText: Codable {
    var target: String
    /// Why it is not made.
    var refusal: String?

    static let word = "link:"
    /// As versions of the state before the tenth have it: the target follows as it is, and no time was recorded.
    static let oldWord = "symlink:"

    /// The text for a link.
    static func text(of link: SymbolicLink, _ refusal: SymbolicLink.Refusal?) -> String {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        // Two texts: there is nothing that JSON could not hold.
        let json = try? encoder.encode(LinkText(target: link.target, refusal: refusal?.rawValue))
        return word + (json.map { String(decoding: $0, as: UTF8.self) } ?? "{}")
    }

    /// Reads what `text(of:_:)` has written; nil if that is something else.
    static func link(_ stored: String, rev: Rev, modified: Timestamp?) -> (
        link: SymbolicLink, refusal: SymbolicLink.Refusal?
    )? {
        func link(_ target: String) -> SymbolicLink {
            SymbolicLink(target: target, rev: rev, modified: modified ?? .epoch)
        }
        if stored.hasPrefix(oldWord) { return (link(String(stored.dropFirst(oldWord.count))), nil) }
        guard stored.hasPrefix(word),
            let text = try? JSONDecoder().decode(Self.self, from: Data(stored.utf8.dropFirst(word.utf8.count)))
        else { return nil }
        return (link(text.target), text.refusal.flatMap { SymbolicLink.Refusal(rawValue: $0) })
    }
}
