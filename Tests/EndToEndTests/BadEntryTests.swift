import Foundation
import Sandbox
import TestSupport
import Testing

/// Listings that break the API's promises, through the real programs.
@Suite(.timeLimit(.minutes(15)))
struct BadEntryTests {
    private func status(_ fixture: DaemonFixture, _ code: Int32) async throws -> [String: Any] {
        let ending = try await fixture.place.run("status", "--json")
        #expect(ending.code == code, "\(ending)")
        return try #require(try JSONSerialization.jsonObject(with: Data(ending.output.utf8)) as? [String: Any])
    }

    private func text(_ fixture: DaemonFixture, _ name: String) throws -> String {
        try String(contentsOfFile: fixture.place.folder("mirror/a/\(name)"), encoding: .utf8)
    }

    @Test("bad entries are listed, all others are mirrored, nothing that stands is touched, and good ones heal it")
    func set() async throws {
        try await DaemonFixture.run { fixture in
            for name in ["size", "date", "kept"] { try fixture.account.put("/a/\(name)", "old \(name)") }
            try await fixture.sync()
            let file = #"{".tag":"file","name":"x","rev":"015f00000000000000001","id":"id:x","client_modified":"#
            let raw = fixture.server.rawEntries
            raw.replace(
                "/a/size",
                with: Array(#"\#(file)"2024-01-01T00:00:00Z","path_lower":"/a/size","size":9223372036854775807}"#.utf8))
            raw.replace("/a/date", with: Array(#"\#(file)"never","path_lower":"/a/date","size":1}"#.utf8))
            raw.add(Array("null".utf8))
            raw.add(Array(#"{".tag":"sprocket","name":"s\ud800\u001b[31m\u202e","path_lower":"/sprocket"}"#.utf8))
            raw.add(Array(#"{".tag":"folder","name":"\u001b]0;x\u0007"}"#.utf8))
            raw.add(Array(#"{".tag":"deleted","name":"kept","path_lower":"/a/ke"#.utf8) + [0xFF] + Array(#"pt"}"#.utf8))
            for name in ["size", "date", "new"] { try fixture.account.put("/a/\(name)", "new \(name)") }
            let sync = try await fixture.place.run("sync")
            #expect(sync.code == 1, "\(sync)")
            #expect(
                !(sync.output + sync.errors).unicodeScalars.contains { $0 == "\u{1B}" || $0 == "\u{202E}" }, "\(sync)")
            #expect(sync.output.contains(#"\u{1b}]0;x"#), "\(sync)")
            for name in ["size", "date", "kept"] {
                #expect(try text(fixture, name) == "old \(name)")
            }
            #expect(try text(fixture, "new") == "new new")
            let report = try await status(fixture, 1)
            #expect(
                report["in_step"] as? Bool == false && report["unread"] as? Int == 3 && report["parked"] as? Int == 3)
            let troubles = try #require(report["issues"] as? [[String: Any]])
            #expect(troubles.compactMap { $0["path"] as? String }.sorted() == ["/a/x", "/a/x", "/sprocket"])
            let unread = try #require(report["unread_entries"] as? [[String: Any]])
            #expect(unread.compactMap { $0["what"] as? String } == ["null", "\u{1B}]0;x\u{7}", "/a/ke"])
            #expect(unread.allSatisfy { ($0["reason"] as? String)?.isEmpty == false && $0["seen_at"] is String })

            raw.clear()
            fixture.account.expireCursors()
            try await fixture.sync()
            #expect(try await status(fixture, 0)["unread"] as? Int == 0)
        }
    }
}
