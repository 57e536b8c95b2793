import Dropbox

/// What this program has said when it was run for one instance.
struct InstanceRun: Equatable, Sendable {
    let instance: Instance
    let exitCode: ExitCode
    /// What it has printed.
    let output: String
    /// Why it has printed nothing, or not all; nil where there was no trouble.
    let trouble: String?

    init(_ instance: Instance, _ exitCode: ExitCode, output: String, trouble: String? = nil) {
        (self.instance, self.exitCode, self.output, self.trouble) = (instance, exitCode, output, trouble)
    }

    /// How long one may take; its disk may not answer.
    static let patience = Duration.seconds(20)
    /// Processes at a time.
    private static let most = 8

    /// Runs this program for each instance, side by side, as a process of its own: what one of them waits for, or breaks
    /// at, holds up none of the others, and each works as the user who owns its state.
    ///
    /// - Parameters:
    ///   - arguments: the command with its options; `--config` is added.
    ///   - limit: how long each of them may take.
    /// - Returns: what came of it, in the order of the instances.
    static func all(
        _ instances: [Instance], _ arguments: [String], within limit: Duration = patience
    ) async -> [InstanceRun] {
        await withTaskGroup(of: InstanceRun.self) { group in
            var (waiting, runs) = (instances[...], [InstanceRun]())
            while waiting.count + runs.count > instances.count - most, let next = waiting.popFirst() {
                group.addTask { await one(next, arguments, within: limit) }
            }
            while let run = await group.next() {
                runs.append(run)
                if let next = waiting.popFirst() { group.addTask { await one(next, arguments, within: limit) } }
            }
            return instances.compactMap { instance in runs.first { $0.instance == instance } }
        }
    }

    private static func one(_ instance: Instance, _ arguments: [String], within limit: Duration) async -> InstanceRun {
        let command = ["/proc/self/exe"] + arguments + ["--config", instance.file]
        let ran = await onThread { CapturedCommand.run(command, within: limit, errors: .apart) } ?? nil
        return InstanceRun(instance, ran, within: limit)
    }

    /// Judges what a process has done.
    init(_ instance: Instance, _ ran: CapturedCommand?, within limit: Duration) {
        guard let ran else {
            self.init(instance, .unusableDirectory, output: "", trouble: "no process can be started for it")
            return
        }
        guard let number = ran.exitCode else {
            let why =
                "nothing is known: there was no answer within \(limit.components.seconds) s; its disk may not answer"
            self.init(instance, .unusableDirectory, output: "", trouble: why)
            return
        }
        let code = ExitCode(rawValue: number) ?? .unusableDirectory
        if code == .done || code == .incomplete {
            self.init(instance, code, output: ran.output)
            return
        }
        let lines = ran.errors.split(separator: "\n").map { $0.hasPrefix("dbxsync: ") ? $0.dropFirst(9) : $0 }
        let more = lines.count > 1 ? " (and \(lines.count - 1) more)" : ""
        self.init(
            instance, code, output: ran.output,
            trouble: (lines.first.map(String.init) ?? "exit code \(number)") + more)
    }
}

extension ExitCode {
    /// The most serious first: what nobody but a person can cure, what cannot be used, what passes, what is listed.
    private static let bySeverity: [ExitCode] = [
        .badConfiguration, .signedOut, .unusableDirectory, .held, .unreachable, .usage, .incomplete, .done,
    ]

    /// Its place among all of them; 0 is the most serious.
    var severity: Int { Self.bySeverity.firstIndex(of: self) ?? 0 }

    /// The most serious of several; `done` of none.
    static func worst(_ codes: some Sequence<ExitCode>) -> ExitCode {
        codes.min { $0.severity < $1.severity } ?? .done
    }
}
