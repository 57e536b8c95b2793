import ArgumentParser
import Configuration
import Dropbox
import Store
import SyncModel
import TextFormatting

/// `dbxsync history`: what changed in the mirror, and when.
struct HistoryCommand: AsyncParsableCommand {
    /// Rows that are printed unless something else is asked for.
    private static let usualLimit = 100

    static let configuration = CommandConfiguration(
        commandName: "history",
        abstract: "Says what changed in the mirror and when, the newest last.",
        discussion: """
            PATH is that of a file or folder, with what is below it: from the mirrored folder on, such as "/Docs", or a \
            local path in the mirror. A TIME is "2026-11-30" or "2026-11-30 05:00" (local time), RFC 3339, or how long \
            ago it was, such as "2h" or "3d".

            Without --since, --after and --limit, the last \(usualLimit) changes are printed. Each has a number "n" in \
            JSON, which grows and never repeats: what reads on with --after has missed nothing. The event "pass_done" \
            ends the changes that belong together.
            """)

    @OptionGroup var common: CommonOptions

    @Argument(help: "Only changes at this path or below it, and what was moved from there.")
    var path: String?

    @Option(help: ArgumentHelp("Only changes from this time on.", valueName: "time"), transform: moment)
    var since: Timestamp?

    @Option(help: ArgumentHelp("Only changes up to this time.", valueName: "time"), transform: moment)
    var until: Timestamp?

    @Option(
        help: ArgumentHelp(
            "Only changes of this kind: \(names.joined(separator: ", ")). Can be given several times.",
            valueName: "event"),
        completion: .list(names), transform: kind)
    var event: [ChangeKind] = []

    @Option(help: ArgumentHelp("At most so many changes: the last ones, with --after the first ones.", valueName: "n"))
    var limit: Int?

    @Option(help: ArgumentHelp("Only changes with larger numbers; 0 for all.", valueName: "n"))
    var after: Int64?

    @Flag(help: "Go on with changes as they come, until it is interrupted.")
    var follow = false

    @Flag(help: "Print each change as JSON, a line each.")
    var json = false

    private static func moment(_ text: String) throws -> Timestamp {
        do {
            return try MomentText.read(text, now: .now)
        } catch {
            throw ValidationError(error.message)
        }
    }

    private static let names = ChangeKind.allCases.map(\.rawValue)

    private static func kind(_ name: String) throws -> ChangeKind {
        guard let kind = ChangeKind(rawValue: name) else {
            throw ValidationError("\(quoted(name)) is no event; there are \(names.joined(separator: ", "))")
        }
        return kind
    }

    func validate() throws {
        if let limit, limit < 1 { throw ValidationError("--limit \(limit): at least 1") }
        if let after, after < 0 { throw ValidationError("--after \(after): at least 0") }
        if let since, let until, since > until { throw ValidationError("--since is later than --until: nothing is") }
        if follow && until != nil { throw ValidationError("--follow has no end, so there is nothing for --until") }
        if follow && limit != nil && after != nil {
            throw ValidationError("with --follow and --after nothing is left out: there is no --limit then")
        }
    }

    func run() async throws {
        try await exiting(common.config) {
            let config = try common.load()
            let place = try path.map { try MirrorPlace.read($0, config) }
            try Privileges.becomeOwner(of: config.state.directory)
            var query = HistoryQuery()
            (query.since, query.until, query.kinds) = (since, until, Set(event))
            if let place {
                query.path = place.readings.first
                let known = try await StateStore.look(at: config.stateFile) { [query] in
                    try await $0.query(query, about: place)
                }
                query = known ?? query
            }
            let output = follow ? TextOutput.standard : TextOutput.paged()
            do {
                try await print(query, from: config.stateFile, to: output)
            } catch {
                await output.finish()
                throw error
            }
            await output.finish()
            return .done
        }
    }

    private func print(_ query: HistoryQuery, from file: String, to output: TextOutput) async throws {
        var rest = limit
        if rest == nil && since == nil && after == nil { rest = Self.usualLimit }
        var pages = HistoryPages(file, try await begin(query, limit: rest, file), limit: rest)
        var count = 0
        while let rows = try await pages.next(), !rows.isEmpty {
            count += rows.count
            guard try await output.write(text(rows)) else { return }
        }
        if follow { return try await goOn(query, after: pages.after, from: file, to: output) }
        if count == 0, let nothing = try await whyNothing(query, file) {
            Terminal.standardError.write(line: "dbxsync: \(nothing)")
        }
    }

    /// The same, with the number after which it begins.
    private func begin(_ query: HistoryQuery, limit: Int?, _ file: String) async throws -> HistoryQuery {
        var query = query
        if let after {
            query.after = after
            let first = try await StateStore.look(at: file) { try await $0.historyMarks() }?.first
            if after > 0, let first, first > after + 1 {
                Terminal.standardError.write(line: "dbxsync: rows up to \(first - 1) are no longer kept")
            }
            return query
        }
        query.limit = limit
        let begin = try await StateStore.look(at: file) { [query] in try await $0.historyBeginning(query) } ?? nil
        query.after = begin.map { $0 - 1 } ?? 0
        return query
    }

    private func text(_ rows: [HistoryRow]) -> String {
        var text = ""
        for row in rows { text += (json ? HistoryText.json(row) : HistoryText.line(row)) + "\n" }
        return text
    }

    private func whyNothing(_ query: HistoryQuery, _ file: String) async throws -> String? {
        if json { return nil }
        let marks = try await StateStore.look(at: file) { try await $0.historyMarks() }
        guard let marks else { return "there is no history yet: dbxsync has not run here" }
        if marks.first == nil { return "there is no history yet" }
        let filled = try await StateStore.look(at: file) { try await $0.filling(above: query) } ?? nil
        return "no such changes are in the history" + (filled.map { "; " + HistoryText.filling($0) } ?? "")
    }

    private func goOn(_ query: HistoryQuery, after: Int64, from file: String, to output: TextOutput) async throws {
        var query = query
        query.after = after
        var watch = StateWatch(file)
        while !output.isAbandoned {
            if watch.isDue(now: .now) {
                var pages = HistoryPages(file, query)
                while let rows = try await pages.next(), !rows.isEmpty {
                    query.after = pages.after
                    guard try await output.write(text(rows)) else { return }
                }
            }
            try await Task.sleep(for: .seconds(1))
        }
    }
}
