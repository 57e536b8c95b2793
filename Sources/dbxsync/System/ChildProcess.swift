import CLinux
import Engine
import FileSystem
import Glibc
import Synchronization

/// A program that was started, with a pipe to its standard input; it shares standard output and error with this one.
final class ChildProcess: Sendable {
    /// How a program ended.
    enum Ending: Equatable, Sendable, CustomStringConvertible {
        case exited(Int32)
        case killed(signal: Int32)

        /// Reads what waitpid(2) has told.
        init(status: Int32) {
            let number = status & 0x7F
            self = number == 0 ? .exited(status >> 8 & 0xFF) : .killed(signal: number)
        }

        /// `exit code 3`, `signal 9 (Killed)`.
        var description: String {
            switch self {
            case .exited(let code): "exit code \(code)"
            case .killed(let number): "signal \(number) (\(String(cString: strsignal(number))))"
            }
        }
    }

    private struct State {
        var hasEnded = false
        var input: Descriptor?
    }

    let pid: pid_t
    private let state: Mutex<State>
    /// A thread waits for the end, and one writes.
    private let threads = DiskPool(threads: 2)

    private init(pid: pid_t, input: Descriptor) {
        self.pid = pid
        state = Mutex(State(input: input))
    }

    /// Starts a program.
    ///
    /// Signals are not blocked and not ignored in it, whatever holds for this process, and it inherits no other open file.
    ///
    /// - Parameters:
    ///   - command: its path, and its arguments.
    ///   - environment: all of its environment.
    ///   - lock: an open file that it keeps open as number 3.
    /// - Throws: `SystemError` of pipe(2) or posix_spawn(3), such as that there is no such program.
    static func start(
        _ command: [String], environment: [String: String], lock: Int32? = nil
    ) throws(SystemError) -> ChildProcess {
        var ends: [Int32] = [0, 0]
        guard pipe(&ends) == 0 else { throw SystemError(errno) }
        let (reading, writing) = (Descriptor(ends[0]), Descriptor(ends[1]))
        for end in ends { _ = fcntl(end, F_SETFD, FD_CLOEXEC) }
        _ = fcntl(writing.number, F_SETFL, O_NONBLOCK)
        var actions = posix_spawn_file_actions_t()
        posix_spawn_file_actions_init(&actions)
        defer { posix_spawn_file_actions_destroy(&actions) }
        posix_spawn_file_actions_adddup2(&actions, reading.number, STDIN_FILENO)
        if let lock { posix_spawn_file_actions_adddup2(&actions, lock, 3) }
        _ = dbx_spawn_closing_from(&actions, lock == nil ? 3 : 4)
        let pid = try spawn(command, environment: environment, &actions)
        return ChildProcess(pid: pid, input: writing)
    }

    // MARK: Its input

    /// Writes to its standard input, for as long as it reads.
    ///
    /// - Returns: whether all was written; if not, nobody reads any more.
    func write(_ text: String) async -> Bool {
        guard let input = state.withLock({ $0.input }) else { return false }
        let bytes = Array(text.utf8)
        do {
            return try await threads.run { self.put(bytes, to: input.number) }
        } catch {
            return false
        }
    }

    /// Ends its standard input.
    func closeInput() { state.withLock { $0.input = nil } }

    /// How long a pipe that is full is waited for before it is looked whether the program still runs, in milliseconds.
    private static let patience: Int32 = 200

    private func put(_ bytes: [UInt8], to descriptor: Int32) -> Bool {
        bytes.withUnsafeBytes { buffer in
            var done = 0
            while done < buffer.count {
                if hasEnded { return false }
                let count = Glibc.write(descriptor, buffer.baseAddress?.advanced(by: done), buffer.count - done)
                if count > 0 { done += count }
                if count >= 0 || errno == EINTR { continue }
                guard errno == EAGAIN else { return false }
                var wait = pollfd(fd: descriptor, events: Int16(POLLOUT), revents: 0)
                poll(&wait, 1, Self.patience)
            }
            return true
        }
    }

    // MARK: Its end

    private var hasEnded: Bool { state.withLock { $0.hasEnded } }

    /// Waits for its end; once.
    func ending() async -> Ending {
        do {
            return try await threads.run { self.reap() }
        } catch {
            return .exited(-1)
        }
    }

    private func reap() -> Ending {
        var info = siginfo_t()
        // Until it is reaped nobody else gets its number.
        retrying { waitid(P_PID, id_t(pid), &info, WEXITED | WNOWAIT) }
        return state.withLock { state in
            state.hasEnded = true
            var status: Int32 = 0
            retrying { waitpid(pid, &status, 0) }
            return Ending(status: status)
        }
    }

    /// How long it may take to end when it is asked to, in seconds.
    private static let grace: UInt32 = 10

    /// Asks it to end, and ends it if it does not before long.
    func stop() {
        send(SIGTERM)
        do {
            try startThread { [self] in
                sleep(Self.grace)
                send(SIGKILL)
            }
        } catch {
            send(SIGKILL)
        }
    }

    private func send(_ signal: Int32) {
        state.withLock { state in
            if !state.hasEnded { kill(pid, signal) }
        }
    }
}
