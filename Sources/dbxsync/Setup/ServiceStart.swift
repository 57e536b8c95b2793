import Configuration
import Dropbox
import Engine
import Glibc
import MirrorFS
import Store
import SyncModel
import TextFormatting

/// Starts the service, and waits until something is seen of it.
struct ServiceStart {
    let place: SetupPlace
    let config: Config
    let dialogue: Dialogue

    /// How long a start may take: after a crash all of the state is read first.
    private static let startPatience = Duration.seconds(330)
    /// How long the first files are waited for.
    private static let patience = Duration.seconds(120)

    /// Enables and starts it, or starts it anew where something has changed.
    ///
    /// - Throws: `Failure` with what the service says of itself.
    func start(isChanged: Bool) throws(Failure) {
        try systemctl("daemon-reload")
        try systemctl("enable", place.unit)
        let facts = UnitFacts.read(place.unit + ".service")
        if facts?.isActive == true && !isChanged {
            dialogue.say("\(place.unit) is enabled and runs already")
            return
        }
        dialogue.say("starting \(place.unit)")
        try systemctl(facts?.isActive == true ? "restart" : "start", place.unit)
    }

    private func systemctl(_ verb: String, _ unit: String...) throws(Failure) {
        let command = ["systemctl", verb] + unit
        guard let done = CapturedCommand.run(command, within: Self.startPatience, errors: .joined) else {
            throw Failure(.incomplete, "there is no systemctl")
        }
        if done.isDone { return }
        let facts = UnitFacts.read(place.unit + ".service")
        let said = [facts?["StatusText"] ?? "", done.output].first { !$0.isEmpty } ?? "it did not end in time"
        throw Failure(
            .incomplete,
            "\(command.joined(separator: " ")): \(said.split(separator: "\n").joined(separator: "; "))\n"
                + "everything is written; look at: dbxsync doctor\(place.option); journalctl -u \(place.unit)")
    }

    // MARK: The first files

    /// How it gets on.
    private enum Sight: Equatable {
        case nothing
        case working(Progress)
        case waiting(String)
        /// A pass is over, and this is how the mirror stands.
        case settled(String)
    }

    /// Shows how the first pass gets on, until files have arrived.
    ///
    /// - Returns: what there is to say of it.
    func firstFiles() async throws -> String {
        let line = ProgressLine()
        defer { line.finish() }
        let end = ContinuousClock.now + Self.patience
        var last = Sight.nothing
        while ContinuousClock.now < end {
            last = await sight()
            switch last {
            case .settled(let verdict): return verdict
            case .working(let progress):
                if progress.filesTotal > 0 { line.update(progress) }
                if progress.filesDone > 0 && !line.isVisible || progress.filesDone >= Self.enough {
                    return "files arrive: \(HumanText.count(progress.filesDone)) so far"
                }
            case .waiting, .nothing: break
            }
            try await Task.sleep(for: .milliseconds(250))
        }
        switch last {
        case .working(let progress) where progress.filesDone > 0:
            return "files arrive: \(HumanText.count(progress.filesDone)) so far"
        case .waiting(let why): return "no file has arrived yet: \(why)"
        default: return "the account is being listed; files follow"
        }
    }

    /// So many files show that it works; nobody has to wait for the rest.
    private static let enough = 100

    private func sight() async -> Sight {
        guard let daemon = StatusReport.Daemon.running(config), let live = daemon.now else { return .nothing }
        if live.phase == "waiting" { return .waiting(live.reason ?? "it waits") }
        if live.phase == "idle", live.diskAsOf != nil, let verdict = await verdict { return .settled(verdict) }
        if live.phase == "idle" { return .nothing }
        var progress = Progress(live)
        progress.activity = live.isListing ? "listing and placing" : "placing"
        return .working(progress)
    }

    /// How the mirror stands; nil as long as no pass has come to its end.
    private var verdict: String? {
        get async {
            let report = try? await config.looking {
                try await StatusReport.glance($0, config: config, now: .now, paths: 1)
            }
            guard let report, report.inStepAsOf != nil else { return nil }
            if report.isWell { return "the mirror is in step" }
            return "\(StatusText.whyNotWell(report, now: .now)); see: dbxsync status\(place.option)"
        }
    }
}
