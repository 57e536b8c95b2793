import ArgumentParser
import Configuration
import Dropbox
import Glibc
import TextFormatting

/// `dbxsync setup`: from an installed package to a running mirror.
struct SetupCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "setup",
        abstract: "Sets up a mirror, asking: configuration, directory, sign-in, service.",
        discussion: """
            Asks for what has no answer yet, says what it will do, and does it only then. It can be run again at any time: \
            what is configured is what an empty answer means, and all else in the configuration stays as it is. Scripts \
            answer by options, with --yes.
            """)

    @Option(help: ArgumentHelp("The configuration.", valueName: "file"))
    var config: String?

    @Option(help: ArgumentHelp("Set up the service dbxsync@NAME, with /etc/dbxsync/NAME.conf.", valueName: "name"))
    var instance: String?

    @Flag(help: "Ask nothing that has an answer.")
    var yes = false

    @Option(help: ArgumentHelp("The key of your Dropbox app.", valueName: "key"))
    var appKey: String?

    @Option(help: ArgumentHelp("The directory of the mirror.", valueName: "dir"))
    var directory: String?

    @Option(help: ArgumentHelp("The Dropbox folder to mirror; / for everything.", valueName: "folder"))
    var folder: String?

    @Option(
        help: ArgumentHelp("The group whose members may read the files; - for the service's own.", valueName: "group"))
    var group: String?

    @Option(parsing: .unconditional, help: "The code that the page of the sign-in has shown; needs --verifier.")
    var code: String?

    @Option(parsing: .unconditional, help: "The PKCE verifier that the address of the sign-in was made with.")
    var verifier: String?

    @Option(help: ArgumentHelp("Take over the sign-in of a file that dbxsync auth has written.", valueName: "file"))
    var credentials: String?

    @Option(help: ArgumentHelp("Another server than Dropbox's own, such as the sandbox.", valueName: "url"))
    var endpoint: String?

    @Flag(help: "Do not enable and start the service.")
    var noStart = false

    @OptionGroup var machine: ConfigurationFolder

    func validate() throws {
        if config != nil && instance != nil { throw ValidationError("--config and --instance exclude each other") }
        if let instance, let problem = InstanceName.problem(instance) {
            throw ValidationError("--instance: the name \(quoted(instance)) \(problem)")
        }
        if credentials != nil && (code != nil || verifier != nil) {
            throw ValidationError("--credentials is a sign-in; it takes neither --code nor --verifier")
        }
        try PKCE.validate(code: code, verifier: verifier)
    }

    func run() async throws {
        try await exiting(config ?? DropIn.file(ofInstance: instance)) {
            let file = Self.absolute(config ?? DropIn.file(ofInstance: instance))
            var setup = try Setup(
                place: try SetupPlace(file: file), answers: answers,
                neighbours: try Neighbours(of: file, in: machine.path),
                dialogue: Dialogue(
                    isInteractive: isatty(STDIN_FILENO) == 1 && isatty(STDERR_FILENO) == 1, saysYes: yes))
            return try await setup.run()
        }
    }

    private static func absolute(_ file: String) -> String {
        file.hasPrefix("/") ? file : MirrorPlace.normal(MirrorPlace.currentDirectory() + "/" + file)
    }

    private var answers: SetupAnswers {
        SetupAnswers(
            appKey: appKey, directory: directory, folder: folder, group: group, code: code, verifier: verifier,
            credentials: credentials, endpoint: endpoint, starts: !noStart)
    }
}
