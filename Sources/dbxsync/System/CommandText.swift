import ArgumentParser
import Configuration

/// Commands of this program in what people are told to do; pure.
enum CommandText {
    /// What names a configuration on a command line, with a blank in front; empty for the usual one.
    static func option(_ file: String) -> String {
        file == DropIn.file(ofInstance: nil) ? "" : " --config \(word(file))"
    }

    /// The text, in which every command of this program names the configuration that it is about.
    ///
    /// - Parameter text: where a line names one already, it stays as it is.
    static func naming(_ file: String, in text: String) -> String { naming(file, in: text) { _ in true } }

    /// The same of a text that also holds names of files: a command is what stands in quotes, or behind a colon.
    static func namingAdvice(_ file: String, in text: String) -> String {
        naming(file, in: text) { before in ["`", "\"", ": "].contains { before.hasSuffix($0) } }
    }

    /// Where `isCommand` holds for what stands before the name of this program.
    private static func naming(_ file: String, in text: String, _ isCommand: (Substring) -> Bool) -> String {
        let option = option(file)
        if option.isEmpty { return text }
        let setup =
            DropIn.instance(file).flatMap { InstanceName.problem($0) == nil ? " --instance " + $0 : nil } ?? option
        let lines = text.split(separator: "\n", omittingEmptySubsequences: false)
        return lines.map { $0.contains("--config") ? String($0) : naming(option, setup, inLine: $0, isCommand) }
            .joined(separator: "\n")
    }

    private static let program = "dbxsync "
    private static let commands = Set(Dbxsync.configuration.subcommands.compactMap { $0.configuration.commandName })

    private static let setup = SetupCommand.configuration.commandName ?? ""

    /// - Parameter setup: what names the configuration to `dbxsync setup`, which makes it.
    private static func naming(
        _ option: String, _ setup: String, inLine line: Substring, _ isCommand: (Substring) -> Bool
    ) -> String {
        var (result, rest) = ("", line)
        while let found = rest.firstRange(of: program) {
            let command = rest[found.upperBound...].prefix { $0.isASCII && $0.isLetter || $0 == "-" }
            result += rest[..<command.endIndex]
            if commands.contains(String(command)), isCommand(line[..<found.lowerBound]) {
                result += command == Self.setup ? setup : option
            }
            rest = rest[command.endIndex...]
        }
        return result + rest
    }

    /// A path as one word of a shell.
    private static func word(_ path: String) -> String {
        let isPlain = path.utf8.allSatisfy { byte in
            switch byte {
            case UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
                UInt8(ascii: "a")...UInt8(ascii: "z"):
                true
            default: "/-_.+@%:=,".utf8.contains(byte)
            }
        }
        return isPlain ? path : "'" + path.replacing("'", with: "'\\''") + "'"
    }
}
