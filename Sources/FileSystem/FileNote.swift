import CLinux

/// A short text that stays with an open file: an extended attribute (xattr(7)), which copies and other programs may lose.
public enum FileNote {
    /// Longer ones are not read.
    private static let longest = 4096

    /// Notes `text` about a file; one that its file system does not take is not noted.
    public static func set(_ text: String, on file: Int32) {
        let bytes = Array(text.utf8)
        if bytes.count <= longest { _ = dbx_set_note(file, bytes, bytes.count) }
    }

    /// What is noted about a file; `nil` if nothing is, or nothing that can be read.
    public static func of(_ file: Int32) -> String? {
        var bytes = [UInt8](repeating: 0, count: longest)
        let count = dbx_note(file, &bytes, bytes.count)
        return count > 0 ? String(validating: bytes.prefix(count), as: UTF8.self) : nil
    }
}
