import TextFormatting

/// A place in a text, counted from 1 as editors do.
package struct TextPlace: Hashable, Comparable, Sendable {
    package let line: Int
    package let column: Int

    package static func < (a: TextPlace, b: TextPlace) -> Bool { (a.line, a.column) < (b.line, b.column) }
}

/// One thing that is wrong with a configuration file.
package struct ConfigProblem: Hashable, Sendable, CustomStringConvertible {
    /// The file as it was named to us.
    package let file: String
    /// Where it stands; nil for what is not there, and for the file as a whole.
    package let place: TextPlace?
    /// Full name of the key or table, such as `mirror.file_mode`; nil for the file as a whole.
    package let key: String?
    /// What is wrong and what would be right.
    package let message: String

    /// The line for people: `FILE:LINE:COLUMN: KEY: MESSAGE`, as editors and grep understand it.
    package var description: String {
        var text = escapingControls(file)
        if let place { text += ":\(place.line):\(place.column)" }
        if let key { text += ": \(escapingControls(key))" }
        return text + ": " + message
    }
}

/// Everything that is wrong with a configuration file, in the order of its lines; never empty.
package struct ConfigProblems: Error, Equatable, Sendable, CustomStringConvertible {
    package let problems: [ConfigProblem]

    /// One problem a line.
    package var description: String { problems.map(\.description).joined(separator: "\n") }
}
