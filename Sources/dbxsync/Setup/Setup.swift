import Configuration
import Dropbox
import FileSystem
import Glibc
import Logging
import MirrorFS
import SyncModel
import TextFormatting

/// What was answered on the command line.
struct SetupAnswers: Sendable {
    var appKey, directory, folder, group: String?
    var code, verifier, credentials, endpoint: String?
    /// Whether the service is enabled and started.
    var starts = true
}

/// The way from an installed package to a running mirror: asks everything, says what it will do, and only then does it.
///
/// Until then nothing is written, so that it can be left at any question. Root asks Dropbox as the service's user, whose
/// sign-in it may have to renew.
struct Setup {
    private let place: SetupPlace
    private let answers: SetupAnswers
    private let dialogue: Dialogue
    private let neighbours: Neighbours
    private var draft: SetupDraft
    /// How long the account is looked at for sizes, and a download for its rate.
    private static let (patience, ratePatience) = (Duration.seconds(15), Duration.seconds(3))
    /// Less is not worth measuring a rate.
    private static let muchToDownload: Int64 = 20_000_000
    /// As many folders as a screen shows.
    private static let mostFolders = 30

    init(
        place: SetupPlace, answers: SetupAnswers, neighbours: Neighbours, dialogue: Dialogue
    ) throws(Failure) {
        (self.place, self.answers, self.neighbours, self.dialogue) = (place, answers, neighbours, dialogue)
        draft = SetupDraft(file: place.file, original: try Self.original(place.file))
    }

    private static func original(_ file: String) throws(Failure) -> String? {
        switch ConfigFile.text(of: file) {
        case .success(let text): return text
        case .failure(let problem): throw Failure(.badConfiguration, "\(file): \(problem.message)")
        }
    }

    /// Does all of it.
    ///
    /// - Throws: `Failure` with what is missing, or what does not work.
    mutating func run() async throws -> ExitCode {
        try prepare()
        try refuseSilence()
        dialogue.say(
            place.isService
                ? "This sets up \(place.unit) with \(place.file)."
                : "This sets up a mirror with \(place.file). No service is set up, because \(place.whyNoService ?? "")."
        )
        dialogue.say("Nothing is written before you have seen what will be done; Ctrl-C leaves everything as it is.")
        try await askForApp()
        try await askForDirectory()
        try refuseUneditable()
        let signIn = try await signIn()
        let extent = try await askForFolder(signIn)
        try await askForGroup()
        let config = try draft.checked()
        let forecast = await forecast(config, extent, signIn)
        await signIn.connection.stop()
        return try await carryOut(config, signIn, forecast)
    }

    /// Without a terminal all that has no default has to be on the command line; all that is missing is told at once.
    private func refuseSilence() throws(Failure) {
        if dialogue.isInteractive { return }
        var missing: [String] = []
        if !dialogue.saysYes { missing.append("--yes") }
        if answers.appKey == nil && draft.value("account.app_key") == nil { missing.append("--app-key") }
        let hasSignIn = access(Connection.credentialsFile(try draft.provisional()).path, F_OK) == 0
        // A verifier alone asks for the address.
        if answers.verifier == nil && answers.credentials == nil && !hasSignIn {
            missing.append("--code and --verifier, or --credentials")
        }
        if missing.isEmpty { return }
        throw Failure(
            .usage,
            "there is no terminal to ask on; answer by options: \(missing.joined(separator: ", ")) "
                + "(see: dbxsync setup --help)")
    }

    /// What is not asked for.
    private mutating func prepare() throws {
        _ = try draft.provisional()
        if let endpoint = answers.endpoint { try set("account.endpoint", to: endpoint, option: "--endpoint") }
        let state = place.stateDirectory
        defer { for other in neighbours.others where other.isUnknown { warn(of: other.instance) } }
        guard state != Config().state.directory else { return try refuseState() }
        if draft.value("state.directory") == nil { try set("state.directory", to: state, option: "state.directory") }
        if draft.value("account.credentials") == nil {
            let kept = draft.value("state.directory") ?? state
            try set("account.credentials", to: kept + "/credentials.json", option: "account.credentials")
        }
        try refuseState()
    }

    private func refuseState() throws(Failure) {
        guard let problem = neighbours.problem(ofState: try draft.provisional().state.directory) else { return }
        throw Failure(.badConfiguration, "\(place.file): state.directory: \(problem)")
    }

    private func warn(of other: Instance) {
        dialogue.say("\(other.file) cannot be read: whether its mirror is in the way of this one is not known")
    }

    /// Makes sure that what is asked for after the sign-in can be written there.
    ///
    /// A table may stand in braces, which nothing can be added to. Who would have to write it by hand is told before
    /// anybody has signed in.
    private func refuseUneditable() throws(Failure) {
        // What stands there already is the answer where nothing is asked and nothing was given.
        let later = [("mirror.remote_root", answers.folder, "/x"), ("mirror.group", answers.group, "x")]
        for (key, given, sample) in later where dialogue.asks || given != nil {
            do throws(ConfigValueError) {
                _ = try ConfigEdit.set(key, to: (draft.value(key) ?? "") + sample, in: draft.text)
            } catch {
                throw Failure(.badConfiguration, "\(place.file): \(error.message)")
            }
        }
    }

    private mutating func set(_ key: String, to value: String?, option: String) throws(Failure) {
        do throws(SetupRefusal) {
            try draft.set(key, to: value)
        } catch {
            throw Failure(.usage, "\(option): \(error.message)")
        }
    }

    // MARK: Questions

    private mutating func askForApp() async throws {
        if dialogue.asks && answers.appKey == nil {
            dialogue.say("\nThe Dropbox app")
            if draft.value("account.app_key") == nil {
                dialogue.say(
                    """
                      1. Open https://www.dropbox.com/developers/apps, "Create app": scoped access, full Dropbox, any name.
                      2. On its page under "Permissions" tick account_info.read, files.metadata.read and files.content.read,
                         and press Submit. For uploads (outbox, dbxsync put) also files.content.write.
                      3. Copy the app key from the "Settings" tab.
                    """)
            }
        }
        var draft = draft
        try await dialogue.ask(
            "App key", given: answers.appKey, usual: draft.value("account.app_key"), option: "--app-key"
        ) { try draft.set("account.app_key", to: $0) }
        self.draft = draft
    }

    private mutating func askForDirectory() async throws {
        if dialogue.asks && answers.directory == nil {
            dialogue.say(
                "\nThe directory of the mirror: it belongs to \(place.user.name), and nobody else should write to it")
        }
        var draft = draft
        let (user, neighbours) = (place.user, neighbours)
        try await dialogue.ask(
            "Directory", given: answers.directory, usual: draft.value("mirror.directory") ?? place.mirrorDirectory,
            option: "--directory"
        ) { answer in
            var next = draft
            try next.set("mirror.directory", to: answer)
            let config: Config
            do throws(Failure) {
                config = try next.provisional()
            } catch {
                throw SetupRefusal(error.message)
            }
            if let why = neighbours.problem(ofMirror: config.mirror.directory) { throw SetupRefusal(why) }
            if case .unusable(let why) = DirectoryState(config.mirror.directory, for: user) { throw SetupRefusal(why) }
            try await KnownMirror(config).refuse(directory: config.mirror.directory)
            draft = next
        }
        self.draft = draft
    }

    private mutating func askForGroup() async throws {
        let none = "-"
        if dialogue.asks && answers.group == nil {
            dialogue.say("\nWho else may read the files: the members of a group; \"-\" for that of \(place.groupName)")
        }
        var draft = draft
        try await dialogue.ask(
            "Group", given: answers.group, usual: draft.value("mirror.group") ?? none, option: "--group"
        ) { try draft.set("mirror.group", to: $0 == none ? nil : $0) }
        self.draft = draft
    }

    /// Asks which folder is mirrored, with how much is in each.
    ///
    /// - Returns: how much is in the one that was chosen, as far as it was looked at.
    private mutating func askForFolder(_ signIn: AccountSignIn) async throws -> AccountExtent {
        let survey = AccountSurvey(client: signIn.client)
        var (folders, all): ([String], AccountExtent?) = ([], nil)
        if dialogue.asks && answers.folder == nil {
            dialogue.say("\nThe Dropbox folder to mirror")
            folders = try await survey.topFolders(within: Self.patience)
            let extent = try await survey.extent(of: "", .everything, within: Self.patience, line: ProgressLine())
            show(folders, extent)
            all = extent
        }
        let known = await KnownMirror(try draft.provisional())
        try known.refuse(account: signIn.account)
        var (draft, chosen) = (draft, "")
        let current = draft.value("mirror.remote_root") ?? ""
        try await dialogue.ask(
            folders.isEmpty ? "Dropbox folder" : "Number or path", given: answers.folder,
            usual: current.isEmpty ? "/" : current, option: "--folder"
        ) { answer in
            chosen = try await signIn.folder(answer, folders)
            try known.refuse(folder: chosen)
            try draft.set(
                "mirror.remote_root", to: chosen.isEmpty && draft.value("mirror.remote_root") == nil ? nil : chosen)
        }
        self.draft = draft
        let selection = try draft.provisional().selection
        if let all, selection.isEverything {
            if chosen.isEmpty { return all }
            if all.isComplete, folders.contains(String(chosen.dropFirst())) {
                return all.part(String(chosen.dropFirst()))
            }
        }
        return try await survey.extent(of: chosen, selection, within: Self.patience, line: ProgressLine())
    }

    private func show(_ folders: [String], _ extent: AccountExtent) {
        let shown = folders.prefix(Self.mostFolders)
        let width = (shown.map(\.count).max() ?? 0) + 1
        dialogue.say("   0  \(HumanText.padded("everything", to: max(width, 10)))  \(extent.text(extent.total))")
        for (index, name) in shown.enumerated() {
            let number = HumanText.padded("\(index + 1)", to: 4, atStart: true)
            let amount = extent.folders[name].map(extent.text) ?? ""
            dialogue.say("\(number)  \(HumanText.padded("/" + name, to: max(width, 10)))  \(amount)")
        }
        if folders.count > shown.count { dialogue.say("      and \(folders.count - shown.count) more") }
    }

    // MARK: The sign-in

    private func signIn() async throws -> AccountSignIn {
        if dialogue.asks { dialogue.say("\nThe sign-in") }
        var config = try draft.provisional()
        config.mirror.remoteRoot = ""
        let given = try answers.credentials.map { try CredentialsFile(path: $0).read() }
        try Privileges.lower(to: place.user)
        let signingIn = SigningIn(
            config: config, dialogue: dialogue, answers: answers, option: place.option)
        if let given { return try await signingIn.takeOver(given) }
        if answers.code == nil, let present = try await signingIn.present() { return present }
        return try await signingIn.anew()
    }

    // MARK: Doing it

    private func forecast(_ config: Config, _ extent: AccountExtent, _ signIn: AccountSignIn) async -> Forecast {
        var forecast = Forecast(
            extent: extent, standing: await KnownMirror(config).standing,
            free: Self.free(at: config.mirror.directory), reserve: config.mirror.minFreeSpace)
        if forecast.missing >= Self.muchToDownload, let largest = extent.largest {
            forecast.rate = await AccountSurvey(client: signIn.client).rate(of: largest, within: Self.ratePatience)
        }
        return forecast
    }

    /// What is free where a directory is, or will be.
    private static func free(at directory: String) -> Int64? {
        var path = directory
        while !path.isEmpty {
            if let space = try? DiskSpace(of: path) { return space.free }
            path = path.pathAboveLastSlash ?? ""
        }
        return (try? DiskSpace(of: "/"))?.free
    }

    private func carryOut(_ config: Config, _ signIn: AccountSignIn, _ forecast: Forecast) async throws -> ExitCode {
        Privileges.raise()
        let writer = SetupWriter(place: place, draft: draft, config: config, credentials: signIn.new)
        let start = place.isService && answers.starts ? ["enable and start \(place.unit)"] : []
        dialogue.say("\nWhat is to be mirrored")
        for line in forecast.lines { dialogue.say("  " + line) }
        dialogue.say("\nWhat will be done")
        for line in writer.plan() + start { dialogue.say("  " + line) }
        guard try dialogue.confirms("\nDo it?") else {
            dialogue.say("Nothing was changed.")
            return .incomplete
        }
        let isChanged = try writer.write()
        var end = "everything is written"
        if place.isService && answers.starts {
            let service = ServiceStart(place: place, config: config, dialogue: dialogue)
            try service.start(isChanged: isChanged)
            dialogue.say("waiting for the first files (Ctrl-C only ends the waiting)")
            end = try await service.firstFiles()
        }
        dialogue.say("\nDone: \(end).\n\n" + advice.joined(separator: "\n"))
        return .done
    }

    /// What to look at next.
    private var advice: [String] {
        let option = place.option
        let commands: [(String, String)] =
            (place.isService
                ? answers.starts
                    ? [("journalctl -u \(place.unit) -f", "what it does")]
                    : [("systemctl enable --now \(place.unit)", "start it")]
                : [("dbxsync run\(option)", "start it; or one pass only: dbxsync sync\(option)")])
            + [
                ("dbxsync status\(option)", "whether the mirror is in step, and what cannot be mirrored"),
                ("dbxsync doctor\(option)", "what is wrong, when something is"),
                ("dbxsync held\(option)", "removals that wait for you, because they are too many at once"),
                ("dbxsync trash\(option)", "what Dropbox has removed or replaced, and is kept for a while"),
            ]
        let width = (commands.map(\.0.count).max() ?? 0) + 3
        return ["Next:"] + commands.map { "  " + HumanText.padded($0.0, to: width) + $0.1 }
    }
}
