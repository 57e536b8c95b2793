import AccountChecks
import ArgumentParser
import Configuration
import Dropbox
import Engine
import Glibc
import Logging
import MirrorFS
import Store
import SyncModel
import TextFormatting
import Transport
import UnixSignals

/// `dbxsync sync`: one complete pass.
struct SyncCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "sync", abstract: "Makes one complete pass, then exits: 0 when the mirror is in step.")

    @OptionGroup var common: CommonOptions

    @Flag(name: .long, help: "Print what would be done, with bytes, and change nothing.")
    var dryRun = false

    @Flag(help: "Print the result as JSON.")
    var json = false

    func run() async throws {
        try await exiting(common.config) {
            let config = try common.loadAsOwner()
            let log = LogOutput(config.log, config: common.config)
            if dryRun { return try await preview(config, log) }
            do {
                return try await pass(config, log)
            } catch let error as StoreError {
                guard error.code == .setAside else { throw error }
                log.logger().warning("\(error.message); the pass begins anew", metadata: ["event": "state_damaged"])
                return try await pass(config, log)
            }
        }
    }

    // MARK: The pass

    private func pass(_ config: Config, _ log: LogOutput) async throws -> ExitCode {
        let composition = try await CompositionRoot.open(config, calls: .oneShot, logger: log.logger())
        let end: End
        do {
            try await composition.store.retryAll()
            end = try await endOfPass(composition, ProgressLine(terminal: log.terminal))
        } catch {
            throw await composition.close(after: error)
        }
        guard case .done(let report) = end else {
            await composition.close()
            log.logger().notice("interrupted; what is placed stays, and the next pass continues from here")
            return Self.dieOfSignal(end)
        }
        let status = try await StatusReport.gather(composition.store, config: config, daemon: nil)
        await composition.close()
        if json {
            printOut(try JSONText.of(SyncResult(report, status)))
        } else {
            let issues = StatusText.issues(status)
            if !status.inStep, issues.isEmpty || status.held != nil { printOut(StatusText.heading(status, .now)) }
            for line in issues { printOut(line) }
            if let line = PassTimesText.line(report) { log.logger().info("\(line)") }
        }
        return status.inStep ? .done : .incomplete
    }

    private enum End: Sendable {
        case done(PassReport)
        case signal(Int32)
    }

    /// The pass, unless a signal ends it first; then downloads stop and the batch being published is finished.
    private func endOfPass(_ composition: CompositionRoot, _ progress: ProgressLine) async throws -> End {
        defer { progress.finish() }
        return try await withThrowingTaskGroup(of: End?.self) { group in
            group.addTask { .done(try await composition.engine.pass()) }
            group.addTask {
                for await signal in await UnixSignalsSequence(trapping: .sigint, .sigterm) {
                    let number = signal == .sigint ? SIGINT : SIGTERM
                    LastResort.arm(signal: number)
                    return .signal(number)
                }
                return nil
            }
            group.addTask {
                while !Task.isCancelled {
                    progress.show(composition.board.now)
                    try? await Task.sleep(for: .milliseconds(250))  // cancelled: the loop ends
                }
                return nil
            }
            defer { group.cancelAll() }
            while let end = try await group.next() {
                guard let end else { continue }
                group.cancelAll()
                while let rest = try? await group.next() { _ = rest }
                return end
            }
            return .signal(SIGTERM)
        }
    }

    /// Ends as a program ends that does not know the signal, so that shells and scripts see what happened.
    private static func dieOfSignal(_ end: End) -> ExitCode {
        guard case .signal(let number) = end else { return .incomplete }
        signal(number, SIG_DFL)
        kill(getpid(), number)
        return .incomplete
    }

    // MARK: The dry run

    private func preview(_ config: Config, _ log: LogOutput) async throws -> ExitCode {
        let copy = try StateStore.scratchCopy(of: config.stateFile)
        try await copy.verifyChecksums()
        let connection = Connection(config, calls: .oneShot, logger: log.logger())
        let source = AccountGuard(
            clients: connection.accountClients(try connection.tokens()), remoteRoot: config.mirror.remoteRoot,
            space: config.account.space, store: copy, onAccount: { _ in })
        let progress = try await copy.progress()
        let mirror =
            progress.everListed
            ? try MirrorTree.openReadOnly(at: config.mirror.directory, expecting: progress.mirrorID) : nil
        let preview = PlanPreview(
            remote: source, copy: copy, mirror: mirror, selection: config.selection, brake: config.brake,
            acceptance: Acceptance(config.mirror.accept), now: { .now }, logger: log.logger())
        let isText = !json
        let totals = try await preview.run { if isText { printOut(PreviewText.line($0)) } }
        await connection.stop()
        printOut(json ? try JSONText.of(PlanResult(totals)) : totals.text)
        return .done
    }
}

/// The JSON document of `sync --json`.
private struct SyncResult: Encodable {
    let inStep: Bool
    let placed, links, downloaded, adopted, moved, copied, folders, removed, setAside, failed, parked, accepted: Int
    let bytes, bytesPerSecond: Int64
    /// By stage, and `total`.
    let seconds: [String: Double]
    let issues: [StatusReport.Path]
    /// The same under the key of version 0.1.0.
    let troubles: [StatusReport.Path]
    let unread: Int
    let unreadEntries: [StatusReport.UnreadEntry]

    init(_ report: PassReport, _ status: StatusReport) {
        inStep = status.inStep
        (placed, links) = (report.placed, report.links)
        downloaded = report.downloaded
        adopted = report.adopted
        moved = report.moved
        copied = report.copied
        folders = report.folders
        removed = report.removed
        setAside = report.setAside
        failed = report.failed
        (parked, accepted) = (report.parked, report.accepted)
        (bytes, bytesPerSecond) = (report.bytes, report.bytesPerSecond)
        seconds = report.times.seconds
        (issues, troubles) = (status.issues, status.issues)
        (unread, unreadEntries) = (status.unread, status.unreadEntries)
    }
}

/// The JSON document of `sync --dry-run --json`.
private struct PlanResult: Encodable {
    let files, downloads, exports, folders, links, renames, removals, parked, accepted, leftOut: Int
    let bytes: Int64
    /// Whether there are more removals than the guard lets through.
    let wouldBeHeld: Bool

    init(_ totals: PlanPreview.Totals) {
        files = totals.files
        (downloads, exports) = (totals.downloads, totals.exports)
        folders = totals.folders
        links = totals.links
        renames = totals.renames
        removals = totals.removals
        (parked, accepted, leftOut) = (totals.parked, totals.accepted, totals.leftOut)
        bytes = totals.bytes
        wouldBeHeld = totals.wouldBeHeld
    }
}

extension PlanPreview.Totals {
    /// The counts for people.
    fileprivate var text: String {
        let rest =
            (accepted > 0 ? "; \(HumanText.count(accepted)) accepted" : "")
            + (leftOut > 0
                ? "; \(HumanText.count(leftOut)) left out, by mirror.exclude, mirror.include or mirror.max_size" : "")
        if isEmpty { return "nothing to do" + rest }
        let documents =
            exports > 0 ? " and \(HumanText.count(exports, "document")) to export, of a size that nobody knows yet" : ""
        return "\(HumanText.count(files, "file")) to place, \(HumanText.bytes(bytes)) to download in "
            + "\(HumanText.count(downloads, "file"))\(documents); \(HumanText.count(folders, "folder")) to make, "
            + (links > 0 ? "\(HumanText.count(links, "link")) to make, " : "")
            + "\(renames) to rename, \(removals) to remove, \(parked) cannot be mirrored" + rest
            + (wouldBeHeld ? "; \(HumanText.count(losses, "removal")) would be held: more than the guard allows" : "")
    }
}
