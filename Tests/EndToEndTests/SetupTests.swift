import Foundation
import Glibc
import Sandbox
import TestSupport
import Testing

/// `dbxsync setup`, as a new user meets it on a terminal, and as scripts call it.
@Suite(.timeLimit(.minutes(15)))
struct SetupTests {
    /// An account, and a place where nothing is set up yet.
    private final class Fixture {
        let server = SandboxServer(account: Account())
        let folder: TemporaryFolder

        init() async throws {
            folder = try TemporaryFolder()
            try await server.start()
        }

        var configuration: String { folder("dbxsync.conf") }
        var mirror: String { folder("mirror") }
        private var environment: [String: String] { ["HOME": folder.path, "XDG_STATE_HOME": folder("xdg")] }

        private func arguments(_ more: [String]) -> [String] {
            ["setup", "--config", configuration, "--endpoint", server.url] + more
        }

        func terminal(_ more: String...) throws -> PseudoTerminal {
            try PseudoTerminal("dbxsync", arguments(more), environment: environment)
        }

        func script(_ more: String...) async throws -> Program.Ending {
            try await Program("dbxsync", arguments(more), environment: environment).ending()
        }

        func run(_ command: String...) async throws -> Program.Ending {
            try await Program("dbxsync", command + ["--config", configuration], environment: environment).ending()
        }

        /// Everything that stands in the folder.
        var files: [String] {
            (FileManager.default.enumerator(atPath: folder.path)?.compactMap { $0 as? String } ?? []).sorted()
        }

        var text: String { (try? String(contentsOfFile: configuration, encoding: .utf8)) ?? "" }

        /// What the page of the sign-in shows to somebody who allows the access.
        func code(_ terminal: PseudoTerminal) async throws -> String {
            let address = try #require(
                terminal.screen.split(separator: "\n").last { $0.contains("/oauth2/authorize?") }.map(String.init))
            let page = try await Program(
                "/usr/bin/curl", ["--silent", "--fail", "--header", "Accept: application/json", address]
            ).ending()
            return try #require(try JSONDecoder().decode([String: String].self, from: Data(page.output.utf8))["code"])
        }

        /// Answers everything as a new user does.
        func answerAll(_ terminal: PseudoTerminal) async throws {
            try await terminal.answer("App key", "sandboxappkey00")
            try await terminal.answer("Directory [\(folder.path)/Dropbox]", mirror)
            try await terminal.asks("Code")
            try await terminal.answer("Code", try await code(terminal))
            try await terminal.answer("Number or path [/]", "")
            try await terminal.answer("Group [-]", "")
            try await terminal.answer("Do it?", "")
        }
    }

    private func run(_ body: (Fixture) async throws -> Void) async throws {
        let fixture = try await Fixture()
        fixture.server.account.fill(Seed(files: 30))
        do {
            try await body(fixture)
        } catch {
            await fixture.server.stop()
            throw error
        }
        await fixture.server.stop()
    }

    @Test("a new user answers the questions, and the mirror can be made; the second time Enter is enough")
    func fresh() async throws {
        try await run { fixture in
            let first = try fixture.terminal()
            try await fixture.answerAll(first)
            #expect(try await first.ending() == 0, "\(first.screen)")
            for text in ["30 files", "dbxsync run --config", "signed in as Ana Ruiz"] {
                #expect(first.screen.contains(text), "\(first.screen)")
            }
            let credentials = fixture.folder("xdg/dbxsync/credentials.json")
            let mode = try FileManager.default.attributesOfItem(atPath: credentials)[.posixPermissions] as? Int
            #expect(mode == 0o600)
            let sync = try await fixture.run("sync")
            #expect(sync.code == 0, "\(sync)")
            let found = try Tree(directory: fixture.mirror).differences(from: Tree(account: fixture.server.account))
            #expect(found == [])

            let (text, files) = (fixture.text, fixture.files)
            let second = try fixture.terminal()
            try await second.answer("App key [sandboxappkey00]", "")
            try await second.answer("Directory [\(fixture.mirror)]", "")
            try await second.answer("Number or path [/]", "")
            try await second.answer("Group [-]", "")
            try await second.answer("Do it?", "yes")
            #expect(try await second.ending() == 0, "\(second.screen)")
            #expect(second.screen.contains("signed in already as Ana Ruiz"), "\(second.screen)")
            #expect(fixture.text == text && fixture.files == files)
        }
    }

    @Test("Ctrl-C at any question leaves everything as it was")
    func interrupted() async throws {
        try await run { fixture in
            let before = fixture.files
            for count in 0..<6 {
                let terminal = try fixture.terminal()
                let answers: [(String, String)] = [
                    ("App key", "sandboxappkey00"), ("Directory", fixture.mirror), ("Code", ""),
                    ("Number or path", "/"),
                    ("Group", "-"), ("Do it?", ""),
                ]
                for (question, answer) in answers.prefix(count) {
                    try await terminal.asks(question)
                    try await terminal.answer(question, question == "Code" ? try await fixture.code(terminal) : answer)
                }
                try await terminal.asks(answers[count].0)
                terminal.type("\u{3}")
                #expect(try await terminal.ending() == -SIGINT, "\(terminal.screen)")
                #expect(fixture.files == before, "after \(count) answers")
            }
        }
    }

    @Test("the end of the input and a no change nothing")
    func refused() async throws {
        try await run { fixture in
            let gone = try fixture.terminal()
            try await gone.asks("App key")
            gone.type("\u{4}")
            #expect(try await gone.ending() == 1, "\(gone.screen)")
            let no = try fixture.terminal("--group", "-", "--folder", "/")
            try await no.answer("App key", "sandboxappkey00")
            try await no.answer("Directory", fixture.mirror)
            try await no.asks("Code")
            try await no.answer("Code", try await fixture.code(no))
            try await no.answer("Do it?", "maybe")
            try await no.answer("Do it?", "n")
            #expect(try await no.ending() == 1 && no.screen.contains("Nothing was changed"), "\(no.screen)")
            #expect(fixture.files == [])
        }
    }

    @Test("a wrong answer is told, and asked for again")
    func wrong() async throws {
        try await run { fixture in
            try fixture.server.account.put("/a file", "no folder")
            try fixture.folder.write("a file", to: "file")
            let terminal = try fixture.terminal()
            try await terminal.answer("App key", "two words")
            try await terminal.answer("App key", "sandboxappkey00")
            try await terminal.answer("Directory", "relative")
            try await terminal.answer("Directory", fixture.folder("file"))
            try await terminal.answer("Directory", fixture.folder("xdg"))
            try await terminal.answer("Directory", fixture.mirror)
            try await terminal.answer("Code", "nonsense")
            try await terminal.asks("Code")
            try await terminal.answer("Code", try await fixture.code(terminal))
            try await terminal.answer("Number or path", "77")
            try await terminal.answer("Number or path", "/a file")
            try await terminal.answer("Number or path", "/")
            try await terminal.answer("Group", "nosuchgroup")
            try await terminal.answer("Group", "-")
            try await terminal.answer("Do it?", "y")
            #expect(try await terminal.ending() == 0, "\(terminal.screen)")
            for text in [
                "without spaces", "is not an absolute path", "is no directory", "lies in the mirror", "no folder /77",
                "is no folder in Dropbox", "is no group of this system",
            ] {
                #expect(terminal.screen.contains(text), "\(text): \(terminal.screen)")
            }
        }
    }

    @Test("without a terminal all that is missing is named, and nothing is changed")
    func script() async throws {
        try await run { fixture in
            let nothing = try await fixture.script()
            #expect(nothing.code == 64, "\(nothing)")
            for option in ["--yes", "--app-key", "--code", "--credentials"] {
                #expect(nothing.errors.contains(option), "\(nothing)")
            }
            let verifier = String(repeating: "v", count: 43)
            let address = try await fixture.script("--yes", "--app-key", "sandboxappkey00", "--verifier", verifier)
            #expect(address.code == 77 && address.output.contains("/oauth2/authorize?"), "\(address)")
            #expect(fixture.files == [])
            let wrong = try await fixture.script(
                "--yes", "--app-key", "sandboxappkey00", "--directory", "here", "--verifier", verifier)
            #expect(wrong.code == 64 && wrong.errors.contains("--directory"), "\(wrong)")
        }
    }

    @Test("with --yes options are all the answers, and what stood in the configuration stays")
    func answered() async throws {
        try await run { fixture in
            try fixture.folder.write("{\"access_token\": \"\(Tokens.standing)\"}", to: "mine.json")
            chmod(fixture.folder("mine.json"), 0o600)
            let old = """
                # mine
                [account]
                app_key = "another"  # to be replaced
                [mirror]
                exclude = [
                    "*.tmp",  # why
                ]
                """
            try fixture.folder.write(old, to: "dbxsync.conf")
            chmod(fixture.configuration, 0o600)
            let done = try await fixture.script(
                "--yes", "--app-key", "sandboxappkey00", "--directory", fixture.mirror, "--credentials",
                fixture.folder("mine.json"))
            #expect(done.code == 0, "\(done)")
            let sync = try await fixture.run("sync")
            #expect(sync.code == 0, "\(sync)")
            #expect(fixture.text.contains("app_key = \"sandboxappkey00\"  # to be replaced\n"), "\(fixture.text)")
            #expect(fixture.text.contains("exclude = [\n    \"*.tmp\",  # why\n]\n"), "\(fixture.text)")
            #expect(try String(contentsOfFile: fixture.configuration + ".before-setup", encoding: .utf8) == old)
        }
    }

    @Test("a number is a folder's name where no list was shown") func number() async throws {
        try await run { fixture in
            try fixture.server.account.put("/0/file", "text")
            try fixture.folder.write("{\"access_token\": \"\(Tokens.standing)\"}", to: "mine.json")
            chmod(fixture.folder("mine.json"), 0o600)
            let done = try await fixture.script(
                "--yes", "--app-key", "sandboxappkey00", "--directory", fixture.mirror, "--credentials",
                fixture.folder("mine.json"), "--folder", "0")
            #expect(done.code == 0, "\(done)")
            #expect(fixture.text.contains("remote_root = \"/0\""))
        }
    }

    @Test("what could not be written after the sign-in is refused before it")
    func inline() async throws {
        try await run { fixture in
            try fixture.folder.write("mirror = { directory = \"\(fixture.mirror)\" }\n", to: "dbxsync.conf")
            chmod(fixture.configuration, 0o600)
            let text = fixture.text
            let terminal = try fixture.terminal()
            try await terminal.answer("App key", "sandboxappkey00")
            try await terminal.answer("Directory [\(fixture.mirror)]", "")
            #expect(try await terminal.ending() == 78, "\(terminal.screen)")
            #expect(terminal.screen.contains("mirror.remote_root cannot be changed there"), "\(terminal.screen)")
            #expect(!terminal.screen.contains("/oauth2/authorize?") && fixture.text == text)
        }
    }

    @Test("a configuration with other mistakes is not touched before they are corrected")
    func broken() async throws {
        try await run { fixture in
            try fixture.folder.write("[mirror]\nfile_mode = 5\nnonsense = 1\n", to: "dbxsync.conf")
            chmod(fixture.configuration, 0o600)
            let text = fixture.text
            let terminal = try fixture.terminal()
            #expect(try await terminal.ending() == 78, "\(terminal.screen)")
            #expect(terminal.screen.contains("mirror.file_mode") && terminal.screen.contains("mirror.nonsense"))
            #expect(fixture.text == text)
        }
    }
}
