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
        let started = spawn(command, output: ends[1], withErrors: withErrors)
        close(ends[1])
        guard let pid = started else { return nil }
        let (bytes, hasEnded) = read(reading.number, until: .now + limit)
        if !hasEnded { kill(pid, SIGKILL) }
        var status: Int32 = 0
        retrying { waitpid(pid, &status, 0) }
        let isExit = status & 0x7F == 0
        return CapturedCommand(
            exitCode: hasEnded && isExit ? status >> 8 & 0xFF : nil, output: String(decoding: bytes, as: UTF8.self))
    }

    private static func spawn(_ command: [String], output: Int32, withErrors: Bool) -> pid_t? {
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
        var attributes = posix_spawnattr_t()
        posix_spawnattr_init(&attributes)
        defer { posix_spawnattr_destroy(&attributes) }
        var (none, all) = (sigset_t(), sigset_t())
        sigemptyset(&none)
        sigfillset(&all)
        posix_spawnattr_setsigmask(&attributes, &none)
        posix_spawnattr_setsigdefault(&attributes, &all)
        posix_spawnattr_setflags(&attributes, Int16(POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF))
        let arguments = CStrings(command)
        // What it prints is read by a program: in English, without colours and pager.
        let variables = CStrings(
            Variables.all.merging(["LC_ALL": "C.UTF-8", "SYSTEMD_COLORS": "0", "SYSTEMD_PAGER": ""]) { $1 }
                .map { "\($0)=\($1)" })
        var pid = pid_t()
        let failed = posix_spawnp(&pid, command[0], &actions, &attributes, arguments.pointers, variables.pointers)
        return failed == 0 ? pid : nil
    }

    /// - Returns: what came, and whether that is all.
    private static func read(_ descriptor: Int32, until end: ContinuousClock.Instant) -> ([UInt8], Bool) {
        var bytes: [UInt8] = []
        var chunk = [UInt8](repeating: 0, count: 4_096)
        while true {
            let left = ContinuousClock.now.duration(to: end) / .milliseconds(1)
            guard left > 0 else { return (bytes, false) }
            var wait = pollfd(fd: descriptor, events: Int16(POLLIN), revents: 0)
            guard poll(&wait, 1, Int32(min(left + 1, 1_000))) > 0 else { continue }
            let count = retrying { Glibc.read(descriptor, &chunk, chunk.count) }
            guard count > 0 else { return (bytes, true) }
            if bytes.count < most { bytes += chunk[..<count] }
        }
    }
}
