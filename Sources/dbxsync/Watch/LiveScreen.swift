import FileSystem
import Glibc

/// A whole terminal that is drawn anew again and again, and whose keys are read one by one (ECMA-48, termios(3)).
///
/// Whoever has entered it leaves it, however that ends: the terminal is as it was then.
struct LiveScreen: Sendable {
    private let before: termios

    /// Where nothing can be drawn nobody looks.
    static var isPossible: Bool {
        isatty(STDIN_FILENO) == 1 && isatty(STDOUT_FILENO) == 1 && Variables["TERM"].map { $0 != "dumb" } ?? false
    }

    /// Columns and lines.
    static var size: (width: Int, height: Int) {
        var size = winsize()
        guard ioctl(STDOUT_FILENO, UInt(TIOCGWINSZ), &size) == 0, size.ws_col > 0, size.ws_row > 0 else {
            return (80, 24)
        }
        return (Int(size.ws_col), Int(size.ws_row))
    }

    /// Takes the terminal; `nil` if that is none.
    init?() {
        var settings = termios()
        guard tcgetattr(STDIN_FILENO, &settings) == 0 else { return nil }
        before = settings
    }

    /// Shows an empty screen; keys come at once, and are not shown.
    func enter() {
        var settings = before
        settings.c_lflag &= ~tcflag_t(ICANON | ECHO | ISIG)
        settings.c_iflag &= ~tcflag_t(IXON)  // Ctrl-S would stop the drawing, and with it the end
        tcsetattr(STDIN_FILENO, TCSANOW, &settings)
        put("\u{1B}[?1049h\u{1B}[?25l")
    }

    /// Shows what was there before.
    func leave() {
        put("\u{1B}[?25h\u{1B}[?1049l")
        var settings = before
        tcsetattr(STDIN_FILENO, TCSANOW, &settings)
    }

    /// Draws all lines, over what is there, so that nothing flickers.
    func draw(_ lines: [WatchText.Line], coloured: Bool) {
        let text = lines.map { Self.styled($0, coloured) + "\u{1B}[K" }.joined(separator: "\r\n")
        put("\u{1B}[H" + text + "\u{1B}[J")
    }

    private static func styled(_ line: WatchText.Line, _ coloured: Bool) -> String {
        let code: String? =
            switch line.style {
            case .plain: nil
            case .strong: "1"
            case .dim: coloured ? "2" : nil
            case .good: coloured ? "1;32" : "1"
            case .bad: coloured ? "1;31" : "1"
            }
        return code.map { "\u{1B}[\($0)m\(line.text)\u{1B}[0m" } ?? line.text
    }

    /// A terminal that is gone ends the program by a signal.
    private func put(_ text: String) { try? writeAll(Array(text.utf8), to: STDOUT_FILENO) }

    /// Reads keys until there are no more, on a thread of its own.
    static func readKeys(_ take: @escaping @Sendable (UInt8) -> Void, atEnd: @escaping @Sendable () -> Void) throws {
        try startThread {
            var key: UInt8 = 0
            while true {
                let count = read(STDIN_FILENO, &key, 1)
                if count == 1 { take(key) } else if count == 0 || errno != EINTR { break }
            }
            atEnd()
        }
    }
}
