import Testing

@testable import Configuration

@Suite(.timeLimit(.minutes(5)))
struct HostileConfigTests {
    /// toml++ 3.3 asserts what is not true of these: found by the fuzzer.
    @Test("texts that the parser did not foresee are problems with a line", arguments: ["[\n", "[*", "x = 1\n[\n\n\n"])
    func openBracket(text: String) throws {
        guard case .failure(let problems) = ConfigFile.parse(Array(text.utf8), file: "f") else {
            Issue.record("it was taken for a configuration")
            return
        }
        #expect(problems.problems.first?.place?.line == (text.hasPrefix("x") ? 2 : 1))
    }
}
