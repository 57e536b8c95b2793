import Foundation
import Glibc
import Synchronization
import TestSupport

/// A program on a terminal of its own, at which somebody types.
final class PseudoTerminal: Sendable {
    /// Why there is no terminal.
    struct Failure: Error { let call: String }

    private let master: Int32
    private let shown = Mutex<[UInt8]>([])
    private let ended = Mutex<Int32?>(nil)
    /// How much was shown when something was typed last: a question before that is answered.
    private let answered = Mutex(0)
    let pid: pid_t

    /// TIOCSPTLCK and TIOCGPTN (ioctl_tty(2)), which Swift does not show.
    private static let (setLock, getNumber) = (0x4004_5431 as UInt, 0x8004_5430 as UInt)

    /// Starts `name` of the directory that the tests were built into, in a session of its own on a new terminal.
    init(_ name: String, _ arguments: [String], environment: [String: String] = [:]) throws {
        master = open("/dev/ptmx", O_RDWR | O_NOCTTY | O_CLOEXEC)
        var (locked, number) = (Int32(0), UInt32(0))
        guard master >= 0, ioctl(master, Self.setLock, &locked) == 0, ioctl(master, Self.getNumber, &number) == 0 else {
            throw Failure(call: "open /dev/ptmx")
        }
        let slave = "/dev/pts/\(number)"
        var size = winsize(ws_row: 50, ws_col: 200, ws_xpixel: 0, ws_ypixel: 0)
        _ = ioctl(master, UInt(TIOCSWINSZ), &size)
        var actions = posix_spawn_file_actions_t()
        posix_spawn_file_actions_init(&actions)
        defer { posix_spawn_file_actions_destroy(&actions) }
        // The first terminal that the leader of a session opens is its own.
        posix_spawn_file_actions_addopen(&actions, 0, slave, O_RDWR, 0)
        posix_spawn_file_actions_adddup2(&actions, 0, 1)
        posix_spawn_file_actions_adddup2(&actions, 0, 2)
        var attributes = posix_spawnattr_t()
        posix_spawnattr_init(&attributes)
        defer { posix_spawnattr_destroy(&attributes) }
        var (none, all) = (sigset_t(), sigset_t())
        sigemptyset(&none)
        sigfillset(&all)
        posix_spawnattr_setsigmask(&attributes, &none)
        posix_spawnattr_setsigdefault(&attributes, &all)
        let newSession: Int32 = 0x80  // POSIX_SPAWN_SETSID
        posix_spawnattr_setflags(&attributes, Int16(POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF | newSession))
        let program = try Program.path(name)
        let variables = ["PATH": "/usr/bin:/bin", "TZ": "UTC", "TERM": "dumb"].merging(environment) { $1 }
        let words = ([program] + arguments).map { strdup($0) } + [nil]
        let pairs = variables.map { strdup("\($0)=\($1)") } + [nil]
        defer { for word in words + pairs { free(word) } }
        var pid = pid_t()
        guard posix_spawn(&pid, program, &actions, &attributes, words, pairs) == 0 else {
            throw Failure(call: "posix_spawn")
        }
        self.pid = pid
        Thread.detachNewThread { self.read() }
    }

    deinit { close(master) }

    private func read() {
        var chunk = [UInt8](repeating: 0, count: 4_096)
        // With the last one who has it open the terminal is gone, which is EIO.
        while case let count = Glibc.read(master, &chunk, chunk.count), count > 0 {
            shown.withLock { $0 += chunk[..<count] }
        }
        var status: Int32 = 0
        while waitpid(pid, &status, 0) < 0 && errno == EINTR {}
        let number = status & 0x7F
        ended.withLock { $0 = number == 0 ? status >> 8 & 0xFF : -number }
    }

    /// All that was shown so far, what was typed included.
    var screen: String {
        String(decoding: shown.withLock { $0 }, as: UTF8.self).replacing("\r\n", with: "\n")
    }

    /// Types a text; "\u{3}" is Ctrl-C.
    func type(_ text: String) {
        answered.withLock { $0 = shown.withLock(\.count) }
        let bytes = Array(text.utf8)
        _ = write(master, bytes, bytes.count)
    }

    /// Waits until a question is asked, and answers it with a line.
    func answer(_ question: String, _ line: String) async throws {
        try await asks(question)
        type(line + "\n")
    }

    /// Waits until a question is asked.
    func asks(_ question: String) async throws {
        try await eventually("the question \(question)", or: screen) {
            guard exitCode == nil else { throw NeverCame(what: "the question \(question)", evidence: screen) }
            return isAsking(question)
        }
    }

    private func isAsking(_ question: String) -> Bool {
        guard shown.withLock(\.count) > answered.withLock({ $0 }) else { return false }
        let last = screen.split(separator: "\n", omittingEmptySubsequences: false).last ?? ""
        return last.contains(question) && (last.hasSuffix(": ") || last.hasSuffix("] "))
    }

    /// The exit code, or the negative number of the signal that ended it; nil while it runs.
    var exitCode: Int32? { ended.withLock { $0 } }

    /// Waits for its end.
    func ending() async throws -> Int32 {
        try await eventually("the end", or: screen) { exitCode != nil }
        return exitCode ?? 0
    }
}
