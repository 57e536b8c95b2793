import TextFormatting

/// Text of others in an HTML document, as content or in a quoted attribute.
public enum Markup {
    /// The text with nothing that HTML obeys, and with control characters and marks that turn the direction of what
    /// follows made visible.
    public static func text(_ text: String) -> String {
        let visible = escapingControls(text)
        guard visible.utf8.contains(where: isSpecial) else { return visible }
        var escaped = ""
        for scalar in visible.unicodeScalars {
            switch scalar {
            case "&": escaped += "&amp;"
            case "<": escaped += "&lt;"
            case ">": escaped += "&gt;"
            case "\"": escaped += "&quot;"
            case "'": escaped += "&#39;"
            default: escaped.unicodeScalars.append(scalar)
            }
        }
        return escaped
    }

    /// A path or name: its slashes go from left to right whatever its letters do, and its direction ends with it.
    public static func path(_ path: String) -> String { "<bdi class=\"path\" dir=\"ltr\">\(text(path))</bdi>" }

    private static func isSpecial(_ byte: UInt8) -> Bool { "&<>\"'".utf8.contains(byte) }
}
