import Foundation
import Store
import SyncModel
import TestSupport
import Testing

@testable import dbxsync

/// Rows of the history in words and in JSON.
@Suite(.timeLimit(.minutes(5)))
struct HistoryTextTests {
    private func row(_ change: MirrorChange) -> HistoryRow {
        HistoryRow(number: 1_796_000_000_001, time: 1_700_000_000, pass: 7, change: change)
    }

    @Test("JSON is one line with the same keys for every row, null where there is nothing")
    func json() throws {
        let hash = try #require(ContentHash(hex: String(repeating: "ab", count: 32)))
        let moved = MirrorChange(
            .moved, path: "/b \"x\"\n\u{202E}.txt", oldPath: "/ä.txt", size: 12, oldRev: Rev("1a"), rev: Rev("1b"),
            hash: hash)
        let line = HistoryText.json(row(moved))
        #expect(!line.contains("\n") && !line.contains("\u{202E}"))
        let object = try #require(try JSONSerialization.jsonObject(with: Data(line.utf8)) as? [String: Any])
        let keys = [
            "event", "files", "hash", "n", "old_path", "old_rev", "pass", "path", "reason", "rev", "size", "time",
        ]
        #expect(object.keys.sorted() == keys)
        #expect(object["n"] as? Int64 == 1_796_000_000_001 && object["pass"] as? Int == 7)
        #expect(object["time"] as? String == "2023-11-14T22:13:20Z" && object["event"] as? String == "moved")
        #expect(object["path"] as? String == "/b \"x\"\n\u{202E}.txt" && object["old_path"] as? String == "/ä.txt")
        #expect(object["hash"] as? String == hash.hex && object["rev"] as? String == "1b")
        #expect(object["reason"] is NSNull && object["files"] is NSNull)
        #expect(HistoryText.json(row(MirrorChange(.passDone, path: "/"))).hasSuffix("\"reason\":null}"))
    }

    @Test("a line for people has event, path and what there is to say")
    func lines() {
        func text(_ change: MirrorChange) -> String { String(HistoryText.line(row(change)).dropFirst(25)) }
        #expect(text(MirrorChange(.filePlaced, path: "/a", size: 3_000)) == "file_placed    /a (3.0 kB)")
        #expect(
            text(
                MirrorChange(.filePlaced, path: "/a", size: 0, oldRev: Rev("1"), rev: Rev("2"), reason: "same content"))
                == "file_placed    /a (0 B, new revision, same content)")
        #expect(text(MirrorChange(.moved, path: "/b", oldPath: "/a\n")) == "moved          /a\\n -> /b")
        #expect(
            text(MirrorChange(.folderFilled, path: "/d", size: 2_000_000, files: 1_200))
                == "folder_filled  /d (1,200 files, 2.0 MB)")
        #expect(text(MirrorChange(.passDone, path: "/")) == "pass_done")
    }
}
