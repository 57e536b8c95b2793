import FileSystem
import Glibc

/// A program of the system that is run for what it prints.
struct CapturedCommand: Sendable {
    /// How it ended; nil if it was given up.
    var exitCode: Int32?
    /// What it has printed, at most a mebibyte.
    var output: String

    /// Whether it has done what it was asked.
    var isDone: Bool { exitCode == 0 }

    private static let most = 1 << 20

    /// Runs a program and waits for its end; blocks.
    ///
    /// - Parameters:
    ///   - command: its name, which is looked for in PATH, and its arguments.
    ///   - limit: after which time it is killed.
    ///   - withErrors: whether standard error belongs to the output; it goes nowhere otherwise.
    /// - Returns: nil if there is no such program.
    static func run(_ command: [String], within limit: Duration, withErrors: Bool = false) -> CapturedCommand? {
        var ends: [Int32] = [0, 0]
        guard pipe(&ends) == 0 else { return nil }
        let reading = Descriptor(ends[0])
        for end in ends { _ = fcntl(end, F_SETFD, FD_CLOEXEC) }
        let started = start(command, output: ends[1], withErrors: withErrors)
        close(ends[1])
        guard let pid = started else { return nil }
        let (bytes, hasEnded) = read(reading.number, until: .now + limit)
        if !hasEnded { kill(pid, SIGKILL) }
        var status: Int32 = 0
        retrying { waitpid(pid, &status, 0) }
        var exitCode: Int32?
        if hasEnded, case .exited(let code) = ChildProcess.Ending(status: status) { exitCode = code }
        return CapturedCommand(exitCode: exitCode, output: String(decoding: bytes, as: UTF8.self))
    }

    private static func start(_ command: [String], output: Int32, withErrors: Bool) -> pid_t? {
        var actions = posix_spawn_file_actions_t()
        posix_spawn_file_actions_init(&actions)
        defer { posix_spawn_file_actions_destroy(&actions) }
        posix_spawn_file_actions_addopen(&actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0)
        posix_spawn_file_actions_adddup2(&actions, output, STDOUT_FILENO)
        if withErrors {
            posix_spawn_file_actions_adddup2(&actions, output, STDERR_FILENO)
        } else {
            posix_spawn_file_actions_addopen(&actions, STDERR_FILENO, "/dev/null", O_WRONLY, 0)
        }
        // What it prints is read by a program: in English, without colours and pager.
        let environment = Variables.all.merging(["LC_ALL": "C.UTF-8", "SYSTEMD_COLORS": "0", "SYSTEMD_PAGER": ""]) {
            $1
        }
        return try? spawn(command, environment: environment, &actions)  // there is no such program
    }

    /// - Returns: what came, and whether that is all.
    private static func read(_ descriptor: Int32, until end: ContinuousClock.Instant) -> ([UInt8], Bool) {
        var bytes: [UInt8] = []
        var chunk = [UInt8](repeating: 0, count: 4_096)
        while isReady(descriptor, for: POLLIN, until: end) {
            let count = retrying { Glibc.read(descriptor, &chunk, chunk.count) }
            guard count > 0 else { return (bytes, true) }
            if bytes.count < most { bytes += chunk[..<count] }
        }
        return (bytes, false)
    }
}
