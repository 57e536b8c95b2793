/// An answer other than success, in the forms of docs/dropbox-api.md#7-errors-and-retries.
struct Refusal: Error {
    var status: Int
    var headers: [(name: String, value: String)] = []
    var body: Body

    enum Body {
        /// Plain text that is put behind the words that name the endpoint.
        case complaint(String)
        /// `{"error_summary", "error"}`.
        case error(JSON, tags: [String])
        /// As it stands.
        case plain(Answer.Body)
    }

    /// 400: the request makes no sense; the text follows `Error in call to API function "…": `.
    static func bad(_ text: String) -> Refusal { Refusal(status: 400, body: .complaint(text)) }

    /// An error of nested unions, given by its tags from the outside in; members of the innermost may follow.
    static func tags(_ tags: [String], status: Int = 409, _ members: [JSON.Member] = []) -> Refusal {
        Refusal(status: status, body: .error(union(tags, members), tags: tags))
    }

    /// 401 with AuthError.
    static func unauthorized(_ tag: String, _ members: [JSON.Member] = []) -> Refusal {
        var refusal = tags([tag], status: 401, members)
        refusal.headers = [("WWW-Authenticate", "Bearer realm=\"Dropbox-API\"")]
        return refusal
    }

    /// 429 with RateLimitError, which leaves a `retry_after` of one second out.
    static func rateLimit(_ reason: String, _ retryAfter: Int64) -> Refusal {
        var error: [JSON.Member] = [.init("reason", union([reason], []))]
        if retryAfter != 1 { error.append(.init("retry_after", .int(retryAfter))) }
        var refusal = Refusal(status: 429, body: .error(.object(error), tags: [reason]))
        refusal.headers = [("Retry-After", String(retryAfter))]
        return refusal
    }

    /// The JSON of unions within unions.
    static func union(_ tags: [String], _ members: [JSON.Member]) -> JSON {
        guard let tag = tags.first else { return .object(members) }
        guard tags.count > 1 else { return .object([.init(".tag", .string(tag))] + members) }
        return .object([.init(".tag", .string(tag)), .init(tag, union(Array(tags.dropFirst()), members))])
    }

    /// The answer to a call of `endpoint`.
    func answer(_ endpoint: String) -> Answer {
        var answer: Answer
        switch body {
        case .complaint(let text):
            answer = .text("Error in call to API function \"\(endpoint)\": \(text)", status: status)
        case .error(let error, let tags):
            let dots = String(repeating: ".", count: Int.random(in: 0...3))
            let summary = tags.joined(separator: "/") + "/" + dots
            answer = .json(.object([.init("error_summary", .string(summary)), .init("error", error)]), status: status)
        case .plain(let plain):
            answer = Answer(status: status, body: plain)
        }
        answer.headers += headers
        return answer
    }
}
