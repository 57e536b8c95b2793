/// The rules of Dropbox's name space.
enum Names {
    /// The lower-case form that identifies a name.
    ///
    /// Scalar by scalar with the mappings of Unicode 4.1: final sigma is not special and letters that are newer than
    /// that stay as they are, as on the server.
    static func lower(_ text: String) -> String {
        if text.utf8.allSatisfy({ $0 < 0x80 && !(0x41...0x5A).contains($0) }) { return text }
        var result = String.UnicodeScalarView()
        for scalar in text.unicodeScalars { result.append(lower(scalar)) }
        return String(result)
    }

    private static func lower(_ scalar: Unicode.Scalar) -> Unicode.Scalar {
        if scalar.value < 0x80 {
            guard (0x41...0x5A).contains(scalar.value) else { return scalar }
            return Unicode.Scalar(scalar.value + 32) ?? scalar
        }
        guard scalar.properties.changesWhenLowercased, let age = scalar.properties.age, age <= (4, 1) else {
            return scalar
        }
        return scalar.properties.lowercaseMapping.unicodeScalars.first ?? scalar
    }

    /// The components of a path; doubled slashes at the start are passed over, as the real service does.
    static func components(_ path: String) -> [String] {
        path.utf8.split(separator: UInt8(ascii: "/")).map { String(Substring($0)) }
    }

    /// Why the API refuses `path` for writing, in LookupError's and WriteError's words.
    static func isMalformed(_ path: String) -> Bool {
        let slash = UInt8(ascii: "/")
        let trimmed = path.utf8.drop { $0 == slash }
        return trimmed.split(separator: slash, omittingEmptySubsequences: false).contains {
            isMalformedName(Substring($0))
        }
    }

    private static func isMalformedName(_ name: Substring) -> Bool {
        if name.isEmpty || name == "." || name == ".." || name.unicodeScalars.count > 255 { return true }
        return name.utf8.last == 0x20
            || name.utf8.contains { $0 == 0 || $0 == 0x7F || $0 == UInt8(ascii: "\\") }
    }

    /// Names that the service refuses, whatever their case.
    static func isDisallowed(_ name: String) -> Bool {
        let lowered = lower(name)
        let fixed = ["desktop.ini", "thumbs.db", ".ds_store", "icon\r", ".dropbox", ".dropbox.attr"]
        return fixed.contains(lowered) || lowered.hasPrefix("~$") || lowered.hasPrefix(".~")
            || (lowered.hasPrefix("~") && lowered.hasSuffix(".tmp"))
    }

    /// `name` with `mark` before its extension, as autorename forms it.
    static func marked(_ name: String, _ mark: String) -> String {
        guard let dot = name.lastIndex(of: "."), dot > name.startIndex else { return "\(name) (\(mark))" }
        return "\(name[..<dot]) (\(mark))\(name[dot...])"
    }
}

/// A text that is compared byte by byte: two normal forms of one name are two names.
struct Exact: Hashable {
    var text: String

    static func == (left: Exact, right: Exact) -> Bool { left.text.utf8.elementsEqual(right.text.utf8) }

    func hash(into hasher: inout Hasher) {
        var text = text
        text.withUTF8 { hasher.combine(bytes: UnsafeRawBufferPointer($0)) }
    }
}
