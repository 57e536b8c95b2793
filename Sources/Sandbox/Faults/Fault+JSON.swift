extension Fault {
    /// The fault that `json` describes.
    ///
    /// `endpoint`, `path`, `skip`, `every`, `times` (0: for ever), `probability` say when; `kind` says what, with
    /// `status`, `body`, `type`, `tags`, `retry_after`, `reason`, `reset`, `after`, `to`, `at`, `by`, `seconds`, `rate`,
    /// `member` and `value` as far as the kind takes them.
    ///
    /// - Throws: `ControlError` that names what is wrong.
    public init(json: JSON) throws {
        let known: Set<String> = [
            "endpoint", "path", "skip", "every", "times", "probability", "kind", "status", "body", "type", "tags",
            "retry_after", "reason", "reset", "after", "to", "at", "by", "seconds", "rate", "member", "value",
        ]
        if let unknown = json.members?.first(where: { !known.contains($0.key) }) {
            throw ControlError("no member of a fault is called \(unknown.key)")
        }
        effect = try Effect(json: json)
        endpoint = json["endpoint"]?.string ?? "*"
        path = json["path"]?.string
        skip = Int(try json.whole("skip") ?? 0)
        every = Int(try json.whole("every") ?? 1)
        let times = Int(try json.whole("times") ?? 1)
        self.times = times == 0 ? nil : times
        probability = json["probability"]?.double ?? 1
    }
}

extension Fault.Effect {
    /// The kinds, as control commands call them.
    static let kinds = [
        "status", "error", "expired_token", "reset_cursor", "rate_limit", "cut_request", "drop_before", "drop_after",
        "cut",
        "truncate", "corrupt", "wrong_length", "stall", "slow", "delay", "malformed", "invalid_text", "html", "remove",
        "set",
        "unknown_tag", "unknown_entry", "ignore_range",
    ]

    fileprivate init(json: JSON) throws {
        let kind = try json.text(of: "kind")
        if let simple = Self.simple(kind) {
            self = simple
        } else if let answer = try Self.answering(kind, json) {
            self = answer
        } else if let body = try Self.spoiling(kind, json) {
            self = body
        } else {
            throw ControlError("\(kind) is no kind of fault; there are \(Self.kinds.joined(separator: ", "))")
        }
    }

    private static func simple(_ kind: String) -> Self? {
        switch kind {
        case "expired_token": return .error(401, tags: ["expired_access_token"], retryAfter: nil)
        case "reset_cursor": return .error(409, tags: ["reset"], retryAfter: nil)
        case "malformed": return .malformed
        case "invalid_text": return .invalidText
        case "html": return .html
        case "unknown_tag": return .unknownTag
        case "unknown_entry": return .unknownEntry
        case "ignore_range": return .ignoreRange
        default: return nil
        }
    }

    private static func answering(_ kind: String, _ json: JSON) throws -> Self? {
        let retryAfter = try json.whole("retry_after").map { Int($0) }
        switch kind {
        case "status":
            return .status(
                Int(try json.whole("status") ?? 500), body: json["body"]?.string ?? "",
                type: json["type"]?.string ?? "text/plain; charset=utf-8", retryAfter: retryAfter)
        case "error":
            let tags = json["tags"]?.array?.compactMap(\.string) ?? []
            guard !tags.isEmpty else { throw ControlError("tags must be a list of texts") }
            return .error(Int(try json.whole("status") ?? 409), tags: tags, retryAfter: retryAfter)
        case "rate_limit":
            return .rateLimit(reason: json["reason"]?.string ?? "too_many_requests", retryAfter: retryAfter ?? 1)
        case "delay": return .delay(seconds: json["seconds"]?.double ?? 1)
        case "drop_before": return .dropBefore(isReset: json["reset"]?.bool ?? false)
        case "drop_after": return .dropAfter(isReset: json["reset"]?.bool ?? false)
        default: return nil
        }
    }

    private static func spoiling(_ kind: String, _ json: JSON) throws -> Self? {
        switch kind {
        case "cut_request":
            return .cutRequest(after: try json.whole("after"), isReset: json["reset"]?.bool ?? false)
        case "cut": return .cut(after: try json.whole("after"), isReset: json["reset"]?.bool ?? false)
        case "truncate": return .truncate(to: try json.whole("to"))
        case "corrupt":
            let single = try json["at"]?.array == nil ? json.whole("at") : nil
            return .corrupt(at: json["at"]?.array?.compactMap(\.int) ?? single.map { [$0] } ?? [])
        case "wrong_length": return .wrongLength(by: try json.whole("by") ?? 1)
        case "stall": return .stall(after: try json.whole("after") ?? 0, seconds: json["seconds"]?.double ?? 3_600)
        case "slow": return .slow(rate: Int(try json.whole("rate") ?? 1_000))
        case "remove": return .remove(member: try json.text(of: "member"))
        case "set": return .set(member: try json.text(of: "member"), json["value"] ?? .null)
        default: return nil
        }
    }
}
