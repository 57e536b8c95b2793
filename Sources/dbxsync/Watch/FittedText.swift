import CLinux

/// Text in the columns of a terminal; a Chinese letter takes two of them, an accent none.
enum FittedText {
    /// The columns that `text`, which holds no controls, takes.
    static func width(_ text: some StringProtocol) -> Int { text.reduce(0) { $0 + width($1) } }

    /// What comes up to `width` columns; of more a last one says that something is missing.
    static func cut(_ text: String, to width: Int) -> String {
        if self.width(text) <= width { return text }
        return width < 1 ? "" : String(prefix(of: text, width: width - 1)) + "…"
    }

    /// The same of a path: its end tells more than its beginning.
    static func cutPath(_ path: String, to width: Int) -> String {
        if self.width(path) <= width { return path }
        if width < 1 { return "" }
        let end = String(prefix(of: String(path.reversed()), width: width - 1).reversed())
        return "…" + end
    }

    /// With spaces behind it, up to `width` columns.
    static func padded(_ text: String, to width: Int) -> String {
        text + String(repeating: " ", count: max(0, width - self.width(text)))
    }

    /// In lines of at most `width` columns, broken between words where that can be.
    static func wrapped(_ text: String, to width: Int) -> [String] {
        guard width > 0 else { return [] }
        var lines: [String] = []
        var line = ""
        for word in text.split(separator: " ", omittingEmptySubsequences: false) {
            if !line.isEmpty, self.width(line) + 1 + self.width(word) <= width {
                line += " " + word
                continue
            }
            if !line.isEmpty { lines.append(line) }
            line = String(word)
            while self.width(line) > width {
                let begin = prefix(of: line, width: width)
                guard !begin.isEmpty else { break }
                lines.append(String(begin))
                line.removeFirst(begin.count)
            }
        }
        return lines + [line]
    }

    private static func prefix(of text: String, width: Int) -> Substring {
        var (used, end) = (0, text.startIndex)
        while end < text.endIndex {
            used += self.width(text[end])
            if used > width { break }
            end = text.index(after: end)
        }
        return text[..<end]
    }

    /// What the C library says of the widest of its parts; 1 of what it does not know.
    private static func width(_ character: Character) -> Int {
        if character.isASCII { return 1 }
        let widths = character.unicodeScalars.map { Int(dbx_columns($0.value)) }
        return widths.contains(-1) ? max(1, widths.max() ?? 1) : widths.max() ?? 1
    }
}
