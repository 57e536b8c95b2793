import ArgumentParser
import Configuration
import Glibc
import Web

/// `dbxsync web`: the status page, for one connection or for all that come.
struct WebCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "web",
        abstract: "Serves a status page: for one connection on standard input, or for all that come to an address.",
        discussion: """
            "systemctl enable --now dbxsync-web.socket" serves it on http://127.0.0.1:8089/, with a process for each \
            connection and none in between. There are /, /status.json as "dbxsync status --json" prints it, /metrics as \
            "dbxsync metrics" does, and /healthz, which answers 200 when the mirror is in step and 503 when it is not, \
            with a line that says why.

            Without --config it is about every mirror of this machine. Where there are several, these are about all of \
            them, and those of each are below its name, such as /work/.

            Nothing can be changed there, and there is no password: whoever reaches the address sees the names of files.
            """)

    @OptionGroup var common: CommonOptions

    @OptionGroup var instances: InstanceOptions

    @Option(
        help: ArgumentHelp(
            "Listen there, until SIGTERM or SIGINT, such as 127.0.0.1:8089 or [::1]:8089.", valueName: "address"))
    var listen: String?

    @Option(
        help: ArgumentHelp(
            "Answer to this name, too, besides localhost and addresses. Can be given several times.", valueName: "name")
    )
    var host: [String] = []

    func validate() throws { try instances.validate(common) }

    func run() async throws {
        try await exiting(common.config) {
            let scope = common.given.map(WebSite.Scope.one) ?? .all(in: instances.folder.path)
            let site = WebSite(scope: scope, hosts: HostRule(host))
            if let listen {
                try await serve(site, at: listen)
            } else {
                try refuseTerminal()
                await site.serve(WebConnection(input: STDIN_FILENO, output: STDOUT_FILENO))
            }
            return .done
        }
    }

    private func serve(_ site: WebSite, at text: String) async throws {
        guard var address = WebAddress(text) else {
            throw Failure(.usage, "--listen \(text): an address and a port, such as 127.0.0.1:8089")
        }
        let state = try stateDirectory()
        let listener = try address.listen()
        if let state { try Privileges.becomeOwner(of: state) }
        let open = address.isLoopback ? "" : "; there is no password, and others than this machine may reach it"
        Terminal.standardError.write(line: "dbxsync: serving http://\(address.text)/\(open)")
        try await WebListener(listener, site).run()
    }

    /// Whose owner serves the pages: the state of the mirror, or of the first one that can be read.
    private func stateDirectory() throws(Failure) -> String? {
        if common.given != nil { return try common.load().state.directory }
        let configs = try instances.instances().map { ConfigFile.load($0.file) }
        if configs.count == 1 { return try CommonOptions.checked(configs[0]).state.directory }
        if configs.isEmpty { throw Failure(.badConfiguration, AllStatus.nothing(in: instances.folder.path)) }
        return configs.lazy.compactMap { try? $0.get().state.directory }.first
    }

    private func refuseTerminal() throws(Failure) {
        guard isatty(STDIN_FILENO) == 1 else { return }
        throw Failure(
            .usage,
            "there is no connection on standard input; dbxsync-web.socket hands one over, or give --listen 127.0.0.1:8089"
        )
    }
}
