import TextFormatting

/// What one check of `dbxsync doctor` has found.
struct Finding: Encodable, Equatable, Sendable {
    /// How it is.
    enum Result: String, Encodable, Sendable {
        /// As it should be.
        case ok
        /// Nothing that keeps the mirror from being in step, but somebody should know of it.
        case warning
        /// It keeps the mirror from being in step, or will.
        case problem
        /// It could not be looked at, or does not apply.
        case skipped
    }

    /// What was looked at; a stable name.
    var name: String
    var result: Result
    /// What there is, in a line or several.
    var found: String
    /// What to do; null where nothing is to be done.
    @Nullable var advice: String?

    private init(_ name: String, _ result: Result, _ found: String, _ advice: String?) {
        (self.name, self.result, self.found) = (name, result, found)
        _advice = Nullable(wrappedValue: advice)
    }

    static func ok(_ name: String, _ found: String) -> Finding { Finding(name, .ok, found, nil) }

    static func warning(_ name: String, _ found: String, do advice: String? = nil) -> Finding {
        Finding(name, .warning, found, advice)
    }

    static func problem(_ name: String, _ found: String, do advice: String? = nil) -> Finding {
        Finding(name, .problem, found, advice)
    }

    static func skipped(_ name: String, _ why: String) -> Finding { Finding(name, .skipped, why, nil) }

    /// The same, in which each command of this program names a configuration.
    func naming(_ config: String) -> Finding {
        Finding(
            name, result, CommandText.namingAdvice(config, in: found),
            advice.map { CommandText.naming(config, in: $0) })
    }

    static func == (a: Finding, b: Finding) -> Bool {
        a.name == b.name && a.result == b.result && a.found == b.found && a.advice == b.advice
    }
}

/// All that `dbxsync doctor` has found, as one value: the JSON document of `--json`.
struct DoctorReport: Encodable, Sendable {
    /// Whether there is no problem.
    let ok: Bool
    let problems: Int
    let warnings: Int
    let version: String
    /// The configuration that was examined.
    let config: String
    /// As whom it was examined.
    let user: String
    /// In the order in which they build on each other.
    let checks: [Finding]

    init(_ checks: [Finding], config: String, user: String) {
        problems = checks.count { $0.result == .problem }
        warnings = checks.count { $0.result == .warning }
        ok = problems == 0
        version = Dbxsync.version
        (self.checks, self.config, self.user) = (checks, config, user)
    }

    /// The report for people: a line for each check, more only where something is to be done.
    var lines: [String] {
        checks.flatMap(Self.lines) + [Self.summary(problems, warnings)]
    }

    private static let indent = String(repeating: " ", count: 9)

    private static func lines(_ finding: Finding) -> [String] {
        let head = HumanText.padded(finding.result.rawValue + " ", to: indent.count) + finding.name + ": "
        let found = finding.found.split(separator: "\n").map { escapingControls(String($0)) }
        let advice = (finding.advice ?? "").split(separator: "\n").map { "-> " + escapingControls(String($0)) }
        return [head + (found.first ?? "")] + (found.dropFirst() + advice).map { indent + $0 }
    }

    private static func summary(_ problems: Int, _ warnings: Int) -> String {
        let said = [(problems, "problem"), (warnings, "warning")].filter { $0.0 > 0 }.map {
            HumanText.count($0.0, $0.1)
        }
        return said.isEmpty ? "all is well" : said.joined(separator: ", ")
    }
}
