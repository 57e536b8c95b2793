public import SyncModel
import Transport

/// Why a call to Dropbox did not succeed, and how that is handled.
public struct DropboxError: Classified, Hashable, Sendable {
    /// What went wrong, as far as callers have to tell.
    public enum Code: Hashable, Sendable {
        /// The server could not be reached, or the connection broke.
        case network
        /// The server's certificate was refused, or the request cannot be sent as it is.
        case connection
        /// The answer is larger than what is kept in memory.
        case answerTooLarge
        /// The server failed (5xx, 408).
        case server
        /// The server asked for a pause (429, or contention for the account's lock).
        case rateLimited
        /// The answer was not what the API promises.
        case malformedAnswer
        /// The server's content for a revision is not what the listing said of it.
        case wrongContent
        /// The endpoint refused (409): `summary` says why.
        case refused
        /// The endpoint refused to write, or to take bytes (409).
        case uploadRefused(UploadRefusal)
        /// The request was called wrong (400), which for a cursor means that it is of no use.
        case badRequest
        /// There is no valid sign-in.
        case signIn
        /// The sign-in does not cover this scope.
        case missingScope(String)
        /// The account may not do this (403).
        case accessDenied
        /// The server cannot give the range that was asked for.
        case rangeRefused
        /// The path root is no longer the account's (422).
        case pathRoot
        /// A status the API does not define.
        case unexpectedStatus
        /// The credentials file cannot be used.
        case credentials
    }

    /// What went wrong.
    public let code: Code
    /// The endpoint, for example `files/list_folder`.
    public let endpoint: String
    /// The HTTP status, if an answer came.
    public let status: Int?
    /// Whether nothing moved for too long.
    let isStall: Bool
    /// The tags of the error union from the outside in, for example `path/not_found`.
    public let summary: String?
    /// `X-Dropbox-Request-Id` of the answer.
    public let requestID: String?
    /// What Dropbox wants the user to be told.
    public let userMessage: String?
    /// What happened, in words.
    public let reason: String
    /// What the user can do about it.
    public private(set) var hint: String?
    /// How the error is handled.
    public private(set) var disposition: Disposition

    init(
        _ code: Code, _ endpoint: String, _ reason: String, disposition: Disposition, status: Int? = nil,
        summary: String? = nil, requestID: String? = nil, userMessage: String? = nil, hint: String? = nil,
        isStall: Bool = false
    ) {
        self.code = code
        self.endpoint = endpoint
        self.status = status
        self.summary = summary
        self.requestID = requestID
        self.userMessage = userMessage
        self.reason = reason
        self.hint = hint
        self.disposition = disposition
        self.isStall = isStall
    }

    /// The same, to be treated otherwise, perhaps with another hint.
    func treated(as disposition: Disposition, hint: String? = nil) -> DropboxError {
        var copy = self
        copy.disposition = disposition
        copy.hint = hint ?? copy.hint
        return copy
    }

    /// An error of the transport, as one of a call.
    init(_ error: TransportError, endpoint: String) {
        let hint: String? =
            switch error.code {
            case .untrusted: "the server's certificate is checked against account.ca_file, or the system's bundle"
            case .tooLarge: "something between here and Dropbox may answer in its place: check account.proxy"
            default: nil
            }
        let code: Code = error.code == .tooLarge ? .answerTooLarge : error.isTransient ? .network : .connection
        self.init(
            code, endpoint, error.description, disposition: error.isTransient ? .unreachable : .abortPass, hint: hint,
            isStall: error.code == .timeout)
    }
}

extension DropboxError: CustomStringConvertible {
    /// Endpoint, reason, request id and hint in one line.
    public var description: String {
        var text = "\(endpoint): \(reason)"
        if let userMessage { text += ": \(userMessage)" }
        if let requestID { text += " (request \(requestID))" }
        if let hint { text += "; \(hint)" }
        return text
    }
}
