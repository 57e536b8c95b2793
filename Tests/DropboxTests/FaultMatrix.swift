import Dropbox
import NetworkSupport
import Sandbox
import SyncModel
import Synchronization
import Transport

/// The words of the fault matrix: its rows, its columns, and what stands in a cell.
enum FaultMatrix {
    /// What the client asks the server for.
    enum Column: String, CaseIterable, Sendable {
        case list, more, longpoll, download, segment, zip, metadata, account, space, check, token, revoke

        /// The endpoint, as the sandbox calls it.
        var endpoint: String {
            switch self {
            case .list: "files/list_folder"
            case .more: "files/list_folder/continue"
            case .longpoll: "files/list_folder/longpoll"
            case .download, .segment: "files/download"
            case .zip: "files/download_zip"
            case .metadata: "files/get_metadata"
            case .account: "users/get_current_account"
            case .space: "users/get_space_usage"
            case .check: "check/user"
            case .token: "oauth2/token"
            case .revoke: "auth/token/revoke"
            }
        }

        /// The tags of the endpoint's error union, joined by slashes, as docs/dropbox-api.md#14-endpoint-table
        /// lists them.
        var documentedTags: Set<String> {
            let paths = Set(Column.lookupErrors.map { "path/" + $0 })
            return switch self {
            case .list:
                paths.union(["template_error/template_not_found", "template_error/restricted_content", "other"])
            case .more: paths.union(["reset", "other"])
            case .longpoll: ["reset", "other"]
            case .download, .segment: paths.union(["unsupported_file", "other"])
            case .zip: paths.union(["too_large", "too_many_files", "other"])
            case .metadata: paths
            case .account, .space, .check, .token, .revoke: []
            }
        }

        /// LookupError.
        static let lookupErrors = [
            "malformed_path", "not_found", "not_file", "not_folder", "restricted_content", "unsupported_content_type",
            "locked", "other",
        ]
    }

    /// What goes wrong, for as long as it lasts.
    enum Row: String, CaseIterable, Sendable {
        case delay = "delay"
        case stall = "stall"
        case closedBefore = "closed before the answer"
        case resetBefore = "reset before the body"
        case answerLost = "carried out, answer lost"
        case closedIn = "closed in the body"
        case resetIn = "reset in the body"
        case truncation = "truncation"
        case flippedByte = "one flipped byte"
        case tooLong = "length says one more"
        case tooShort = "length says one less"
        case halfJSON = "half of the JSON"
        case invalidText = "invalid UTF-8"
        case html = "HTML instead of JSON"
        case gigantic = "gigantic answer"
        case badRequest = "400 text"
        case expired = "401 expired"
        case revoked = "401 revoked"
        case suspended = "401 suspended"
        case strangerUnauthorized = "401 that is no JSON"
        case forbidden = "403"
        case strangerForbidden = "403 that is no JSON"
        case unknownCall = "404"
        case malformedPath = "409 path/malformed_path"
        case notFound = "409 path/not_found"
        case notFile = "409 path/not_file"
        case notFolder = "409 path/not_folder"
        case restricted = "409 path/restricted_content"
        case unsupportedType = "409 path/unsupported_content_type"
        case locked = "409 path/locked"
        case pathOther = "409 path/other"
        case noTemplate = "409 template_error/template_not_found"
        case restrictedTemplate = "409 template_error/restricted_content"
        case reset = "409 reset"
        case unsupportedFile = "409 unsupported_file"
        case tooLarge = "409 too_large"
        case tooMany = "409 too_many_files"
        case other = "409 other"
        case unknownTag = "409 sprocket"
        case busyAccount = "409 too_many_write_operations"
        case badRange = "416"
        case pathRoot = "422"
        case rateLimit = "429 with Retry-After"
        case plainRateLimit = "429 without"
        case broken = "500"
        case overloaded = "503"
        case refused = "connection refused"
        case noName = "DNS failure"
        case wrongName = "TLS wrong name"
        case expiredCertificate = "TLS expired"

        /// The tags of a 409.
        var tags: String? { rawValue.hasPrefix("409 ") ? String(rawValue.dropFirst(4)) : nil }

        /// Whether this can befall that endpoint: a 409 says only what is documented, or what nobody knows yet.
        func canHappen(on column: Column) -> Bool {
            guard let tags else { return true }
            return self == .unknownTag || self == .busyAccount || column.documentedTags.contains(tags)
        }
    }

    /// The cells by row and column, as a table of text gives them.
    struct Table {
        private(set) var cells: [Row: [Column: String]] = [:]

        /// Reads lines of a row's name and one cell for each column, two blanks or more between them.
        init(_ text: String) throws {
            var lines = text.split(separator: "\n").map { Self.fields($0) }
            let columns = try lines.removeFirst().map { name in
                guard let column = Column(rawValue: name) else { throw Problem("no column is called \(name)") }
                return column
            }
            guard Set(columns) == Set(Column.allCases), columns.count == Column.allCases.count else {
                throw Problem("the columns are not those that there are")
            }
            for fields in lines {
                guard let row = Row(rawValue: fields[0]) else { throw Problem("no row is called \(fields[0])") }
                guard fields.count == columns.count + 1 else { throw Problem("\(row.rawValue) lacks a cell") }
                guard cells[row] == nil else { throw Problem("\(row.rawValue) stands there twice") }
                cells[row] = Dictionary(uniqueKeysWithValues: zip(columns, fields.dropFirst()))
            }
        }

        private static func fields(_ line: Substring) -> [String] {
            var fields: [String] = []
            for word in line.split(separator: " ", omittingEmptySubsequences: false) {
                if word.isEmpty {
                    fields.append("")
                } else if fields.isEmpty {
                    fields = [String(word)]
                } else {
                    fields[fields.count - 1] += fields[fields.count - 1].isEmpty ? String(word) : " " + word
                }
            }
            return fields.filter { !$0.isEmpty }
        }
    }

    /// A table that is no table.
    struct Problem: Error, CustomStringConvertible {
        let description: String
        init(_ description: String) { self.description = description }
    }
}

extension FaultMatrix.Row {
    /// What the sandbox does; `nil` where it is not the server that does it.
    var effect: Fault.Effect? {
        if let tags { return .error(409, tags: tags.split(separator: "/").map(String.init), retryAfter: nil) }
        return switch self {
        case .delay: .delay(seconds: 0.05)
        case .stall: .stall(after: 1, seconds: 60)
        case .closedBefore: .dropBefore(isReset: false)
        case .resetBefore: .dropBefore(isReset: true)
        case .answerLost: .dropAfter(isReset: false)
        case .closedIn: .cut(after: 1, isReset: false)
        case .resetIn: .cut(after: 1, isReset: true)
        case .truncation: .truncate(to: nil)
        case .flippedByte: .corrupt(at: [])
        case .tooLong: .wrongLength(by: 1)
        case .tooShort: .wrongLength(by: -1)
        case .halfJSON: .malformed
        case .invalidText: .invalidText
        case .html: .html
        default: answer
        }
    }

    /// The answer that takes the place of the right one.
    private var answer: Fault.Effect? {
        switch self {
        case .gigantic:
            .status(200, body: String(repeating: " ", count: 3 << 20), type: "application/json", retryAfter: nil)
        case .badRequest: text(400, "Error in call to API function \"x\": request body: no")
        case .expired: .error(401, tags: ["expired_access_token"], retryAfter: nil)
        case .revoked: .error(401, tags: ["invalid_access_token"], retryAfter: nil)
        case .suspended: .error(401, tags: ["user_suspended"], retryAfter: nil)
        case .strangerUnauthorized: text(401, "<html>who are you?</html>")
        case .forbidden: .error(403, tags: ["no_permission", "unauthorized_account_id_usage"], retryAfter: nil)
        case .strangerForbidden: text(403, "<html>not from here</html>")
        case .unknownCall: text(404, "<html>nothing</html>")
        case .badRange: text(416, "")
        case .pathRoot: .error(422, tags: ["no_permission"], retryAfter: nil)
        case .rateLimit: .rateLimit(reason: "too_many_requests", retryAfter: 10)
        case .plainRateLimit: text(429, "Too many requests")
        case .broken: text(500, "oops")
        case .overloaded: .status(503, body: "", type: "", retryAfter: 1)
        default: nil
        }
    }

    private func text(_ status: Int, _ body: String) -> Fault.Effect {
        .status(status, body: body, type: body.hasPrefix("<") ? "text/html" : "text/plain", retryAfter: nil)
    }
}

/// Counts what is sent, by endpoint.
final class CountingTransport: HTTPTransport {
    private let base: any HTTPTransport
    private let counts = Mutex<[String: Int]>([:])

    init(_ base: any HTTPTransport) { self.base = base }

    /// How often that endpoint was asked.
    func count(of endpoint: String) -> Int { counts.withLock { $0[endpoint, default: 0] } }

    func send(_ request: HTTPRequest, sink: (any BodySink)?) async throws -> HTTPResponse {
        let words = request.url.split(separator: "/").dropFirst(2).filter { $0 != "2" }
        counts.withLock { $0[words.joined(separator: "/"), default: 0] += 1 }
        return try await base.send(request, sink: sink)
    }
}
