extension Fault.Effect {
    /// The answer that takes the place of the right one, before anything is carried out.
    func instead(_ endpoint: String) -> Answer? {
        var refusal: Refusal
        let wait: Int?
        switch self {
        case .status(let status, let body, let type, let retryAfter):
            refusal = Refusal(status: status, body: .plain(.bytes(Array(body.utf8))))
            if !type.isEmpty { refusal.headers = [("Content-Type", type)] }
            wait = retryAfter
        case .error(401, let tags, let retryAfter):
            refusal = .unauthorized(tags.first ?? "other")
            wait = retryAfter
        case .error(let status, let tags, let retryAfter):
            refusal = .tags(tags, status: status)
            wait = retryAfter
        case .rateLimit(let reason, let retryAfter): return Refusal.rateLimit(reason, Int64(retryAfter)).answer("")
        case .dropBefore: return .void
        case .html:
            return .text(
                "<html><body>Welcome! Please accept the terms.</body></html>\n", status: 200, type: "text/html")
        default: return nil
        }
        if let wait { refusal.headers.append(("Retry-After", String(wait))) }
        return refusal.answer(endpoint)
    }

    /// Changes the right answer before it goes out.
    func spoil(_ answer: inout Answer) {
        switch self {
        case .truncate(let size): answer.shorten(to: size)
        case .malformed: answer.rewrite { Array($0.prefix(max(1, $0.count / 2))) }
        case .invalidText:
            answer.rewrite { text in
                let quote = text.lastIndex(of: UInt8(ascii: "\"")) ?? text.endIndex
                return text[..<quote] + [0xFF] + text[quote...]
            }
        case .remove(let member): answer.mapJSON { $0.mapMembers { $0.key == member ? nil : $0 } }
        case .set(let member, let value):
            answer.mapJSON { $0.mapMembers { $0.key == member ? JSON.Member(member, value) : $0 } }
        case .unknownTag:
            answer.mapEntries { entries in
                entries.map { $0.mapMembers { $0.key == ".tag" ? JSON.Member(".tag", "sprocket") : $0 } }
            }
        case .unknownEntry:
            answer.mapEntries { entries in
                entries + [
                    [".tag": "sprocket", "name": "s", "path_lower": "/s", "path_display": "/s", "teeth": [3, 5]]
                ]
            }
        default: break
        }
    }

    /// How the answer goes out.
    func delivery(size: Int64) -> Delivery {
        var delivery = Delivery()
        switch self {
        case .dropBefore(let isReset), .dropAfter(let isReset): delivery.end = (-1, isReset ? .reset : .closed)
        case .cut(let place, let isReset): delivery.end = (min(place ?? size / 2, size), isReset ? .reset : .closed)
        case .stall(let place, let seconds): delivery.end = (min(place, size), .stalled(.seconds(seconds)))
        case .slow(let rate): delivery.rate = rate
        case .corrupt(let places): delivery.corrupted = places.isEmpty ? [size / 2] : places
        case .wrongLength(let lie): delivery.lie = max(-size, lie)
        default: break
        }
        return delivery
    }

    /// Whether there is no status to be seen.
    var losesAnswer: Bool {
        switch self {
        case .dropBefore, .dropAfter: return true
        default: return false
        }
    }
}

extension Answer {
    fileprivate mutating func shorten(to size: Int64?) {
        switch body {
        case .content(let content, let range):
            let count = min(size ?? Int64(range.count) / 2, Int64(range.count))
            body = .content(content, range.lowerBound..<range.lowerBound + count)
        case .archive(var archive):
            archive.shorten(to: size ?? archive.size / 2)
            body = .archive(archive)
        case .json, .bytes: rewrite { $0.prefix(min(size.map { Int($0) } ?? $0.count / 2, $0.count)) + [] }
        }
    }

    /// Replaces a body that is no file's.
    fileprivate mutating func rewrite(_ change: ([UInt8]) -> [UInt8]) {
        switch body {
        case .json(let json): body = .bytes(change(json.bytes()))
        case .bytes(let bytes): body = .bytes(change(bytes))
        case .content, .archive: break
        }
    }

    fileprivate mutating func mapJSON(_ change: (JSON) -> JSON) {
        if case .json(let json) = body { body = .json(change(json)) }
        result = result.map(change)
    }

    fileprivate mutating func mapEntries(_ change: ([JSON]) -> [JSON]) {
        guard case .json(let json) = body, let entries = json["entries"]?.array else { return }
        let changed = JSON.array(change(entries))
        body = .json(
            .object((json.members ?? []).map { $0.key == "entries" ? JSON.Member("entries", changed) : $0 }))
    }
}

extension JSON {
    /// Every member of every object in it changed, or dropped where `change` says `nil`.
    fileprivate func mapMembers(_ change: (Member) -> Member?) -> JSON {
        switch self {
        case .object(let members):
            return .object(
                members.compactMap(change).map { Member($0.key, $0.value.mapMembers(change)) })
        case .array(let values): return .array(values.map { $0.mapMembers(change) })
        default: return self
        }
    }
}
