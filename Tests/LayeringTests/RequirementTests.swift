import Testing

@testable import TestSupport

/// What is missing on a machine is told, and in CI what should be there is not skipped.
@Suite(.timeLimit(.minutes(5)))
struct RequirementTests {
    private static let there = Requirement.installed("there") { true }
    private static let missing = Requirement.installed("missing") { false }
    private static let forbidden = Requirement.machine("forbidden") { false }

    @Test("what this machine does not allow is skipped everywhere, whatever else is missing")
    func machine() throws {
        for mayNotSkip in [false, true] {
            #expect(try Requirement.areMet([Self.there], mayNotSkip: mayNotSkip))
            #expect(try !Requirement.areMet([Self.missing, Self.forbidden], mayNotSkip: mayNotSkip))
        }
    }

    @Test("what should have been installed is skipped, and fails where nothing may be skipped")
    func installed() throws {
        #expect(try !Requirement.areMet([Self.there, Self.missing], mayNotSkip: false))
        let error = #expect(throws: NotInstalled.self) {
            try Requirement.areMet([Self.there, Self.missing], mayNotSkip: true)
        }
        #expect(error?.description.hasPrefix("missing is missing;") == true)
    }

    @Test("the reason names all that is needed")
    func reason() {
        #expect(Requirement.text([Self.there, Self.forbidden]) == "needs there, and forbidden")
    }

    @Test("what every machine has is found, and nothing else")
    func commands() throws {
        #expect(try Requirement.areMet([.command("sh")], mayNotSkip: false))
        #expect(try !Requirement.areMet([.command("dbxsync-nowhere")], mayNotSkip: true))
    }
}
