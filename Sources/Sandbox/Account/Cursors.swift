/// The options of a listing; they live on in its cursors.
public struct ListOptions: Hashable, Sendable {
    /// A path, `id:…` or `ns:…`; empty for the root.
    public var path: String
    /// Whether everything below is listed.
    public var isRecursive = true
    /// Whether things that are no longer there are listed.
    public var includesDeleted = false
    /// Whether documents that cannot be downloaded are listed.
    public var includesNonDownloadable = true
    /// Whether the cursor was made with `include_media_info`, which longpoll refuses.
    public var includesMediaInfo = false
    /// The approximate number of entries on a page.
    public var limit: Int?

    /// Lists all that is below `path`.
    public init(path: String = "", isRecursive: Bool = true, limit: Int? = nil) {
        self.path = path
        self.isRecursive = isRecursive
        self.limit = limit
    }
}

/// A first listing that is being read: which nodes there were when it began.
struct Listing {
    var nodes: [NodeIndex]
    /// Paths that were gone by then, for `include_deleted`.
    var gone: [String]
    /// Pages go on with the journal from here.
    var start: Int

    var count: Int { nodes.count + gone.count }
}

/// What stands in a cursor.
///
/// The text is new each time; an old text can be read again.
struct Cursor: Hashable {
    var epoch: UInt32
    /// The listing that is being read; 0 when it has been read and the journal goes on.
    var listing: UInt32
    /// Position in the listing or in the journal.
    var position: Int
    /// Counts pages, for those that are empty by order of the settings.
    var page: Int
    /// What paths are relative to.
    var space: Space
    /// The folder that is being watched.
    var folder: NodeIndex
    /// Its lower-case path.
    var path: String
    var options: ListOptions

    /// The text for `account`, unlike any before it.
    func text(salt: UInt64) -> String {
        var body: [UInt8] = []
        func number(_ value: Int) { withUnsafeBytes(of: UInt64(value).littleEndian) { body.append(contentsOf: $0) } }
        number(Int(UInt32.random(in: .min ... .max)))
        number(Int(epoch))
        number(Int(listing))
        number(position)
        number(page)
        number(Int(folder))
        number(options.limit ?? 0)
        let flags = [
            options.isRecursive, options.includesDeleted, options.includesNonDownloadable, options.includesMediaInfo,
        ]
        number(flags.enumerated().reduce(0) { $0 | ($1.element ? 1 << $1.offset : 0) })
        number(path.utf8.count)
        body.append(contentsOf: path.utf8)
        body.append(contentsOf: space.text.utf8)
        withUnsafeBytes(of: salt.littleEndian) { body.append(contentsOf: $0) }
        let seal = SHA256Stream.digest(body).bytes.prefix(8)
        return "AAH" + Base64.url(body + seal)
    }

    /// Reads `text`.
    ///
    /// A text that was altered is no cursor; one of another account has to be listed anew.
    init(_ text: String, salt: UInt64) throws(AccountError) {
        guard text.hasPrefix("AAH"), let bytes = Base64.decodeURL(String(text.dropFirst(3))), bytes.count >= 88,
            Array(bytes.suffix(8)) == Array(SHA256Stream.digest(Array(bytes.dropLast(8))).bytes.prefix(8))
        else { throw .badCursor }
        func number(_ index: Int) -> Int {
            Int(bytes[index * 8..<index * 8 + 8].reversed().reduce(UInt64(0)) { $0 << 8 | UInt64($1) })
        }
        let sealedSalt = bytes.dropLast(8).suffix(8).reversed().reduce(UInt64(0)) { $0 << 8 | UInt64($1) }
        guard sealedSalt == salt else { throw .reset }
        epoch = UInt32(number(1))
        listing = UInt32(number(2))
        position = number(3)
        page = number(4)
        folder = NodeIndex(number(5))
        let end = 72 + number(8)
        path = String(decoding: bytes[72..<end], as: UTF8.self)
        space = Space(text: String(decoding: bytes[end..<bytes.count - 16], as: UTF8.self))
        options = ListOptions(path: path)
        options.limit = number(6) == 0 ? nil : number(6)
        options.isRecursive = number(7) & 1 != 0
        options.includesDeleted = number(7) & 2 != 0
        options.includesNonDownloadable = number(7) & 4 != 0
        options.includesMediaInfo = number(7) & 8 != 0
    }

    init(
        epoch: UInt32, listing: UInt32, position: Int, folder: NodeIndex, path: String, space: Space,
        options: ListOptions
    ) {
        self.epoch = epoch
        self.listing = listing
        self.position = position
        self.page = 1
        self.folder = folder
        self.path = path
        self.space = space
        self.options = options
    }
}

extension Space {
    fileprivate var text: String {
        switch self {
        case .root: return "root"
        case .home: return "home"
        case .shared(let id): return id
        }
    }

    fileprivate init(text: String) {
        switch text {
        case "root": self = .root
        case "home": self = .home
        default: self = .shared(text)
        }
    }
}

/// Base 64, RFC 4648.
enum Base64 {
    private static let letters = Array("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_".utf8)

    /// The text for URLs, without padding.
    static func url(_ bytes: [UInt8]) -> String {
        var text: [UInt8] = []
        for start in stride(from: 0, to: bytes.count, by: 3) {
            let group = bytes[start..<min(start + 3, bytes.count)]
            let value = group.reduce(0) { $0 << 8 | Int($1) } << (8 * (3 - group.count))
            for place in 0...group.count { text.append(letters[(value >> (18 - 6 * place)) & 63]) }
        }
        return String(decoding: text, as: UTF8.self)
    }

    /// The bytes of either alphabet, with or without padding.
    static func decodeURL(_ text: String) -> [UInt8]? {
        var bytes: [UInt8] = []
        var value = 0
        var bits = 0
        for letter in text.utf8 where letter != UInt8(ascii: "=") {
            let plain =
                letter == UInt8(ascii: "+")
                ? UInt8(ascii: "-") : letter == UInt8(ascii: "/") ? UInt8(ascii: "_") : letter
            guard let digit = letters.firstIndex(of: plain) else { return nil }
            value = (value << 6 | digit) & 0xFFFFFF
            bits += 6
            if bits >= 8 {
                bits -= 8
                bytes.append(UInt8(truncatingIfNeeded: value >> bits))
            }
        }
        return bytes
    }
}
