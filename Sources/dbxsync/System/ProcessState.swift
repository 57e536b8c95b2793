import FileSystem
import Glibc

/// What the kernel says of a process of this program (proc_pid_stat(5)).
enum ProcessState {
    /// What the kernel calls the daemon: its file.
    private static let program = "dbxsync"

    /// Whether it was stopped by a signal, or by who traces it; false where that cannot be seen.
    static func isStopped(_ pid: Int32) -> Bool {
        let file = open("/proc/\(pid)/stat", O_RDONLY | O_CLOEXEC)
        guard file >= 0 else { return false }
        defer { close(file) }
        var bytes = [UInt8](repeating: 0, count: 1_024)
        let count = read(file, &bytes, bytes.count)
        return count > 0 && isStopped(String(decoding: bytes[..<count], as: UTF8.self), ofProgram: program)
    }

    /// Reads the number, the name in parentheses, which may hold any of these, and the state.
    static func isStopped(_ stat: String, ofProgram name: String) -> Bool {
        guard let open = stat.firstIndex(of: "("), let close = stat.lastIndex(of: ")"), open < close else {
            return false
        }
        // In a container another process may have this number outside.
        guard stat[stat.index(after: open)..<close] == name else { return false }
        return stat[close...].dropFirst(2).first.map { "Tt".contains($0) } ?? false
    }
}
