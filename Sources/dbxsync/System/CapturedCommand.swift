import CLinux
import FileSystem
import Glibc

/// A program that is run for what it prints.
struct CapturedCommand: Sendable {
    /// How it ended; nil if it was given up, or killed.
    var exitCode: Int32?
    /// What it has printed.
    var output: String
    /// What it has written to standard error, if that was kept apart.
    var errors = ""

    /// Whether it has done what it was asked.
    var isDone: Bool { exitCode == 0 }

    /// What becomes of standard error.
    enum Errors: Sendable {
        case dropped
        /// It belongs to the output.
        case joined
        /// It is kept beside the output.
        case apart
    }

    /// Of either of them no more is kept.
    static let most = 16 << 20

    /// Runs a program and waits for its end, but not longer than it may take; blocks.
    ///
    /// - Parameters:
    ///   - command: its name, which is looked for in PATH, and its arguments.
    ///   - limit: after which time it is killed. One that does not end even then, as where a disk does not answer, is
    ///     left behind.
    ///   - errors: what becomes of standard error.
    /// - Returns: nil if there is no such program, or no way to start it.
    static func run(_ command: [String], within limit: Duration, errors: Errors = .dropped) -> CapturedCommand? {
        let end = ContinuousClock.now + limit
        guard let output = Pipe(), let more = Pipe() else { return nil }
        guard let pid = start(command, output.writing.number, more.writing.number, errors) else { return nil }
        var texts = [Reading(output.reading), Reading(more.reading)]
        output.close()
        more.close()
        let hasEnded = read(&texts, until: end)
        let status = reap(pid, until: hasEnded ? end : .now)
        var exitCode: Int32?
        if let status, case .exited(let code) = ChildProcess.Ending(status: status) { exitCode = code }
        return CapturedCommand(exitCode: exitCode, output: texts[0].text, errors: texts[1].text)
    }

    /// A pipe, whose end for writing is for the program.
    private final class Pipe {
        let reading: Descriptor
        private(set) var writing: Descriptor

        init?() {
            var ends: [Int32] = [0, 0]
            guard pipe(&ends) == 0 else { return nil }
            for end in ends { _ = fcntl(end, F_SETFD, FD_CLOEXEC) }
            (reading, writing) = (Descriptor(ends[0]), Descriptor(ends[1]))
        }

        /// Leaves the writing to the program.
        func close() { writing = reading }
    }

    /// What has arrived from one end of a pipe.
    private struct Reading {
        let end: Descriptor
        var bytes: [UInt8] = []
        var isOpen = true

        init(_ end: Descriptor) { self.end = end }

        var text: String { String(decoding: bytes, as: UTF8.self) }

        mutating func take(_ chunk: inout [UInt8]) {
            let count = retrying { Glibc.read(end.number, &chunk, chunk.count) }
            if count <= 0 {
                isOpen = false
            } else if bytes.count + count <= CapturedCommand.most {
                bytes += chunk[..<count]
            }
        }
    }

    private static func start(_ command: [String], _ output: Int32, _ more: Int32, _ errors: Errors) -> pid_t? {
        var actions = posix_spawn_file_actions_t()
        posix_spawn_file_actions_init(&actions)
        defer { posix_spawn_file_actions_destroy(&actions) }
        posix_spawn_file_actions_addopen(&actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0)
        posix_spawn_file_actions_adddup2(&actions, output, STDOUT_FILENO)
        switch errors {
        case .dropped: posix_spawn_file_actions_addopen(&actions, STDERR_FILENO, "/dev/null", O_WRONLY, 0)
        case .joined: posix_spawn_file_actions_adddup2(&actions, output, STDERR_FILENO)
        case .apart: posix_spawn_file_actions_adddup2(&actions, more, STDERR_FILENO)
        }
        _ = dbx_spawn_closing_from(&actions, 3)
        // What it prints is read by a program: in English, without colours and pager.
        let environment = Variables.all.merging(["LC_ALL": "C.UTF-8", "SYSTEMD_COLORS": "0", "SYSTEMD_PAGER": ""]) {
            $1
        }
        return try? spawn(command, environment: environment, &actions)  // there is no such program
    }

    /// - Returns: whether that is all.
    private static func read(_ texts: inout [Reading], until end: ContinuousClock.Instant) -> Bool {
        var chunk = [UInt8](repeating: 0, count: 16_384)
        while true {
            let open = texts.indices.filter { texts[$0].isOpen }
            if open.isEmpty { return true }
            let left = (end - .now) / .milliseconds(1)
            guard left > 0 else { return false }
            var waits = open.map { pollfd(fd: texts[$0].end.number, events: Int16(POLLIN), revents: 0) }
            let count = poll(&waits, nfds_t(waits.count), Int32(clamping: Int64(left.rounded(.up))))
            if count < 0 && errno != EINTR { return false }
            if count <= 0 { continue }
            for (index, wait) in zip(open, waits) where wait.revents != 0 { texts[index].take(&chunk) }
        }
    }

    /// Waits for the end of the process; kills it when its time is over, and leaves it to a thread then.
    ///
    /// - Returns: how it ended; nil if it was killed.
    private static func reap(_ pid: pid_t, until end: ContinuousClock.Instant) -> Int32? {
        var status: Int32 = 0
        while ContinuousClock.now < end {
            let found = retrying { waitpid(pid, &status, WNOHANG) }
            if found == pid { return status }
            if found < 0 { return nil }
            usleep(1_000)
        }
        kill(pid, SIGKILL)
        // Without a thread it is reaped when this process ends.
        try? startThread {
            var status: Int32 = 0
            retrying { waitpid(pid, &status, 0) }
        }
        return nil
    }
}
