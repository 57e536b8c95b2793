import SyncModel
import Transport

extension DropboxError {
    /// Reads an answer that is neither 200 nor 206.
    static func refusal(of call: Call, _ response: HTTPResponse, pathRoot: PathRoot? = nil) -> DropboxError {
        let body = ErrorJSON(response)
        let classification = ErrorClassification(call.role, response: response, body: body, pathRoot: pathRoot)
        return DropboxError(
            classification.code, call.endpoint, classification.reason, disposition: classification.disposition,
            status: response.status,
            summary: body.summary ?? body.oauthError, requestID: response.requestID, userMessage: body.userMessage,
            hint: classification.hint)
    }

    /// Reads an error that stands within the result of a call.
    static func refusal(of call: Call, _ error: JSONValue, requestID: String?) -> DropboxError {
        let body = ErrorJSON(error)
        let classification = ErrorClassification(ofConflict: call.role, HTTPResponse(status: 200), body)
        return DropboxError(
            classification.code, call.endpoint, classification.reason, disposition: classification.disposition,
            status: 200,
            summary: body.summary, requestID: requestID, hint: classification.hint)
    }

    /// An answer that is not what the API promises.
    static func malformed(_ call: Call, response: HTTPResponse, complaint: String) -> DropboxError {
        DropboxError(
            .malformedAnswer, call.endpoint, "the answer is not usable: \(complaint)",
            disposition: .retry(after: nil), status: response.status, requestID: response.requestID)
    }
}

extension HTTPResponse {
    /// The id to name in a question to Dropbox.
    var requestID: String? { headers["X-Dropbox-Request-Id"] }
}

/// What a status means for a call.
private struct ErrorClassification {
    var code: DropboxError.Code
    var disposition: Disposition
    var reason: String
    var hint: String?

    static let signInAgain = "sign in again with: dbxsync auth"
    static let between = "something between here and Dropbox may answer in its place: check account.proxy"

    init(_ code: DropboxError.Code, disposition: Disposition, reason: String, hint: String? = nil) {
        self.code = code
        self.disposition = disposition
        self.reason = reason
        self.hint = hint
    }

    init(ofConflict role: Call.Role, _ response: HTTPResponse, _ body: ErrorJSON) {
        self = ErrorClassification.conflict(role, response: response, body: body)
    }

    init(_ role: Call.Role, response: HTTPResponse, body: ErrorJSON, pathRoot: PathRoot?) {
        let tags = body.summary ?? "no reason given"
        switch response.status {
        case 400 where role == .upload: self = ErrorClassification.badUpload(response)
        case 400: self = ErrorClassification.badRequest(role, body)
        case 401: self = ErrorClassification.unauthorized(body)
        case 403 where role == .download:
            self.init(.accessDenied, disposition: .skipItem, reason: "it may not be downloaded: \(tags)")
        case 403 where body.isForeign:
            self.init(
                .unexpectedStatus, disposition: .abortPass, reason: "access was denied",
                hint: ErrorClassification.between)
        case 403:
            self.init(
                .accessDenied, disposition: .signedOut, reason: "the account may not do this: \(tags)",
                hint: ErrorClassification.signInAgain
            )
        case 404:
            self.init(
                .unexpectedStatus, disposition: role == .download ? .skipItem : .abortPass,
                reason: "the server does not know this call",
                hint: "check account.endpoint")
        case 409: self = ErrorClassification.conflict(role, response: response, body: body)
        case 413 where role == .upload: self = ErrorClassification.uploadRefused(.tooLarge)
        case 416: self.init(.rangeRefused, disposition: .skipItem, reason: "the range was refused")
        case 422: self = ErrorClassification.lostRoot(body, pathRoot)
        case 429:
            let pause = ErrorClassification.pause(response, body)
            self.init(
                .rateLimited, disposition: .retry(after: pause),
                reason: "too many requests, to be tried again after \(pause)")
        case 408, 500...599:
            self.init(
                .server, disposition: .retry(after: ErrorClassification.header(response)),
                reason: "the server failed with \(response.status)")
        default:
            self.init(
                .unexpectedStatus, disposition: role == .download ? .skipItem : .abortPass,
                reason: "unexpected status \(response.status)",
                hint: ErrorClassification.between)
        }
    }

    /// 400 is plain text from the API, and JSON from `/oauth2/token` (docs/dropbox-api.md#71-by-http-status,
    /// docs/dropbox-api.md#82-token-endpoint).
    private static func badRequest(_ role: Call.Role, _ body: ErrorJSON) -> ErrorClassification {
        switch role {
        case .listContinue, .longpoll, .token:
            if body.isMarkup {
                return ErrorClassification(
                    .unexpectedStatus, disposition: .abortPass, reason: "the request was refused", hint: between)
            }
        case .download, .list, .query, .upload: break
        }
        switch role {
        case .listContinue, .longpoll:
            return ErrorClassification(
                .badRequest, disposition: .cursorReset, reason: "the cursor is of no use any more")
        case .download:
            return ErrorClassification(.badRequest, disposition: .skipItem, reason: "the request was refused as wrong")
        case .list, .query, .upload:
            let hint = "check mirror.remote_root and the permissions of the app in Dropbox's App Console"
            return ErrorClassification(
                .badRequest, disposition: .abortPass, reason: "the request was refused as wrong", hint: hint)
        case .token:
            let word = body.oauthError ?? "no reason given"
            let hint = word == "invalid_client" ? "check account.app_key and account.app_secret" : signInAgain
            return ErrorClassification(
                .signIn, disposition: .signedOut, reason: "the sign-in was refused: \(word)", hint: hint)
        }
    }

    private static func unauthorized(_ body: ErrorJSON) -> ErrorClassification {
        if body.tags.first == "missing_scope" {
            let scope = body.requiredScope ?? "unknown"
            let again = scope.hasSuffix(".write") ? "\(signInAgain) --uploads" : signInAgain
            let hint = "allow \(scope) in Dropbox's App Console, then \(again)"
            return ErrorClassification(
                .missingScope(scope), disposition: .signedOut, reason: "the sign-in does not cover \(scope)", hint: hint
            )
        }
        // Without the API's own words a proxy may have spoken. If the sign-in is over, renewing it will tell.
        guard let tags = body.summary ?? body.oauthError else {
            return ErrorClassification(
                .signIn, disposition: .abortPass, reason: "the sign-in was refused without a reason", hint: between)
        }
        return ErrorClassification(
            .signIn, disposition: .signedOut, reason: "the sign-in is not valid: \(tags)", hint: signInAgain)
    }

    private static func conflict(_ role: Call.Role, response: HTTPResponse, body: ErrorJSON) -> ErrorClassification {
        let summary = body.summary ?? "no reason given"
        let tags = Set(body.tags)
        if tags.contains("too_many_write_operations") || tags.contains("too_many_requests") {
            return ErrorClassification(.rateLimited, disposition: .retry(after: pause(response, body)), reason: summary)
        }
        if role == .download, tags.contains("retry_error") {
            return ErrorClassification(
                .refused, disposition: .skipItem, reason: "Dropbox has not got the export ready yet: \(summary)")
        }
        if tags.contains("internal_error") || tags.contains("retry_error") {
            return ErrorClassification(.server, disposition: .retry(after: nil), reason: summary)
        }
        switch role {
        case .list, .listContinue, .longpoll: return lostListing(role, summary: summary, tags: body.tags)
        case .download where tags.contains("not_satisfiable"):
            return ErrorClassification(.rangeRefused, disposition: .skipItem, reason: "the range was refused")
        case .download
        where !tags.isDisjoint(with: [
            "restricted_content", "unsupported_file", "non_exportable", "invalid_export_format",
        ]):
            return ErrorClassification(
                .refused, disposition: .parked, reason: "Dropbox does not hand it out: \(summary)")
        case .download, .query: return ErrorClassification(.refused, disposition: .skipItem, reason: summary)
        case .upload: return uploadRefused(UploadRefusal(tags: body.tags, correctOffset: body.correctOffset), summary)
        case .token: return ErrorClassification(.signIn, disposition: .abortPass, reason: summary)
        }
    }

    private static func uploadRefused(_ refusal: UploadRefusal, _ summary: String? = nil) -> ErrorClassification {
        let reason = refusal == .other ? "\(refusal.reason): \(summary ?? "no reason given")" : refusal.reason
        return ErrorClassification(.uploadRefused(refusal), disposition: .skipItem, reason: reason, hint: refusal.hint)
    }

    /// An app whose permission is switched off in the App Console is told so in plain text
    /// (docs/dropbox-api.md#72-bodies).
    private static func badUpload(_ response: HTTPResponse) -> ErrorClassification {
        let text = String(decoding: response.body.prefix(1000), as: UTF8.self)
        guard text.contains("required scope") else {
            return ErrorClassification(
                .badRequest, disposition: .skipItem, reason: "the request was refused as wrong: \(text)")
        }
        let scope = OAuthFlow.writeScope
        let hint = "allow \(scope) in Dropbox's App Console, then \(signInAgain) --uploads"
        return ErrorClassification(
            .missingScope(scope), disposition: .signedOut, reason: "the app lacks the permission \(scope)", hint: hint)
    }

    /// Resets have been seen to hide behind `other` (docs/dropbox-api.md#27-cursor-lifetime-and-reset).
    private static func lostListing(_ role: Call.Role, summary: String, tags: [String]) -> ErrorClassification {
        if tags.first == "path" {
            let hint = "nothing is removed from the mirror; check mirror.remote_root"
            return ErrorClassification(
                .refused, disposition: .sourceGone, reason: "the mirrored folder cannot be listed: \(summary)",
                hint: hint)
        }
        if role == .list { return ErrorClassification(.refused, disposition: .abortPass, reason: summary) }
        return ErrorClassification(.refused, disposition: .cursorReset, reason: summary)
    }

    /// Only what is mirrored with `account.team_space` or `account.namespace` names a root
    /// (docs/dropbox-api.md#9-users-and-team-spaces).
    private static func lostRoot(_ body: ErrorJSON, _ pathRoot: PathRoot?) -> ErrorClassification {
        let nothing = "nothing is removed from the mirror"
        if case .namespace(let id) = pathRoot {
            let reason = "the account may not see the namespace \(id): \(body.summary ?? "no reason given")"
            let hint =
                "\(nothing); the shared folder was left or taken away, or account.namespace is wrong: have its owner "
                + "give access again, or set account.namespace, with a mirror and a state directory of its own"
            return ErrorClassification(.pathRoot, disposition: .sourceGone, reason: reason, hint: hint)
        }
        let reason = "the path root is not valid any more: \(body.summary ?? "no reason given")"
        guard let (root, home) = body.newRoot else {
            let hint =
                "\(nothing); if the account is in no team space any more, set account.team_space = false; else "
                + signInAgain
            return ErrorClassification(.pathRoot, disposition: .sourceGone, reason: reason, hint: hint)
        }
        if root == home {
            let hint =
                "\(nothing); set account.team_space = false, with a mirror and a state directory of its own, or "
                + "\(signInAgain) as a member of the team"
            let now = "\(reason): the account is in no team space any more, its root is its own namespace \(root)"
            return ErrorClassification(.pathRoot, disposition: .sourceGone, reason: now, hint: hint)
        }
        let hint =
            "\(nothing); mirror the new one (account.team_space = true) with a mirror and a state directory of its "
            + "own, or \(signInAgain) as a member of the old one"
        let now = "\(reason): the account's team space is namespace \(root) now"
        return ErrorClassification(.pathRoot, disposition: .sourceGone, reason: now, hint: hint)
    }

    /// The larger of header and field; 5 s if there is neither (docs/dropbox-api.md#72-bodies).
    private static func pause(_ response: HTTPResponse, _ body: ErrorJSON) -> Duration {
        let field = body.retryAfter.map { RetryAfter.pause(Double($0)) }
        return [header(response), field].compactMap(\.self).max() ?? .seconds(5)
    }

    private static func header(_ response: HTTPResponse) -> Duration? {
        response.headers["Retry-After"].flatMap { RetryAfter.parse($0, date: response.headers["Date"]) }
    }
}
