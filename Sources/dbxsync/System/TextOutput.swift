import FileSystem
import Glibc

/// Where a command writes that has much to say: standard output, or a pager in front of it.
enum TextOutput {
    case standard
    case pager(ChildProcess)

    /// Shows it page by page if somebody looks at it.
    static func paged() -> TextOutput {
        guard isatty(STDOUT_FILENO) == 1, Variables["TERM"] ?? "dumb" != "dumb", let command = pager else {
            return .standard
        }
        var environment = Variables.all
        environment["LESS"] = environment["LESS"] ?? "FRX"
        environment["LESSCHARSET"] = environment["LESSCHARSET"] ?? "utf-8"
        do {
            let child = try ChildProcess.start(["/bin/sh", "-c", command], environment: environment)
            signal(SIGINT, SIG_IGN)  // it is the pager's, which shares the terminal
            return .pager(child)
        } catch {
            return .standard
        }
    }

    /// What PAGER names, or what there usually is; nil for none.
    private static var pager: String? {
        guard getenv("PAGER") == nil else { return Variables["PAGER"].flatMap { $0 == "cat" ? nil : $0 } }
        let folders = (Variables["PATH"] ?? "/usr/bin:/bin").split(separator: ":")
        return ["less", "more"].first { name in folders.contains { access("\($0)/\(name)", X_OK) == 0 } }
    }

    /// Writes a text.
    ///
    /// - Returns: whether anybody reads it.
    /// - Throws: `Failure` if it cannot be written, as on a full disk.
    func write(_ text: String) async throws(Failure) -> Bool {
        switch self {
        case .pager(let child): return await child.write(text)
        case .standard:
            do {
                try writeAll(Array(text.utf8), to: STDOUT_FILENO)
                return true
            } catch {
                if error.number == EPIPE { return false }
                throw Failure(.unusableDirectory, "standard output cannot be written: \(error)")
            }
        }
    }

    /// Whether nobody is left who could read, as far as that can be told.
    var isAbandoned: Bool {
        guard case .standard = self else { return false }
        var state = pollfd(fd: STDOUT_FILENO, events: 0, revents: 0)
        return poll(&state, 1, 0) > 0 && Int32(state.revents) & POLLERR != 0
    }

    /// Ends the output, and waits until a pager was closed.
    func finish() async {
        guard case .pager(let child) = self else { return }
        child.closeInput()
        _ = await child.ending()
    }
}
