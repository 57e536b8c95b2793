import Configuration
import Dropbox
import Engine
import FileSystem
import Glibc
import SyncModel
import Synchronization

/// All checks of a configuration, those that have nothing to do with each other side by side.
///
/// Nothing is changed but a sign-in that has to be renewed, as every command renews it. As root it begins with what only
/// root can see, and then becomes the user of the service, for good.
struct Examination: Sendable {
    /// The configuration.
    let file: String
    /// Where the configurations of the machine are.
    private let folder: String
    private let board = FindingBoard()
    /// Disks may not answer for a long time: they get threads of their own.
    private let pool = DiskPool(threads: 4)

    init(file: String, folder: String) { (self.file, self.folder) = (file, folder) }

    /// How long all of it may take, in seconds, and what asks the account.
    private static let patience: UInt32 = 50
    private static let networkPatience = Duration.seconds(25)

    /// Examines everything.
    ///
    /// - Parameter expired: is given what was found so far if all of it takes too long, from another thread; the process is
    ///   to end then.
    func report(expired: @escaping @Sendable (DoctorReport) -> Void) async -> DoctorReport {
        watch(expired)
        switch ConfigFile.load(file) {
        case .failure(let problems): await examine(broken: problems)
        case .success(let config): await examine(config)
        }
        return board.report(file)
    }

    private func watch(_ expired: @escaping @Sendable (DoctorReport) -> Void) {
        let (board, file) = (board, file)
        // Without a thread it may take longer.
        try? startThread {
            // Becoming another user interrupts it: all threads are told by a signal (nptl(7)).
            var left = Self.patience
            while left > 0 { left = sleep(left) }
            board.giveUp("there was no answer within \(Self.patience) s")
            expired(board.report(file))
        }
    }

    private func examine(broken problems: ConfigProblems) async {
        if MissingConfig(file, in: folder) != nil {
            board.add([.problem("configuration", "there is no \(file)", do: "dbxsync setup")])
        } else {
            let isForbidden = access(file, R_OK) != 0 && errno == EACCES
            let advice = isForbidden ? "run this as root" : "correct it; dbxsync setup asks for what has to be set"
            board.add([.problem("configuration", problems.description, do: advice)])
        }
        let unit = DropIn.unit(of: file)
        await service(unit, nil, nil)
    }

    private func examine(_ config: Config) async {
        board.add([Self.configuration(config, file)])
        board.add([Self.commands(config)].compactMap(\.self))
        let unit = DropIn(config, file: file).unit
        // Of another configuration no unit tells anything.
        let facts = await facts(unit).flatMap { $0.runs(file) ? $0 : nil }
        do throws(Failure) {
            try becomeUser(config, facts)
        } catch {
            board.add([.problem("user", error.message)])
        }
        let user = facts.flatMap { $0.isThere ? $0.user : nil }
        let checks = NetworkChecks(config: config, environment: Variables.all)
        await withTaskGroup(of: Void.self) { group in
            group.addTask { await board.expect(NetworkChecks.hostNames) { await checks.hosts() } }
            group.addTask(executorPreference: pool) {
                await board.expect([Self.neighboursName]) {
                    let found = await DiskInquiry(of: folder).answer { neighbours(config) }
                    let silence = Finding.skipped(Self.neighboursName, "the disk of one of them does not answer")
                    return [found ?? silence].compactMap(\.self)
                }
            }
            group.addTask(executorPreference: pool) {
                let state = StateChecks(config: config, serviceUser: user, now: .now)
                var outcome = StateChecks.Outcome(findings: [])
                await board.expect(StateChecks.names) {
                    outcome = await state.outcome()
                    return outcome.findings
                }
                await afterState(config, outcome, facts, checks)
            }
        }
    }

    private func afterState(
        _ config: Config, _ outcome: StateChecks.Outcome, _ facts: UnitFacts?, _ checks: NetworkChecks
    ) async {
        await withTaskGroup(of: Void.self) { group in
            group.addTask {
                await board.expect(NetworkChecks.accountNames) {
                    await limited(NetworkChecks.accountNames) { await checks.account(outcome.origin) }
                }
            }
            group.addTask(executorPreference: pool) {
                await board.expect(DiskChecks.names) {
                    await DiskChecks(config: config, known: outcome.known).findingsInTime()
                }
            }
            group.addTask(executorPreference: pool) { await service(facts, config, outcome.files) }
        }
    }

    /// What `work` finds in time.
    private func limited(_ names: [String], _ work: @escaping @Sendable () async -> [Finding]) async -> [Finding] {
        await withTaskGroup(of: [Finding].self) { race in
            race.addTask { await work() }
            race.addTask {
                try? await Task.sleep(for: Self.networkPatience)  // cancelled: the other was first
                let why = "there was no answer within \(Self.networkPatience.components.seconds) s"
                return names.map { .problem($0, why) }
            }
            defer { race.cancelAll() }
            return await race.next() ?? []
        }
    }

    fileprivate static let neighboursName = "other mirrors"

    /// Other mirrors of this machine that are in the way of this one; nil where there is none at all.
    private func neighbours(_ config: Config) -> Finding? {
        let name = Self.neighboursName
        do throws(Failure) {
            let neighbours = try Neighbours(of: file, in: folder)
            let problems = [
                neighbours.problem(ofMirror: config.mirror.directory),
                neighbours.problem(ofState: config.state.directory),
            ].compactMap(\.self)
            if !problems.isEmpty {
                return .problem(
                    name, problems.joined(separator: "\n"), do: "move one of them, and correct its configuration")
            }
            return Self.neighbours(neighbours.others)
        } catch {
            return .warning(name, error.message)
        }
    }

    /// Judges mirrors of which none is known to be in the way.
    static func neighbours(_ others: [Neighbours.Neighbour]) -> Finding? {
        if others.isEmpty { return nil }
        func names(_ some: [Neighbours.Neighbour]) -> String { some.map(\.instance.name).joined(separator: ", ") }
        let hidden = others.filter { $0.mirror == nil }
        let known = others.filter { !hidden.contains($0) }
        let beside = known.isEmpty ? "" : "\(names(known)): beside this one"
        guard !hidden.isEmpty else { return .ok(neighboursName, beside) }
        let files = hidden.map(\.instance.file).joined(separator: ", ")
        let unknown = "\(names(hidden)): \(files) cannot be read, and so not where that mirror is"
        return .warning(
            neighboursName, beside.isEmpty ? unknown : beside + "\n" + unknown,
            do: hidden.map { "dbxsync check-config --config \($0.instance.file)" }.joined(separator: "\n"))
    }

    private static func configuration(_ config: Config, _ file: String) -> Finding {
        let warnings = ConfigFile.warnings(config, in: file)
        if warnings.isEmpty { return .ok("configuration", "no errors in \(file)") }
        return .warning("configuration", warnings.map(\.description).joined(separator: "\n"), do: "correct it")
    }

    // MARK: Whose mirror it is

    /// Root becomes who the service runs as: the owner of the state, or the user of the unit before there is one.
    private func becomeUser(_ config: Config, _ facts: UnitFacts?) throws(Failure) {
        try Privileges.becomeOwner(of: config.state.directory)
        guard geteuid() == 0, let facts, facts.isThere, let user = Privileges.User.named(facts.user) else { return }
        try Privileges.become(user, because: "runs \(facts.unit)")
    }

    // MARK: The service

    private func facts(_ unit: String) async -> UnitFacts? {
        // The work itself throws nothing.
        (try? await pool.run { UnitFacts.read(unit) }) ?? nil
    }

    private func service(_ unit: String, _ config: Config?, _ files: Int?) async {
        await service(await facts(unit), config, files)
    }

    private func service(_ facts: UnitFacts?, _ config: Config?, _ files: Int?) async {
        guard let facts else {
            let why = UnitFacts.isBooted ? "no unit of dbxsync runs with \(file)" : "systemd does not run here"
            board.add([.skipped("service", why)] + Self.group(config))
            return
        }
        let isRunning = config.map { StatusReport.Daemon.running($0) != nil } ?? false
        let checks = ServiceChecks(
            facts: facts, file: file, config: config, isRunning: isRunning, environment: Variables.all)
        board.add(await checks.findingsInTime() + (facts.isThere ? [] : Self.group(config)))
        board.add([(await self.facts(StatusPageCheck.unit)).flatMap(StatusPageCheck.finding)].compactMap(\.self))
        guard facts.isThere, let settings = JournalCheck.settings() else { return }
        board.add([JournalCheck.finding(settings, files: files)])
    }

    /// Without a unit, who asks is who works.
    private static func group(_ config: Config?) -> [Finding] {
        guard let config else { return [] }
        do throws(Failure) {
            _ = try Groups.configured(config)
            return []
        } catch {
            return [.problem("group", error.message)]
        }
    }

    /// Commands that are run for changes and cannot be.
    private static func commands(_ config: Config) -> Finding? {
        let name = "commands"
        if config.onChange.isEmpty { return nil }
        let problems = config.onChange.keys.sorted().compactMap { key -> String? in
            guard let program = config.onChange[key]?.command.first else { return nil }
            return problem(of: program).map { "on_change.\(key): \(program) \($0)" }
        }
        if problems.isEmpty { return .ok(name, "\(config.onChange.keys.sorted().joined(separator: ", ")): can be run") }
        return .problem(name, problems.joined(separator: "\n"), do: "install the program, or correct the command")
    }

    private static func problem(of program: String) -> String? {
        var status = stat()
        guard stat(program, &status) == 0 else { return "cannot be found: \(SystemError(errno))" }
        guard status.st_mode & S_IFMT == S_IFREG else { return "is no file" }
        return status.st_mode & 0o111 == 0 ? "is not executable" : nil
    }
}

/// Takes what checks find, in whatever order they end, and knows which have not ended yet.
private final class FindingBoard: Sendable {
    private struct State {
        var findings: [Finding] = []
        var expected: Set<String> = []
    }

    private let state = Mutex(State())

    /// The order in which checks build on each other.
    private static let order =
        ["configuration", "commands", Examination.neighboursName, "user", "group"] + ServiceChecks.names + [
            JournalCheck.name, StatusPageCheck.name,
        ]
        + StateChecks.names.prefix(3) + DiskChecks.names + NetworkChecks.hostNames + NetworkChecks.accountNames
        + StateChecks.names.dropFirst(3) + StateChecks.keptNames

    func add(_ findings: [Finding]) { state.withLock { $0.findings += findings } }

    /// Takes what `work` finds; until then it is known that something is to come.
    func expect(_ names: [String], _ work: () async -> [Finding]) async {
        state.withLock { $0.expected.formUnion(names) }
        let found = await work()
        state.withLock {
            $0.findings += found
            $0.expected.subtract(names)
        }
    }

    /// Takes down that nothing more comes.
    func giveUp(_ why: String) {
        state.withLock { state in
            let known = Set(state.findings.map(\.name))
            state.findings += state.expected.subtracting(known).map { .problem($0, why) }
            state.expected = []
        }
    }

    func report(_ file: String) -> DoctorReport {
        let findings = state.withLock { $0.findings }
        let sorted = findings.enumerated().sorted { one, other in
            (Self.place(one.element), one.offset) < (Self.place(other.element), other.offset)
        }
        return DoctorReport(sorted.map { $0.element.naming(file) }, config: file, user: Privileges.User.current.name)
    }

    private static func place(_ finding: Finding) -> Int { order.firstIndex(of: finding.name) ?? order.count }
}
