import ArgumentParser
import Configuration
import Dropbox
import MirrorFS
import Store
import SyncModel
import TextFormatting

/// `dbxsync explain`: why something stands in the mirror as it does.
struct ExplainCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "explain",
        abstract: "Says what Dropbox has at a path, what stands here, and why they differ or do not.",
        discussion: """
            PATH is a path as "dbxsync status" writes it, a path of this machine in the mirror, or an "id:", for which \
            Dropbox is asked. Works with and without a running daemon. Exits with 0 if what stands is what is wanted, \
            with 1 if not.
            """)

    @OptionGroup var common: CommonOptions

    @Argument(help: "What to explain.")
    var path: String

    @Flag(help: "Ask Dropbox what it has there right now.")
    var ask = false

    @Flag(help: "Print the report as JSON.")
    var json = false

    func run() async throws {
        try await exiting(common.config) {
            let config = try common.load()
            let isID = path.hasPrefix("id:")
            let place = isID ? nil : try MirrorPlace.read(path, config)
            try Privileges.becomeOwner(of: config.state.directory)
            let log = LogOutput(config.log, config: common.config)
            let account = LazyAccount(config, logger: log.logger())
            let store = try config.readableState()
            let text: String
            var answer: ExplainReport.Answer?
            if let place {
                text = try await RestorePlanner(
                    store, remoteRoot: config.mirror.remoteRoot, client: { try await account.client() }
                ).known(place)
                if ask && text != "/" { answer = await Self.ask(text, of: store, config, account) }
            } else {
                let entry: RemoteEntry
                do {
                    entry = try await account.client().metadata(of: path)
                } catch let error as DropboxError {
                    throw error.failure(about: path)
                }
                text = try below(entry.pathDisplay, config.mirror.remoteRoot)
                answer = ExplainReport.Answer(content: ExplainReport.Content(entry.node), failure: nil)
            }
            await account.stop()
            let report = try await ExplainReport.gather(
                text, try await sources(store, config), asked: answer)
            if json {
                printOut(try JSONText.of(report))
            } else {
                for line in ExplainText.lines(report, now: .now) { printOut(line) }
            }
            return report.asWanted ? .done : .incomplete
        }
    }

    private func sources(_ store: StateStore, _ config: Config) async throws -> ExplainReport.Sources {
        let expected = try await store.progress().mirrorID
        let mirror = Result {
            if expected == nil { throw Failure(.incomplete, "no pass has been made yet") }
            return try MirrorTree.openReadOnly(at: config.mirror.directory, expecting: expected)
        }
        return ExplainReport.Sources(
            store: store, config: config, file: common.config, mirror: mirror.mapError { Failure.of($0) },
            isWatched: StatusReport.Daemon.running(config)?.now?.isWatched == true, now: .now)
    }

    /// The path below the mirrored folder.
    private func below(_ path: String, _ remoteRoot: String) throws(Failure) -> String {
        let (names, above) = (path.pathComponents, remoteRoot.pathComponents)
        guard names.map(\.pathKey).starts(with: above.map(\.pathKey)) else {
            throw Failure(.usage, "\(self.path): is \(path), which lies outside of \(remoteRoot), which is mirrored")
        }
        return "/" + names.dropFirst(above.count).joined(separator: "/")
    }

    /// Of an exported file the document is asked for: Dropbox has no such file.
    private static func ask(
        _ path: String, of store: StateStore, _ config: Config, _ account: LazyAccount
    ) async -> ExplainReport.Answer {
        do {
            let known = try await store.facts(of: [path.pathKey]).first?.want
            var asked = path
            if case .export(_, let file)? = known { asked = file.source.text }
            let entry = try await account.client().metadata(of: config.mirror.remoteRoot + asked)
            if case .export? = known, let known, entry.node.rev == known.rev {
                return ExplainReport.Answer(content: ExplainReport.Content(known), failure: nil)
            }
            let node = entry.node.decidingLinks(at: path.pathKey, isCreated: config.mirror.createsSymlinks)
            return ExplainReport.Answer(content: ExplainReport.Content(node), failure: nil)
        } catch let error as DropboxError where error.code == .refused && error.summary == "path/not_found" {
            return ExplainReport.Answer(content: nil, failure: nil)
        } catch {
            return ExplainReport.Answer(content: nil, failure: Failure.of(error).message)
        }
    }
}
