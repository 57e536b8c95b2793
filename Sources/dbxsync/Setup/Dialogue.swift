import FileSystem
import Glibc
import TextFormatting

/// Questions and answers on a terminal; without one every question has to have an answer already.
struct Dialogue: Sendable {
    /// Whether somebody is there who can be asked.
    let isInteractive: Bool
    /// Whether every question that has an answer takes it.
    let saysYes: Bool

    private let terminal = Terminal.standardError

    /// A heading, or something to know.
    func say(_ text: String = "") {
        for line in text.split(separator: "\n", omittingEmptySubsequences: false) {
            terminal.write(line: escapingControls(String(line)))
        }
    }

    /// Whether a question can be asked.
    var asks: Bool { isInteractive && !saysYes }

    /// Asks until an answer is taken.
    ///
    /// - Parameters:
    ///   - question: a few words.
    ///   - given: the answer on the command line, which is not asked for again.
    ///   - usual: what an empty line means; nil for nothing.
    ///   - take: takes an answer, or throws `SetupRefusal` with what is wrong with it.
    /// - Throws: `Failure` if nobody answers, or an answer that nobody can be asked about again is refused.
    func ask(
        _ question: String, given: String?, usual: String?, option: String, _ take: (String) async throws -> Void
    ) async throws {
        if let answer = given ?? (asks ? nil : usual) {
            do {
                try await take(answer)
                if given != nil || usual != nil { say("  \(question): \(answer.isEmpty ? "-" : answer)") }
                return
            } catch let refusal as SetupRefusal {
                guard asks else { throw Failure(.usage, "\(option): \(refusal.message)") }
                say("  \(answer): \(refusal.message)")
            }
        }
        guard isInteractive else { throw Failure(.usage, "\(option) is missing") }
        while true {
            let answer = try line(
                "  \(question)\(usual.map { $0.isEmpty ? "" : " [\(escapingControls($0))]" } ?? ""): ")
            guard let text = answer.isEmpty ? usual : answer else { continue }
            do {
                return try await take(text)
            } catch let refusal as SetupRefusal {
                say("  \(refusal.message)")
            }
        }
    }

    /// Asks a question that is answered with yes, or with no; yes where nobody is asked.
    func confirms(_ question: String) throws(Failure) -> Bool {
        guard asks else { return true }
        while true {
            switch try line("\(question) [Y/n] ").lowercased() {
            case "", "y", "yes": return true
            case "n", "no": return false
            default: say("  yes or no?")
            }
        }
    }

    /// A line without the blanks around it.
    func line(_ prompt: String) throws(Failure) -> String {
        try? writeAll(Array(prompt.utf8), to: STDERR_FILENO)  // nobody could be told
        guard let line = readLine() else {
            terminal.write(line: "")
            throw Failure(.incomplete, "the input ended at a question; nothing was changed")
        }
        return String(line.drop { $0.isWhitespace }.reversed().drop { $0.isWhitespace }.reversed())
    }
}
