import CCurl
import Synchronization

/// What callers ask of the curl thread.
enum Command: Sendable {
    case start(CurlTransfer, CheckedContinuation<HTTPResponse, any Error>)
    case cancel(CurlTransfer)
    case resume(CurlTransfer)
    case wake
    case answer(CheckedContinuation<Bool, Never>)
    case stop
    case stopped(CheckedContinuation<Void, Never>)
}

/// The way from any thread to the curl thread: commands in order, and a wake-up for the first one.
final class Mailbox: Sendable {
    private struct State {
        var commands: [Command] = []
        /// `nil` once the thread has ended: curl_multi_wakeup must not be called on a freed handle.
        var multi: SendableHandle?
    }

    /// A curl_multi handle.
    ///
    /// Only curl_multi_wakeup is called on it from other threads, which libcurl allows.
    private struct SendableHandle: @unchecked Sendable { let pointer: UnsafeMutableRawPointer }

    private let state: Mutex<State>

    init(multi: UnsafeMutableRawPointer) {
        let handle = SendableHandle(pointer: multi)
        state = Mutex(State(multi: handle))
    }

    /// Hands over a command; `false` if the thread has ended and nobody will ever look at it.
    func post(_ command: Command) -> Bool {
        state.withLock { state in
            guard let multi = state.multi else { return false }
            state.commands.append(command)
            if state.commands.count == 1 { curl_multi_wakeup(multi.pointer) }
            return true
        }
    }

    /// Takes all commands.
    func take() -> [Command] {
        state.withLock { state in
            let commands = state.commands
            state.commands.removeAll(keepingCapacity: true)
            return commands
        }
    }

    /// Takes the last commands and accepts no more.
    func close() -> [Command] {
        state.withLock { state in
            let commands = state.commands
            state = State()
            return commands
        }
    }
}
