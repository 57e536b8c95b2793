import Testing

@testable import dbxsync

@Suite(.timeLimit(.minutes(5)))
struct MirrorPlaceTests {
    private func readings(_ text: String, root: String = "", here: String = "/home/ana") throws -> [String] {
        try MirrorPlace(text, mirrors: ["/srv/Dropbox", "/data/Dropbox"], remoteRoot: root, here: here).readings
    }

    @Test(
        "a path of Dropbox and one of this machine are told apart",
        arguments: [
            ("/Docs/a.txt", "/Docs/a.txt"), ("Docs/a.txt", "/Docs/a.txt"), ("/Docs//a/", "/Docs/a"), ("/", "/"),
            ("/srv/Dropbox/Docs/a.txt", "/Docs/a.txt"), ("/data/Dropbox/Docs", "/Docs"), ("/srv/Dropbox", "/"),
            ("/srv/Dropbox/Docs/../b", "/b"), ("/srv/Dropboxes/b", "/srv/Dropboxes/b"),
        ])
    func places(text: String, path: String) throws {
        #expect(try readings(text) == [path])
    }

    @Test("in the mirror a name is one of there")
    func inside() throws {
        #expect(try readings("a.txt", here: "/data/Dropbox/Docs") == ["/Docs/a.txt"])
        #expect(try readings("./a.txt", here: "/srv/Dropbox/Docs") == ["/Docs/a.txt"])
        #expect(try readings(".", here: "/srv/Dropbox/Docs") == ["/Docs"])
        #expect(try readings("../b", here: "/srv/Dropbox/Docs") == ["/b"])
    }

    @Test("a path of the account may be meant where only a folder of it is mirrored")
    func root() throws {
        #expect(try readings("/team/A/x", root: "/Team/a") == ["/team/A/x", "/x"])
        #expect(try readings("/Team/a", root: "/Team/a") == ["/Team/a", "/"])
        #expect(try readings("/x", root: "/Team/a") == ["/x"])
    }

    @Test(
        "what lies outside, or is no path, is refused",
        arguments: ["./a", "../a", ".", "/Docs/../a", "/.dbxsync/trash", "/srv/Dropbox/.dbxsync", "id:abc", "rev:0123"])
    func refused(text: String) {
        let error = #expect(throws: Failure.self) { try readings(text) }
        #expect(error?.exitCode == .usage)
    }
}
