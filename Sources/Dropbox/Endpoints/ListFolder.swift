import Logging
public import SyncModel
import Synchronization
import Transport

extension DropboxClient {
    /// One page of changes: `list_folder` for the first, `list_folder/continue` from then on.
    ///
    /// A page that is too large for the memory is asked for again: the first one of a listing with fewer entries, until
    /// no fewer make sense; another one as it is, and once only, because its size is in the cursor. Then only another
    /// cursor helps.
    public func changes(since cursor: Cursor?) async throws -> ChangePage {
        var retries = 0
        while true {
            do {
                return try await page(since: cursor)
            } catch let error as DropboxError where error.code == .answerTooLarge {
                retries += 1
                let next = try nextTry(after: error, isFirst: cursor == nil, retries: retries)
                runner.logger.warning("\(next)")
            }
        }
    }

    /// The error to log before an oversized page is requested again; throws it if the page must not be retried.
    private func nextTry(after error: DropboxError, isFirst: Bool, retries: Int) throws -> DropboxError {
        if !isFirst && retries == 1 { return error.treated(as: .abortPass, hint: "it is asked for once more") }
        guard let entries = pageSize.withLock({ $0.shrink() }) else { throw error }
        let hint = "the next try asks for smaller pages, of \(entries) entries"
        if isFirst { return error.treated(as: .abortPass, hint: hint) }
        throw error.treated(as: .cursorReset, hint: hint)
    }

    /// A cursor for what changes from now on: `list_folder/get_latest_cursor`.
    public func latestCursor() async throws -> Cursor? {
        let call = Call.rpc(
            "files/list_folder/get_latest_cursor", role: .list, base: endpoints.api,
            argument: listArgument(remoteRoot, isRecursive: true))
        return try await runner.run(call) { response in
            Cursor(try DropboxClient.decode(LatestCursorJSON.self, response: response, call: call).cursor)
        }
    }

    /// The next page of a part of a listing: `list_folder` or `list_folder/continue` of one of the folders.
    public func list(_ part: ListingPart) async throws -> ChangePage? {
        do {
            if let cursor = part.cursor { return try await page(continueCall(cursor, .listContinue)) }
            return try await page(
                listCall(remoteRoot + part.folder.text, part.folder == .root ? .list : .query, part.isRecursive))
        } catch let error as DropboxError where part.folder != .root && error.isMissingFolder {
            return nil
        }
    }

    private func page(since cursor: Cursor?) async throws -> ChangePage {
        try await page(cursor.map { continueCall($0, .listContinue) } ?? listCall(remoteRoot, .list))
    }

    private func page(_ call: Call) async throws -> ChangePage {
        var page = try await reread(try await ask(call), call)
        page.skipped = reportedAnomalies.withLock { known in
            page.skipped.filter { known.count < DropboxClient.anomalyLimit && known.insert($0).inserted }
        }
        return page
    }

    private func ask(_ call: Call) async throws -> ChangePage {
        try await runner.run(call) { [paths] response in try DropboxClient.page(response, call: call, paths: paths) }
    }

    /// Pages in a row that were asked for again in vain, after which no more are.
    private static let rereadsInVain = 3

    /// A page with entries that cannot be read is asked for once more: they may have been damaged on their way.
    private func reread(_ page: ChangePage, _ call: Call) async throws -> ChangePage {
        let unreadable = page.unreadable
        if unreadable == 0 || rereads.withLock({ $0 >= DropboxClient.rereadsInVain }) { return page }
        runner.logger.debug("a page holds \(unreadable) entries that cannot be read, it is asked for once more")
        let again: ChangePage
        do {
            again = try await ask(call)
        } catch is DropboxError {
            return page  // it can be worked with, and the next call will say what is wrong
        }
        let helps = again.unreadable < unreadable
        rereads.withLock { $0 = helps ? 0 : $0 + 1 }
        return helps ? again : page
    }

    /// What stands below `folder`, an absolute path, page by page; keys are relative to it.
    ///
    /// - Parameters:
    ///   - folder: the folder; "" is the top of the account.
    ///   - isRecursive: whether everything below it is told, or only what is in the folder itself.
    ///   - take: gets each page; no page is kept.
    /// - Throws: `DropboxError` if a call fails, and what `take` throws.
    public func list(
        below folder: String, isRecursive: Bool = true, _ take: (ChangePage) async throws -> Void
    ) async throws {
        let components = folder.pathComponents
        let paths = RootedPaths(rootDepth: components.count)
        var call = listCall(components.map { "/" + $0 }.joined(), .query, isRecursive)
        while true {
            let current = call
            let page = try await runner.run(current) { try DropboxClient.page($0, call: current, paths: paths) }
            try await take(page)
            guard page.hasMore else { return }
            call = continueCall(page.cursor, .query)
        }
    }

    private static func page(_ response: HTTPResponse, call: Call, paths: RootedPaths) throws -> ChangePage {
        var reader = PageJSON(response.body, paths)
        do throws(JSONProblem) {
            return try reader.read()
        } catch {
            throw DropboxError.malformed(call, response: response, complaint: error.text)
        }
    }

    /// Unlike the mirrored folder's own options, these are baked into the cursor: changing one needs a relist.
    private func listCall(_ folder: String, _ role: Call.Role, _ isRecursive: Bool = true) -> Call {
        .rpc(
            "files/list_folder", role: role, base: endpoints.api,
            argument: listArgument(folder, isRecursive: isRecursive))
    }

    private func listArgument(_ folder: String, isRecursive: Bool) -> APIArgument {
        APIArgument([
            "path": .text(folder), "recursive": .bool(isRecursive), "include_deleted": .bool(false),
            "include_mounted_folders": .bool(true), "include_non_downloadable_files": .bool(true),
            "limit": .number(pageSize.withLock { $0.entries }),
        ])
    }

    private func continueCall(_ cursor: Cursor, _ role: Call.Role) -> Call {
        let argument = APIArgument(["cursor": .text(cursor.text)])
        return .rpc("files/list_folder/continue", role: role, base: endpoints.api, argument: argument)
    }
}

/// GetLatestCursorResult (files.stone).
private struct LatestCursorJSON: Decodable {
    let cursor: String
}

extension DropboxError {
    /// Whether it says that there is no folder where one was to be listed.
    fileprivate var isMissingFolder: Bool {
        ["path/not_found", "path/not_folder"].contains { summary?.hasPrefix($0) == true }
    }
}
