import Foundation
import Glibc
import Sandbox
import Testing
import TestSupport

/// `status --watch` on a real pseudo-terminal, that of script(1).
@Suite(.timeLimit(.minutes(5)))
struct WatchScreenTests {
    private static let (enters, leaves) = ("\u{1B}[?1049h", "\u{1B}[?1049l")

    /// A watching process, and what types on its keyboard.
    private func watch(_ fixture: DaemonFixture) throws -> (Program, FileHandle) {
        let (keys, command) = (fixture.place.folder("keys"), try Program.path("dbxsync"))
        #expect(mkfifo(keys, 0o600) == 0)
        let keyboard = open(keys, O_RDWR)  // neither side waits for the other
        let program = try Program(
            "/bin/sh",
            [
                "-c", #"exec script -qec "$0 status --watch --config $1" /dev/null < "$2""#, command,
                fixture.place.configuration, keys,
            ], environment: ["TERM": "xterm"])
        return (program, FileHandle(fileDescriptor: keyboard, closeOnDealloc: true))
    }

    @Test("it shows the mirror until q is pressed, and leaves the terminal as it was", arguments: ["q", "\u{3}"])
    func quits(key: String) async throws {
        try await DaemonFixture.run { fixture in
            try fixture.account.put("/Docs/plan", "text")
            try await fixture.sync()
            let (program, keyboard) = try watch(fixture)
            try await eventually("the screen", or: program.written) { program.written.contains("/Docs") }
            #expect(program.written.contains(Self.enters) && !program.written.contains(Self.leaves))
            try keyboard.write(contentsOf: Data("x".utf8))
            try await Task.sleep(for: .seconds(1))
            #expect(program.isRunning)
            try keyboard.write(contentsOf: Data(key.utf8))
            let ending = try await program.ending()
            #expect(ending.code == 0 && ending.output.hasSuffix(Self.leaves), "\(ending)")
        }
    }

    @Test("a damaged state is told as status tells it, and nothing is drawn") func damaged() async throws {
        try await DaemonFixture.run { fixture in
            fixture.account.fill(Seed(files: 60))
            try await fixture.sync()
            let file = URL(filePath: fixture.place.stateFile)
            var bytes = try Data(contentsOf: file)
            bytes.replaceSubrange(4_096..<bytes.count, with: Data(count: bytes.count - 4_096))
            try bytes.write(to: file)
            let status = try await fixture.place.run("status")
            let (program, keyboard) = try watch(fixture)
            let ending = try await program.ending()
            try keyboard.close()
            #expect(status.code == 73 && ending.code == 73, "\(status) \(ending)")
            #expect(!ending.output.contains(Self.enters), "\(ending)")
        }
    }

    @Test("without a terminal it says what to use instead") func noTerminal() async throws {
        try await DaemonFixture.run { fixture in
            let ending = try await fixture.place.run("status", "--watch")
            #expect(ending.code == 64 && ending.errors.contains("--json"), "\(ending)")
        }
    }
}
