/// Something that goes wrong on purpose, and for which requests.
public struct Fault: Hashable, Sendable {
    /// What goes wrong.
    public enum Effect: Hashable, Sendable {
        /// This answer instead of the right one; nothing is carried out.
        case status(Int, body: String, type: String, retryAfter: Int?)
        /// An error of the API given by its tags from the outside in, such as `["path", "not_found"]`.
        case error(Int, tags: [String], retryAfter: Int?)
        /// 429 in JSON; `reason` is `too_many_requests` or `too_many_write_operations`.
        case rateLimit(reason: String, retryAfter: Int)
        /// The connection ends after so many bytes of the request's body; in its middle for `nil`.
        case cutRequest(after: Int64?, isReset: Bool)
        /// The connection ends before anything is carried out.
        case dropBefore(isReset: Bool)
        /// All is carried out, then the connection ends without an answer.
        case dropAfter(isReset: Bool)
        /// The connection ends after so many bytes of the body; in its middle for `nil`.
        case cut(after: Int64?, isReset: Bool)
        /// A shorter body, and a `Content-Length` to go with it; half of it for `nil`.
        case truncate(to: Int64?)
        /// Bytes at these places arrive with all bits turned; the one in the middle for none.
        case corrupt(at: [Int64])
        /// `Content-Length` says so many bytes more than come, or less; the connection ends after the body.
        case wrongLength(by: Int64)
        /// Nothing comes for so many seconds after so many bytes of the body, then the connection ends.
        case stall(after: Int64, seconds: Double)
        /// The body comes at so many bytes per second.
        case slow(rate: Int)
        /// The answer begins so many seconds later.
        case delay(seconds: Double)
        /// The first half of the JSON, as if that were all.
        case malformed
        /// A byte within the JSON that UTF-8 does not know.
        case invalidText
        /// A page of HTML with status 200, as a captive portal shows.
        case html
        /// JSON without this member, wherever it stands.
        case remove(member: String)
        /// JSON with another value of this member, wherever it stands; also in `Dropbox-API-Result`.
        case set(member: String, JSON)
        /// The tag of all entries of a listing is one that nobody knows.
        case unknownTag
        /// One entry more, of a kind that nobody knows.
        case unknownEntry
        /// The header `Range` is passed over.
        case ignoreRange

        /// True when it strikes while the request comes in, and false when it spoils the answer.
        var isOfRequest: Bool {
            if case .cutRequest = self { return true }
            return false
        }
    }

    /// The endpoint without `/2/`; with `*` at the end all that begin so.
    public var endpoint = "*"
    /// The path that the request is about, also by way of an id, revision or cursor; with `*` at the end all below.
    public var path: String?
    /// So many matching requests go unharmed first.
    public var skip = 0
    /// From then on each request that is a multiple of this is struck.
    public var every = 1
    /// How often it strikes; `nil` for ever.
    public var times: Int? = 1
    /// The part of the requests that it strikes, where it could.
    public var probability = 1.0
    /// What goes wrong.
    public var effect: Effect

    /// A fault that strikes the first request to `endpoint`.
    public init(_ effect: Effect, endpoint: String = "*", path: String? = nil, skip: Int = 0, times: Int? = 1) {
        self.effect = effect
        self.endpoint = endpoint
        self.path = path
        self.skip = skip
        self.times = times
    }

    func matches(_ endpoint: String, _ path: () -> String?) -> Bool {
        guard Fault.covers(self.endpoint, endpoint) else { return false }
        guard let wanted = self.path else { return true }
        return path().map { Fault.covers(Names.lower(wanted), $0) } ?? false
    }

    private static func covers(_ pattern: String, _ text: String) -> Bool {
        pattern.utf8.last == UInt8(ascii: "*")
            ? text.utf8.starts(with: pattern.utf8.dropLast()) : pattern.utf8.elementsEqual(text.utf8)
    }
}
