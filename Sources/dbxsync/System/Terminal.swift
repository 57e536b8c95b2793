import FileSystem
import Glibc
import Synchronization

/// A descriptor for lines that come and go: log lines scroll, one progress line stays below them.
final class Terminal: Sendable {
    /// Standard error of this process.
    static let standardError = Terminal(STDERR_FILENO)

    /// Standard output of this process.
    static let standardOutput = Terminal(STDOUT_FILENO)

    /// True when somebody looks at it.
    let isInteractive: Bool
    /// True when colours are wanted (no-color.org).
    let hasColour: Bool
    private let descriptor: Int32
    private let progress = Mutex("")

    /// Wraps a descriptor, which stays the caller's.
    ///
    /// Tests may say what it is.
    init(_ descriptor: Int32, isInteractive: Bool? = nil, hasColour: Bool? = nil) {
        self.descriptor = descriptor
        let kind = Variables["TERM"]
        let interactive = isInteractive ?? (isatty(descriptor) == 1 && kind != "dumb")
        self.isInteractive = interactive
        let refused = getenv("NO_COLOR").map { $0.pointee != 0 } ?? false
        self.hasColour = hasColour ?? (interactive && !refused && kind != nil)
    }

    /// Columns, or 80 where nobody knows.
    var width: Int {
        var size = winsize()
        guard ioctl(descriptor, UInt(TIOCGWINSZ), &size) == 0, size.ws_col > 0 else { return 80 }
        return Int(size.ws_col)
    }

    /// Writes a line above the progress line.
    func write(line: String) {
        progress.withLock { progress in
            put(progress.isEmpty ? "\(line)\n" : "\(Self.erase)\(line)\n\(progress)")
        }
    }

    /// Replaces the progress line; an empty text takes it away.
    func show(progress text: String) {
        progress.withLock { progress in
            guard progress != text else { return }
            put(Self.erase + text)
            progress = text
        }
    }

    /// ECMA-48: to the first column, then erase to the end of the line.
    private static let erase = "\r\u{1B}[K"

    /// Nobody can be told that standard error is gone, so errors end the attempt.
    private func put(_ text: String) {
        try? writeAll(Array(text.utf8), to: descriptor)
    }
}
