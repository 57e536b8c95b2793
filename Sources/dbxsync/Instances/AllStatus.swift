import TextFormatting

/// `dbxsync status --all`: how each mirror of this machine stands, the worst first; pure.
struct AllStatus: Encodable, Equatable, Sendable {
    /// The exit code, which is that of the worst.
    let exitCode: Int32
    let mirrors: [Mirror]

    /// One mirror.
    struct Mirror: Encodable, Equatable, Sendable {
        let name: String
        /// Its configuration.
        let config: String
        /// What `dbxsync status` of it alone exits with.
        let exitCode: Int32
        /// Why nothing is known of it; null where something is.
        @Nullable var error: String?
        /// What `dbxsync status --json` of it alone prints.
        @Nullable var status: JSONValue?

        static func == (a: Mirror, b: Mirror) -> Bool {
            (a.name, a.config, a.exitCode, a.error) == (b.name, b.config, b.exitCode, b.error) && a.status == b.status
        }
    }

    /// Of what `status --json` has printed for each.
    init(_ runs: [InstanceRun]) {
        let read = runs.map { run in
            let status = run.trouble == nil ? JSONValue(run.output) : nil
            guard run.trouble == nil && status == nil else { return (run, status) }
            let why = "what it has said is no report"
            return (InstanceRun(run.instance, .unusableDirectory, output: "", trouble: why), nil)
        }
        mirrors = Self.sorted(read.map(\.0)).map { run in
            Mirror(
                name: run.instance.name, config: run.instance.file, exitCode: run.exitCode.rawValue, error: run.trouble,
                status: read.first { $0.0 == run }?.1)
        }
        exitCode = Self.exitCode(runs: read.map(\.0)).rawValue
    }

    /// That of the worst; where there is no mirror, none is configured.
    static func exitCode(runs: [InstanceRun]) -> ExitCode {
        runs.isEmpty ? .badConfiguration : ExitCode.worst(runs.map(\.exitCode))
    }

    /// The worst first, and by name where they are equal.
    static func sorted(_ runs: [InstanceRun]) -> [InstanceRun] {
        runs.sorted { ($0.exitCode.severity, $0.instance.name) < ($1.exitCode.severity, $1.instance.name) }
    }

    /// What `status --line` has printed for each, a line for each.
    static func lines(_ runs: [InstanceRun]) -> [String] {
        let width = (runs.map(\.instance.name.count).max() ?? 0) + 2
        return sorted(runs).map { run in
            escapingControls(HumanText.padded(run.instance.name, to: width) + line(run))
        }
    }

    /// How one of them stands, in a line.
    static func line(_ run: InstanceRun) -> String {
        run.trouble ?? run.output.split(separator: "\n").first.map(String.init) ?? "nothing is known"
    }

    /// What there is to say where there is no configuration.
    static func nothing(in folder: String) -> String {
        "there is no mirror on this machine: no \(folder)/dbxsync.conf, and nothing in \(folder)/dbxsync; to make one: dbxsync setup"
    }
}
