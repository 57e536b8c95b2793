import ArgumentParser
import FoundationEssentials
import Glibc
import Sandbox

/// `dbxsync-sandbox`: an account in memory behind HTTP, until SIGTERM or SIGINT.
@main
struct Main: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "dbxsync-sandbox",
        abstract: "A local stand-in for the Dropbox API, for trying out and testing.",
        discussion: """
            It listens on 127.0.0.1 and keeps its account in memory. Use its URL as account.endpoint. \
            GET /sandbox lists the commands that change the account, put faults into answers and show the log.
            """)

    @Option(help: "TCP port; 0 for any free one.") var port: UInt16 = 0
    @Option(help: "Write the port to FILE once it listens.") var portFile: String?
    @Option(help: "Start with the given number of made-up files.") var seed: Int?
    @Option(help: "Smallest of them, in bytes.") var minSize: Int64 = 1 << 10
    @Option(help: "Largest of them, in bytes.") var maxSize: Int64 = 16 << 10
    @Option(help: "How many folders deep they lie.") var depth = 4
    @Option(help: "Files in one folder.") var filesPerFolder = 40
    @Option(help: "Number of large made-up files.") var largeFiles = 0
    @Option(help: "Size of each of them, in bytes.") var largeSize: Int64 = 64 << 20
    @Option(help: "Number of online documents, of every kind in turn.") var documents = 0
    @Option(help: "The same number gives the same files.") var random: UInt64 = 1
    @Option(help: "Start with the files of DIRECTORY; they are read when they are asked for.") var directory: String?
    @Option(help: "Milliseconds before each answer.") var delay = 0
    @Option(help: "Bytes per second of answers on one connection; 0 for no limit.") var rate = 0
    @Option(help: "Bytes per second of uploads on one connection; 0 for no limit.") var uploadRate = 0
    @Option(help: "Key of the app that may sign in.") var appKey = "sandboxappkey00"

    func validate() throws {
        guard minSize >= 0, maxSize >= minSize, (seed ?? 0) >= 0, largeFiles >= 0, largeSize >= 0,
            documents >= 0
        else {
            throw ValidationError("Numbers and sizes may not be negative, nor --max-size less than --min-size.")
        }
        guard delay >= 0, rate >= 0, uploadRate >= 0 else {
            throw ValidationError("--delay, --rate and --upload-rate may not be negative.")
        }
    }

    func run() async throws {
        let stop = StopSignal()
        let server = SandboxServer(account: try makeAccount(), tokens: Tokens(appKey: appKey))
        let port: UInt16
        do {
            port = try await server.start(port: self.port)
        } catch {
            throw StartFailure("cannot listen on 127.0.0.1:\(self.port): \(error)")
        }
        if let portFile { try write(port, to: portFile) }
        let entries = server.account.entryCount
        say(
            "Dropbox sandbox at \(server.url) with \(entries) entries, \(server.account.usedBytes) bytes: set "
                + "account.endpoint to this URL; app key \(appKey); access token \(Tokens.standing); "
                + "commands: curl \(server.url)/sandbox")
        await stop.wait()
        await server.stop()
    }

    private func makeAccount() throws -> Account {
        let account = Account()
        if seed != nil || largeFiles > 0 || documents > 0 {
            var seed = Seed(
                files: seed ?? 0, minSize: minSize, maxSize: maxSize, depth: depth, filesPerFolder: filesPerFolder,
                largeFiles: largeFiles, largeSize: largeSize, random: random)
            seed.documents = documents
            account.fill(seed)
        }
        if let directory { try account.fill(fromDirectory: directory) }
        account.configure { settings in
            settings.delay = delay
            settings.rate = rate
            settings.uploadRate = uploadRate
        }
        // Larger accounts are hashed page by page while they are listed.
        if account.usedBytes <= 8 << 30 { account.computeHashes() }
        return account
    }

    private func write(_ port: UInt16, to path: String) throws {
        let temporary = path + ".new"
        try "\(port)\n".write(toFile: temporary, atomically: false, encoding: .utf8)
        guard rename(temporary, path) == 0 else {
            throw StartFailure("cannot write \(path): \(String(cString: strerror(errno)))")
        }
    }

    private func say(_ line: String) {
        let text = line + "\n"
        _ = text.withCString { Glibc.write(STDOUT_FILENO, $0, strlen($0)) }
    }
}

/// Why the sandbox cannot start, although the command line is right.
struct StartFailure: Error, CustomStringConvertible {
    let description: String

    init(_ description: String) { self.description = description }
}
