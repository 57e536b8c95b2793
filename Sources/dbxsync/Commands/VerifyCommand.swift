import ArgumentParser
import Configuration
import Dropbox
import Engine
import Logging
import MirrorFS
import Store
import SyncModel
import TextFormatting

/// `dbxsync verify`: compares the mirror with the state by hashing.
struct VerifyCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "verify",
        abstract: "Compares every file of the mirror with the state, byte for byte.",
        discussion: """
            Finds what is missing, changed, has a wrong time or does not belong there. Works beside a running daemon; \
            --repair wants the daemon stopped: it sets strangers aside and fetches again what is damaged.
            """)

    @OptionGroup var common: CommonOptions

    @Flag(help: "Put differences right.")
    var repair = false

    @Flag(help: "Print the result as JSON.")
    var json = false

    func run() async throws {
        try await exiting(common.config) {
            let config = try common.loadAsOwner()
            let log = LogOutput(config.log, config: common.config)
            return repair ? try await repair(config, log) : try await compare(config, log)
        }
    }

    /// Changes nothing but what is known of the age of proofs; a daemon that runs beside it makes differences that do not last.
    private func compare(_ config: Config, _ log: LogOutput) async throws -> ExitCode {
        let store = try StateStore.openReadOnly(at: config.stateFile)
        try await store.verifyChecksums()
        let mirror = try MirrorTree.openReadOnly(
            at: config.mirror.directory, expecting: try await store.progress().mirrorID)
        let isShared = InstanceLock.holder(stateDirectory: config.state.directory) != nil
        let book = ProofTable(at: config.stateFile)
        let verifier = Verifier(
            store: store, mirror: mirror, disk: DiskPool(), selection: config.selection,
            lasting: isShared ? .seconds(2) : nil, proving: { await book.note($0, at: .now) })
        let result = try await look(verifier, log: log) { _ in }
        let broken = try await store.brokenInvariants()
        for line in broken { Terminal.standardError.write(line: "dbxsync: state: \(escapingControls(line))") }
        printOut(json ? try JSONText.of(result) : result.summary)
        return result.differences == 0 && broken.isEmpty ? .done : .incomplete
    }

    private func repair(_ config: Config, _ log: LogOutput) async throws -> ExitCode {
        let logger = log.logger()
        let composition = try await CompositionRoot.open(config, calls: .oneShot, rebuilding: false, logger: logger)
        try await composition.store.select(config.selection)
        let verifier = Verifier(
            store: composition.store, mirror: composition.mirror, disk: composition.disk,
            selection: config.selection,
            lasting: nil, proving: { [store = composition.store] in try await store.prove($0, at: .now) })
        let repair = Repair(
            store: composition.store, mirror: composition.mirror, disk: composition.disk, now: { .now })
        let restored = try await composition.store.restoreInvariants()
        if restored > 0 {
            logger.notice("\(restored) records of the state are put right", metadata: ["event": "state_repaired"])
        }
        var failures = 0
        var result = try await look(verifier, log: log) { findings in
            let taken = try await repair.take(findings)
            for place in taken.places {
                logger.notice(
                    "\(place.path.remoteText): set aside, it is now \(place.now)",
                    metadata: ["event": "set_aside", "path": "\(place.path.remoteText)"])
            }
            for failure in taken.failures {
                logger.error("\(failure)", metadata: ["event": "not_repaired"])
            }
            failures += taken.failures.count
        }
        if result.differences + restored > 0 {
            try await composition.store.retryAll()
            try await composition.engine.pass()
        }
        let status = try await StatusReport.gather(composition.store, config: config, daemon: nil)
        await composition.close()
        result.repaired = status.inStep && failures == 0
        if !json { for line in StatusText.issues(status) { printOut(line) } }
        printOut(json ? try JSONText.of(result) : result.summary)
        return result.repaired == true ? .done : .incomplete
    }

    private func look(
        _ verifier: Verifier, log: LogOutput, take: @escaping ([Verifier.Finding]) async throws -> Void
    ) async throws -> VerifyResult {
        let progress = ProgressLine(terminal: log.terminal)
        defer { progress.finish() }
        var result = VerifyResult()
        let counts = try await verifier.run {
            progress.update(
                Progress(
                    activity: "compared", filesDone: $0.files, filesTotal: $0.files, bytesDone: $0.bytes,
                    bytesTotal: $0.bytes))
        } _: { findings in
            for finding in findings {
                result.add(finding)
                if !json { printOut(escapingControls("\(finding.word)  \(finding.path)")) }
            }
            try await take(findings)
        }
        result.files = counts.files
        result.folders = counts.folders
        result.bytes = counts.bytes
        return result
    }
}

/// The JSON document of `verify --json`.
private struct VerifyResult: Encodable {
    /// The most paths that are listed.
    private static let mostPaths = 1000

    var files = 0
    var folders = 0
    var bytes: Int64 = 0
    var differences = 0
    @Nullable var repaired: Bool?
    var paths: [Path] = []

    struct Path: Encodable {
        var path: String
        var difference: String
    }

    mutating func add(_ finding: Verifier.Finding) {
        differences += 1
        if paths.count < Self.mostPaths { paths.append(Path(path: finding.path.text, difference: finding.word)) }
    }

    var summary: String {
        let compared =
            "\(HumanText.count(files, "file")) and \(HumanText.count(folders, "folder")) compared, "
            + "\(HumanText.bytes(bytes)): "
        if differences == 0 { return compared + "no difference" }
        let found = compared + HumanText.count(differences, "difference")
        return repaired == true ? found + ", put right" : found
    }
}

extension Verifier.Finding {
    /// What is wrong in a word: `missing`, `kind`, `content`, `time`, `unreadable`, `mount` or `stranger`.
    fileprivate var word: String {
        switch kind {
        case .damaged(_, let damage): damage.rawValue
        case .stranger: "stranger"
        }
    }
}
