import Transport

/// The body of an error answer, as far as it is JSON.
///
/// 409, 401, 403 and 422 hold unions: a tag, and below a key named like the tag the next one. In a 429 `error` is a
/// struct with `reason` and `retry_after`, the latter left out when it is 1 (common.stone, auth.stone).
struct ErrorJSON {
    /// The tags from the outside in; empty if the body is not the API's JSON.
    let tags: [String]
    /// `retry_after` of a 429 body; 1 if the body is one but has no such field.
    let retryAfter: Int?
    /// `required_scope` of `missing_scope`.
    let requiredScope: String?
    /// `correct_offset` of `incorrect_offset`, wherever it stands.
    let correctOffset: Int64?
    /// The namespaces of the RootInfo that comes with `invalid_root`: the account's root now, and its own folder.
    let newRoot: (root: String, home: String?)?
    /// `user_message.text`.
    let userMessage: String?
    /// The body of `/oauth2/token`: `error`, a word.
    let oauthError: String?
    /// Whether the body is a page for people.
    let isMarkup: Bool

    /// Whether nothing in the body is the API's.
    var isForeign: Bool { tags.isEmpty && oauthError == nil }

    init(_ response: HTTPResponse) {
        // Whatever is not JSON (HTML of a gateway, plain text of a 400) simply tells nothing.
        let body = try? JSON.decode(JSONValue.self, from: response.body)
        self.init(
            body?["error"], userMessage: body?["user_message"]?["text"]?.string,
            isMarkup: response.body.first { !$0.isBlank } == UInt8(ascii: "<"))
    }

    /// Reads an error that may stand within the result of a call, too.
    init(_ error: JSONValue?, userMessage: String? = nil, isMarkup: Bool = false) {
        // UploadError has a reason, too, but it is a union: it has a tag.
        let isRateLimit = error?["reason"] != nil && error?[".tag"] == nil
        let unions = (isRateLimit ? error?["reason"] : error).map(ErrorJSON.unions) ?? []
        tags = unions.compactMap { $0[".tag"]?.string }
        retryAfter = isRateLimit ? error?["retry_after"]?.integer ?? 1 : nil
        requiredScope = error?["required_scope"]?.string
        correctOffset = unions.last?["correct_offset"]?.integer.map { Int64($0) }
        newRoot = unions.last?["root_namespace_id"]?.string.map { ($0, unions.last?["home_namespace_id"]?.string) }
        self.userMessage = userMessage
        self.isMarkup = isMarkup
        oauthError = error?.string?.split(separator: ":").first.map(String.init)
    }

    /// The tags joined by slashes.
    var summary: String? { tags.isEmpty ? nil : tags.joined(separator: "/") }

    /// The unions from the outside in.
    private static func unions(in union: JSONValue) -> [JSONValue] {
        var found: [JSONValue] = []
        var next: JSONValue? = union
        while let value = next, let tag = value[".tag"]?.string, found.count < 8 {
            found.append(value)
            next = value[tag] ?? value["reason"]
        }
        return found
    }
}

extension UInt8 {
    /// Whether it is a blank or a line end in ASCII.
    fileprivate var isBlank: Bool { self == 0x20 || (0x09...0x0D).contains(self) }
}
