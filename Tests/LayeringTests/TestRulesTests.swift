import Testing

/// Loops that sleep for another reason than to wait for a condition.
private let pausing: Set<String> = [
    "Support/Eventually.swift",
    "TransportTests/FailureTests.swift",  // an answer that trickles
]

/// Nothing in the tests hangs, or waits in a way of its own.
@Suite(.timeLimit(.minutes(5)))
struct TestRulesTests {
    /// All tests of a process are begun at once, and wait for one another on two processors.
    private static let leastLimit = 5

    @Test("every suite has a time limit, and one that a busy machine does not reach")
    func limits() throws {
        var count = 0
        for file in try SourceTree.files(below: "Tests") {
            for suite in file.suites {
                count += 1
                let limit = suite.head.firstMatch(of: #/\.timeLimit\(\.minutes\((\d+)\)\)/#).flatMap { Int($0.1) }
                if limit ?? 0 < Self.leastLimit {
                    Issue.record(
                        "Tests/\(file):\(suite.line): @Suite needs a .timeLimit of \(Self.leastLimit) minutes or more")
                }
            }
        }
        #expect(count >= 140)
    }

    @Test("whatever waits for a condition uses eventually or blockUntil, which give up")
    func polling() throws {
        for file in try SourceTree.files(below: "Tests") where !pausing.contains(file.path) {
            for line in file.pollingLoops {
                Issue.record("Tests/\(file):\(line): a loop that sleeps may never end; use eventually")
            }
        }
    }

    @Test("nothing is skipped but by .needs, which tells what is missing")
    func skips() throws {
        for file in try SourceTree.files(below: "Tests") where file.path != "Support/Requirement.swift" {
            for trait in [".enabled(", ".disabled(", "Test.cancel("] {
                for line in file.lines.indices where file.lines[line].contains(trait) {
                    Issue.record("Tests/\(file):\(line + 1): \(trait)…) hides what is missing; use .needs")
                }
            }
        }
    }

    @Test("the reader sees suites with their attributes, and loops that poll")
    func reader() {
        let text = """
            struct Helper {
                func help() {}
            }

            /// A suite.
            @Suite(
                .timeLimit(.minutes(5)), .serialized)
            struct ATests {
                let a = 1

                @Test("x") func one() { while a < 1 { sleep(1) } }
                @Test func two() {
                    for _ in 0..<9 where a < 1 {
                        work()
                        usleep(9)
                    }
                    while !Task.isCancelled { usleep(9) }
                    while a < 1 { work() }
                    usleep(9)
                }
            }
            struct BTests {
                @Test func three() {}
            }
            """
        let file = SourceFile(target: "T", path: "T/F.swift", lines: SourceTree.code(of: text))
        #expect(file.suites.map(\.line) == [11, 23])
        #expect(file.suites.map { $0.head.contains(".timeLimit(") } == [true, false])
        #expect(file.pollingLoops == [11, 13])
    }
}

extension SourceFile {
    /// Where tests begin, each with the declaration that holds them and the attributes above it.
    fileprivate var suites: [(head: String, line: Int)] {
        var suites: [(head: String, line: Int)] = []
        var paragraph = ""
        var head: String? = ""
        for (index, line) in lines.enumerated() {
            if line.isEmpty || line.hasPrefix("}") {
                paragraph = ""
            } else {
                paragraph += line + "\n"
            }
            let kinds = ["struct ", "class ", "enum ", "extension ", "actor "]
            if !line.hasPrefix(" "), kinds.contains(where: line.contains) { head = paragraph }
            if line.hasPrefix("@Test") || line.hasPrefix("    @Test"), let type = head {
                suites.append((type, index + 1))
                head = nil
            }
        }
        return suites
    }

    /// The lines that begin a loop which sleeps until a condition holds.
    fileprivate var pollingLoops: [Int] {
        lines.indices.filter { index in
            let line = lines[index]
            let polls = line.contains("while ") || line.contains("for _ in") && line.contains(" where ")
            guard polls, !line.contains("Task.isCancelled") else { return false }
            let depth = Self.depth(line)
            let block = lines[(index + 1)...].prefix { $0.isEmpty || Self.depth($0) > depth }
            return line.contains("sleep") || line.hasSuffix("{") && block.contains { $0.contains("sleep") }
        }.map { $0 + 1 }
    }

    private static func depth(_ line: String) -> Int { line.prefix { $0 == " " }.count }
}
