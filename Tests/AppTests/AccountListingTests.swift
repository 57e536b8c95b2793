import Foundation
import Store
import SyncModel
import TestSupport
import Testing

@testable import dbxsync

@Suite(.timeLimit(.minutes(5)))
struct AccountListingTests {
    private func version(_ rev: String) -> FileVersion {
        FileVersion(rev: Rev(rev), size: 1_234, hash: ContentHasher().finish(), modified: 1_700_000_000)
    }

    private func have(_ rev: String) -> LocalNode {
        .file(
            name: FileName("a"), version(rev), Fingerprint(inode: 1, size: 1_234, modifiedNanoseconds: 0))
    }

    @Test("the mark says what stands, what failed, and what is left out")
    func marks() {
        let file = RemoteNode.file(name: FileName("a"), version("1"))
        let folder = RemoteNode.folder(name: FileName("a"))
        #expect(MirrorMark(file, Standing(node: have("1")), .selected) == .same)
        #expect(MirrorMark(file, Standing(node: have("2")), .selected) == .other)
        #expect(MirrorMark(file, Standing(node: .folder(name: FileName("a"), inode: 1)), .selected) == .other)
        #expect(MirrorMark(file, Standing(), .selected) == .missing)
        #expect(MirrorMark(file, Standing(node: have("2"), reason: "no"), .selected) == .failing)
        #expect(MirrorMark(file, Standing(reason: "no", isParked: true), .selected) == .parked)
        #expect(MirrorMark(file, Standing(node: have("1")), .outside) == .excluded)
        #expect(MirrorMark(file, nil, .selected) == .unknown)
        #expect(MirrorMark(folder, Standing(), .onTheWay) == .excluded)
        #expect(MirrorMark(folder, Standing(node: .folder(name: FileName("a"), inode: 1)), .onTheWay) == .same)
    }

    @Test("an export that the state knows to be too large is left out, one of another revision is not known")
    func tooLarge() {
        func export(_ rev: String, size: Int64?) -> RemoteNode {
            let document = OnlineDocument(
                name: FileName("a.gdoc"), rev: Rev(rev), modified: 5, formats: ExportFormats(exportAs: "docx"))
            let content = size.map { ExportedFile.Content(size: $0, hash: ContentHasher().finish()) }
            return .export(
                name: FileName("a.gdoc.docx"),
                ExportedFile(
                    document, source: RemoteKey("/a.gdoc"), form: .format("docx", isFallback: false), content: content))
        }
        let standing = Standing(want: export("1", size: 1_000))
        #expect(export("1", size: nil).known(by: standing).version?.size == 1_000)
        #expect(export("2", size: nil).known(by: standing).version == nil)
        #expect(export("1", size: nil).known(by: Standing()).version == nil)
    }

    @Test("a line obeys nothing that is in a name, and a folder has a slash")
    func lines() {
        let file = ListedEntry(
            .file(name: FileName("x"), version("0a")), path: "/x", mark: .same, reason: "not told of this")
        #expect(file.line("x\u{1B}[2J\n", isLong: false) == "= x\\u{1b}[2J\\n")
        let long = file.line("x", isLong: true)
        #expect(long.hasPrefix("=           1,234  2023-11-1") && long.hasSuffix("  0a                         x"))
        let folder = ListedEntry(.folder(name: FileName("f")), path: "/f", mark: .missing, reason: nil)
        #expect(folder.line("f", isLong: false) == "  f/")
        #expect(folder.line("f", isLong: true).hasSuffix("  f/"))
    }

    @Test("the JSON is one document, whatever the names are")
    func json() throws {
        var text = ListingText(isJSON: true, isLong: false)
        var document = text.head("/\u{202E}\"")
        let gone = RemoteNode.unavailable(name: FileName("d"), .notDownloadable, rev: Rev("7"))
        document += text.entry(
            ListedEntry(.file(name: FileName("x"), version("1")), path: "/x\n\u{9B}", mark: .failing, reason: "no\t"),
            name: "x")
        document += text.entry(ListedEntry(gone, path: "/d", mark: .missing, reason: nil), name: "d")
        document += text.entry(
            ListedEntry(.folder(name: FileName("f")), path: "/f", mark: .same, reason: nil), name: "f")
        document += text.tail
        let object = try JSONSerialization.jsonObject(with: Data(document.utf8)) as? [String: Any]
        #expect(object?["path"] as? String == "/\u{202E}\"")
        #expect(object?["files"] as? Int == 1 && object?["folders"] as? Int == 1 && object?["bytes"] as? Int == 1_234)
        let entries = try #require(object?["entries"] as? [[String: Any]])
        #expect(entries.map { $0["path"] as? String } == ["/x\n\u{9B}", "/d", "/f"])
        #expect(entries.map { $0["mirror"] as? String } == ["failing", "missing", "same"])
        #expect(entries[0]["reason"] as? String == "no\t" && entries[2]["reason"] is NSNull)
        #expect((entries[1]["reason"] as? String)?.hasPrefix("an online document") == true)
        #expect(Set(entries.map { Set($0.keys) }).count == 1)
        #expect(document.unicodeScalars.allSatisfy { $0 == "\n" || ($0.value >= 0x20 && $0.value != 0x9B) })
        var empty = ListingText(isJSON: true, isLong: false)
        empty.unread = 2
        let nothing = try JSONSerialization.jsonObject(with: Data((empty.head("") + empty.tail).utf8)) as? [String: Any]
        #expect(nothing?["path"] as? String == "/" && nothing?["unread"] as? Int == 2)
    }
}
