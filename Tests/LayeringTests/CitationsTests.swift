import Foundation
import Testing

/// Comments cite documents as `docs/FILE.md#section`, with the anchor that the heading has on a web page.
@Suite(.timeLimit(.minutes(5)))
struct CitationsTests {
    @Test("every document and section that a comment cites exists")
    func sections() throws {
        var anchors: [String: Set<String>] = [:]
        var count = 0
        for path in try Repository.files(below: ["Sources", "Tests", "Fuzz"], extensions: ["swift", "h", "c", "cpp"]) {
            if path.hasSuffix("CitationsTests.swift") { continue }
            for (number, line) in try Repository.lines(of: path).enumerated() {
                for citation in Citation.all(in: line) {
                    count += 1
                    if anchors[citation.document] == nil {
                        anchors[citation.document] = try Repository.anchors(of: citation.document)
                    }
                    let known = anchors[citation.document] ?? []
                    if known.isEmpty { Issue.record("\(path):\(number + 1): there is no \(citation.document)") }
                    if let anchor = citation.anchor, !known.contains(anchor) {
                        Issue.record("\(path):\(number + 1): \(citation.document) has no section #\(anchor)")
                    }
                }
            }
        }
        #expect(count >= 20)
    }

    @Test("citations and headings are read as they are written")
    func reader() {
        let line: Substring = "/// As docs/a-b.md#21-fileslist_folder, and docs/decisions/c.md (docs/d.md#x)."
        let found = Citation.all(in: line)
        #expect(found.map(\.document) == ["docs/a-b.md", "docs/decisions/c.md", "docs/d.md"])
        #expect(found.map(\.anchor) == ["21-fileslist_folder", nil, "x"])
        let text = """
            # The API, v2
            ```
            # no heading
            ```
            ## 2.1 `files/list_folder`
            """
        let lines = text.split(separator: "\n", omittingEmptySubsequences: false)
        #expect(Repository.anchors(in: lines) == ["the-api-v2", "21-fileslist_folder"])
    }
}

/// A document, and perhaps one of its sections.
private struct Citation {
    let document: String
    let anchor: String?

    static func all(in line: Substring) -> [Citation] {
        guard line.contains("docs/") else { return [] }
        return line.matches(of: #/(docs/[A-Za-z0-9_/-]+\.md)(#([a-z0-9_-]+))?/#).map { match in
            Citation(document: String(match.output.1), anchor: match.output.3.map { String($0) })
        }
    }
}

/// The files around this one.
private enum Repository {
    static let root = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
        .deletingLastPathComponent()

    static func files(below folders: [String], extensions: Set<String>) throws -> [String] {
        var paths: [String] = []
        for folder in folders {
            let walk = try #require(FileManager.default.enumerator(atPath: root.appending(path: folder).path))
            for case let path as String in walk where extensions.contains(where: { path.hasSuffix("." + $0) }) {
                paths.append("\(folder)/\(path)")
            }
        }
        return paths.sorted()
    }

    static func lines(of path: String) throws -> [Substring] {
        try String(contentsOf: root.appending(path: path), encoding: .utf8)
            .split(separator: "\n", omittingEmptySubsequences: false)
    }

    /// The anchors of a document's sections; none if there is no such document.
    static func anchors(of document: String) throws -> Set<String> {
        guard FileManager.default.fileExists(atPath: root.appending(path: document).path) else { return [] }
        return anchors(in: try lines(of: document))
    }

    static func anchors(in lines: [Substring]) -> Set<String> {
        var anchors: Set<String> = []
        var isInBlock = false
        for line in lines {
            if line.hasPrefix("```") { isInBlock.toggle() }
            guard !isInBlock, line.hasPrefix("#") else { continue }
            anchors.insert(anchor(of: line.drop { $0 == "#" || $0 == " " }))
        }
        return anchors
    }

    /// Lower case, a hyphen for each blank, and of everything else only letters, digits, hyphens and underscores.
    private static func anchor(of heading: Substring) -> String {
        var anchor = ""
        for character in heading.lowercased() {
            if character == " " {
                anchor.append("-")
            } else if character.isLetter || character.isNumber || character == "-" || character == "_" {
                anchor.append(character)
            }
        }
        return anchor
    }
}
