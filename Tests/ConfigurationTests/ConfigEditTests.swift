import Foundation
import Testing

@testable import Configuration

/// A value is changed in the text of a file, and nothing else is.
@Suite(.timeLimit(.minutes(5)))
struct ConfigEditTests {
    private func sample() throws -> String {
        let root = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
            .deletingLastPathComponent()
        return try String(contentsOf: root.appending(path: "config/dbxsync.conf"), encoding: .utf8)
    }

    @Test("in the shipped file the line with the default is replaced, in its own table, and no other line")
    func inPlace() throws {
        let old = try sample()
        var text = try ConfigEdit.set("account.app_key", to: "abc", in: old)
        text = try ConfigEdit.set("mirror.directory", to: "/srv/my \"own\"", in: text)
        text = try ConfigEdit.set("state.directory", to: "/var/lib/dbxsync/x", in: text)
        let (before, after) = (old.split(separator: "\n"), text.split(separator: "\n"))
        #expect(before.count == after.count)
        let changed = zip(before, after).filter { $0 != $1 }
        #expect(
            changed.map(\.1) == [
                "app_key = \"abc\"", #"directory = "/srv/my \"own\"""#, "directory = \"/var/lib/dbxsync/x\"",
            ])
        #expect(changed.map(\.0)[1] == "#directory = \"/srv/dropbox\"")
        #expect(ConfigEdit.value(of: "mirror.directory", in: text) == "/srv/my \"own\"")
        #expect(try ConfigEdit.set("mirror.directory", to: "/srv/my \"own\"", in: text) == text)
    }

    @Test(
        "whatever way a value is written, it is replaced, and what stands around it stays",
        arguments: [
            ("[mirror]\n  directory   =   \"/a\"   # mine\n", "[mirror]\n  directory   =   \"/n\"   # mine\n"),
            ("[mirror]\ndirectory = '/a#b'#c\n", "[mirror]\ndirectory = \"/n\"#c\n"),
            ("mirror.directory = \"/a\"\n", "mirror.directory = \"/n\"\n"),
            ("mirror = { directory = \"/a\", watch = true }", "mirror = { directory = \"/n\", watch = true }"),
            ("[mirror]\r\ndirectory = \"/a\"\r\n", "[mirror]\r\ndirectory = \"/n\"\r\n"),
            (
                "[mirror]\ndirectory = \"\"\"\n/a\n\"\"\" # x\nwatch = true",
                "[mirror]\ndirectory = \"/n\"\nwatch = true"
            ),
            ("[mirror]\ndirectory = [\n1,\n2]\n", "[mirror]\ndirectory = \"/n\"\n"),
            ("[mirror]\ndirectory = 5 # five\n", "[mirror]\ndirectory = \"/n\" # five\n"),
            ("[\"mirror\"]\n\"directory\" = \"/ä\\\"\" # ä\n", "[\"mirror\"]\n\"directory\" = \"/n\" # ä\n"),
        ])
    func replaced(old: String, new: String) throws {
        #expect(try ConfigEdit.set("mirror.directory", to: "/n", in: old) == new)
    }

    @Test(
        "a key that is not there is added where its table is, or with one",
        arguments: [
            ("", "[mirror]\ndirectory = \"/n\"\n"), ("# mine", "# mine\n\n[mirror]\ndirectory = \"/n\"\n"),
            ("[mirror] # m\nwatch = true\n", "[mirror] # m\ndirectory = \"/n\"\nwatch = true\n"),
            ("[mirror]\n# directory = \"/x\"\n", "[mirror]\ndirectory = \"/n\"\n"),
            ("[state]\n#directory = \"/s\"\n", "[state]\n#directory = \"/s\"\n\n[mirror]\ndirectory = \"/n\"\n"),
            ("mirror.watch = true\n[log]\n", "mirror.watch = true\nmirror.directory = \"/n\"\n[log]\n"),
        ])
    func added(old: String, new: String) throws {
        #expect(try ConfigEdit.set("mirror.directory", to: "/n", in: old) == new)
    }

    @Test("a key that is not to be set is commented out")
    func unset() throws {
        #expect(
            try ConfigEdit.set("mirror.group", to: nil, in: "[mirror]\ngroup = \"a\"\nwatch = true\n")
                == "[mirror]\n#group = \"a\"\nwatch = true\n")
        #expect(try ConfigEdit.set("mirror.group", to: nil, in: "[mirror]\n") == "[mirror]\n")
    }

    @Test("what is no TOML, and what cannot be changed without changing more, is refused")
    func refused() {
        for text in ["[mirror", "mirror = { watch = true }\n", "mirror = 5\n"] {
            #expect(throws: ConfigValueError.self, "\(text)") {
                try ConfigEdit.set("mirror.directory", to: "/n", in: text)
            }
        }
    }

    @Test("a head of a table in a text of several lines is none")
    func decoy() throws {
        let text = "[log]\nlevel = \"\"\"\n[mirror]\n#directory = 1\n\"\"\"\n"
        let new = try ConfigEdit.set("mirror.directory", to: "/n", in: text)
        #expect(new == text + "\n[mirror]\ndirectory = \"/n\"\n")
    }

    @Test("values that hold anything come back as they were")
    func anything() throws {
        for value in ["", "\\", "\"", "#", "\u{0}\u{1F}\u{7F}", "\u{2028}\n", "😀", "'''\"\"\"", "]\n[mirror]"] {
            let text = try ConfigEdit.set("mirror.directory", to: value, in: try sample())
            #expect(ConfigEdit.value(of: "mirror.directory", in: text) == value)
            #expect(try ConfigEdit.set("mirror.directory", to: "/n", in: text).contains("\ndirectory = \"/n\"\n"))
        }
    }
}
