extension Service {
    /// The page where a person would allow the access; here it is allowed at once
    /// (docs/dropbox-api.md#81-authorize-page).
    ///
    /// With `redirect_uri` the answer is a redirect there with `code` and `state`. Without it the page shows the
    /// code; a caller that sends `Accept: application/json` gets `{"code": "…", "state": "…"}` instead of the page.
    func authorize(_ request: Request) throws -> Answer {
        let query = request.query
        guard request.method == "GET" else { return .text("Only GET\n", status: 405) }
        guard query["client_id"] == tokens.appKey else {
            return .text("Unknown client_id: this sandbox has the app \(tokens.appKey).\n", status: 400)
        }
        guard query["response_type"] == "code" else {
            return .text("response_type must be \"code\".\n", status: 400)
        }
        let access = query["token_access_type"] ?? "online"
        let method = query["code_challenge_method"] ?? "plain"
        guard ["offline", "online", "legacy"].contains(access), ["S256", "plain"].contains(method) else {
            return .text("token_access_type or code_challenge_method is none that exists.\n", status: 400)
        }
        let scopes = query["scope"]?.split(separator: " ").map(String.init) ?? Tokens.allScopes
        guard scopes.allSatisfy(Tokens.allScopes.contains) else {
            return .text("The app does not have all of these scopes: \(scopes.joined(separator: " ")).\n", status: 400)
        }
        let code = tokens.makeCode(
            Tokens.Code(
                scopes: scopes, challenge: query["code_challenge"], isPlainChallenge: method == "plain",
                redirect: query["redirect_uri"], isOffline: access == "offline", end: Timestamp.now + 600))
        return shown(code, state: query["state"], redirect: query["redirect_uri"], request)
    }

    private func shown(_ code: String, state: String?, redirect: String?, _ request: Request) -> Answer {
        if let redirect {
            var target = redirect + (redirect.contains("?") ? "&" : "?") + "code=\(Form.escaped(code))"
            if let state { target += "&state=\(Form.escaped(state))" }
            return Answer(status: 302, [("Location", target)], body: .bytes([]))
        }
        if request.headers["accept"]?.contains("application/json") == true {
            var members: [JSON.Member] = [.init("code", .string(code))]
            if let state { members.append(.init("state", .string(state))) }
            return .json(.object(members))
        }
        let page = """
            <!DOCTYPE html>
            <title>Dropbox sandbox</title>
            <p>Access is allowed. Enter this code into your app to finish:</p>
            <p><code id="code">\(code)</code></p>

            """
        return .text(page, status: 200, type: "text/html; charset=utf-8")
    }

    /// `/oauth2/token` (docs/dropbox-api.md#82-token-endpoint).
    func token(_ request: Request) throws -> Answer {
        do {
            let type = request.contentType.split(separator: ";").first ?? ""
            guard request.method == "POST", type == "application/x-www-form-urlencoded",
                let form = Form(String(decoding: request.body, as: UTF8.self))
            else { throw OAuthRefusal("invalid_request", "The request body is not a form.") }
            try authenticate(request, form)
            let pair: Tokens.Pair
            switch form["grant_type"] {
            case "authorization_code": pair = try exchange(form)
            case "refresh_token": pair = try refresh(form)
            case nil: throw OAuthRefusal("invalid_request", "missing required field \"grant_type\"")
            default: throw OAuthRefusal("unsupported_grant_type", "grant_type is none that is supported")
            }
            return grant(pair)
        } catch let refusal as OAuthRefusal {
            return .json(
                ["error": .string(refusal.error), "error_description": .string(refusal.description)], status: 400)
        }
    }

    /// Checks key and secret, which come in the form or by HTTP's basic scheme, never both.
    private func authenticate(_ request: Request, _ form: Form) throws(OAuthRefusal) {
        var key = form["client_id"]
        var secret = form["client_secret"]
        if let header = request.headers["authorization"], header.lowercased().hasPrefix("basic ") {
            guard key == nil else { throw OAuthRefusal("invalid_request", "unknown field \"client_id\"") }
            let text = Base64.decodeURL(String(header.dropFirst(6))).map { String(decoding: $0, as: UTF8.self) } ?? ""
            let parts = text.split(separator: ":", maxSplits: 1).map(String.init)
            key = parts.first
            secret = parts.count > 1 ? parts[1] : nil
        }
        guard let key else { throw OAuthRefusal("invalid_request", "missing required field \"client_id\"") }
        guard key == tokens.appKey, secret == nil || secret == tokens.appSecret else {
            throw OAuthRefusal("invalid_client", "Invalid client_id or client_secret")
        }
        let isPlainCode = form["grant_type"] == "authorization_code" && form["code_verifier"] == nil
        guard secret != nil || !isPlainCode else {
            throw OAuthRefusal("invalid_request", "No auth function available for given request")
        }
    }

    private func exchange(_ form: Form) throws(OAuthRefusal) -> Tokens.Pair {
        guard let text = form["code"] else {
            throw OAuthRefusal("invalid_request", "missing required field \"code\"")
        }
        guard let code = tokens.redeem(text) else {
            throw OAuthRefusal("invalid_grant", "code doesn't exist or has expired")
        }
        guard code.redirect == form["redirect_uri"] else {
            throw OAuthRefusal("invalid_grant", "redirect_uri mismatch")
        }
        if let challenge = code.challenge {
            let verifier = form["code_verifier"] ?? ""
            let proof = code.isPlainChallenge ? verifier : Base64.url(SHA256Stream.digest(Array(verifier.utf8)).bytes)
            guard proof == challenge, (43...128).contains(verifier.utf8.count) else {
                throw OAuthRefusal("invalid_grant", "invalid code verifier")
            }
        } else if form["code_verifier"] != nil {
            throw OAuthRefusal("invalid_grant", "the code was not made with a code_challenge")
        }
        return tokens.issue(
            scopes: code.scopes, life: account.settings.accessTokenLife, offline: code.isOffline)
    }

    private func refresh(_ form: Form) throws(OAuthRefusal) -> Tokens.Pair {
        guard let text = form["refresh_token"] else {
            throw OAuthRefusal("invalid_request", "missing required field \"refresh_token\"")
        }
        let scopes = form["scope"]?.split(separator: " ").map(String.init)
        guard let pair = tokens.refresh(text, scopes: scopes, life: account.settings.accessTokenLife) else {
            throw OAuthRefusal("invalid_grant", "refresh token is invalid or revoked")
        }
        return pair
    }

    private func grant(_ pair: Tokens.Pair) -> Answer {
        var members: [JSON.Member] = [
            .init("access_token", .string(pair.access)), .init("expires_in", .int(account.settings.accessTokenLife)),
            .init("token_type", "bearer"), .init("scope", .string(pair.scopes.joined(separator: " "))),
            .init("uid", "12345678"), .init("account_id", .string(account.settings.accountID)),
        ]
        if let refresh = pair.refresh { members.append(.init("refresh_token", .string(refresh))) }
        return Answer([("Content-Type", "text/javascript")], body: .json(.object(members)))
    }
}

/// An error of the token endpoint, whose form is OAuth's and not the API's.
private struct OAuthRefusal: Error {
    let error: String
    let description: String

    init(_ error: String, _ description: String) {
        self.error = error
        self.description = description
    }
}
