import SyncModel
import TestSupport
import Testing

@testable import Store
@testable import dbxsync

/// What `status` and `doctor` say of what is held.
@Suite(.timeLimit(.minutes(5)))
struct HeldTextTests {
    private static let much = "more removals within 1 h than guard.removals = 10 allows"

    private func hold(
        _ id: Int64, _ folder: String, files: Int = 15, replacements: Int = 0, folders: Int = 0,
        _ status: Hold.Status = .held, because reason: String = much
    ) -> Hold {
        Hold(
            id: id, began: 1_700_000_000, reason: reason, status: status, files: files, replacements: replacements,
            folders: folders, bytes: 7, folder: folder)
    }

    private func sentence(_ holds: [Hold]) throws -> String {
        HeldText.sentence(try #require(StatusReport.Held(holds, paths: 1)))
    }

    private func left(_ folder: String) -> String {
        "the shared folder \"\(folder)\" was left or taken away; \(Self.much)"
    }

    @Test("one hold: where, and why, also where a shared folder is the reason") func one() throws {
        #expect(try sentence([hold(1, "/A")]) == "15 removals held below /A: \(Self.much)")
        #expect(
            try sentence([hold(1, "/A", because: left("/A"))]) == "15 removals held below /A: \(left("/A"))")
        let held = try #require(StatusReport.Held([hold(1, "/A")], paths: 1))
        #expect(HeldText.sentence(held, since: "noon") == "15 removals held below /A since noon: \(Self.much)")
    }

    @Test("several: each with its folder and its reason, and the total for all") func several() throws {
        let two = [hold(1, "/A", because: left("/A")), hold(4, "/B", because: left("/B"))]
        #expect(
            try sentence(two)
                == "30 removals held in 2 holds: hold 1 below /A (\(left("/A"))), hold 4 below /B (\(left("/B")))")
        let many = try sentence((1...5).map { hold($0, "/\($0)") })
        #expect(many.hasPrefix("75 removals held in 5 holds: hold 1 below /1 (more"), "\(many)")
        #expect(many.hasSuffix("hold 3 below /3 (\(Self.much)) and 2 more"), "\(many)")
    }

    @Test("a folder that is held, or was rejected, is told of though nothing that is ours stands in it") func folders()
        throws
    {
        let file = hold(1, "/", files: 0, replacements: 1, folders: 1)
        #expect(try sentence([file]).hasPrefix("1 replacement held below /:"))
        #expect(try sentence([hold(1, "/", files: 0, folders: 1)]).hasPrefix("1 removal held below /:"))
        #expect(
            try sentence([hold(1, "/", files: 0, folders: 1, .rejected)]).hasPrefix("1 replacement rejected below /:"))
        #expect(HeldText.counts(file) == "1 replacement")
        #expect(StatusReport.Held([hold(1, "/", .approved)], paths: 0) == nil)
    }

    @Test("what others have named is shown without what a terminal obeys") func escaped() throws {
        let text = try sentence([hold(1, "/a\u{1B}[2J", because: left("/\n"))])
        #expect(!text.unicodeScalars.contains { $0.value < 0x20 }, "\(text)")
    }
}
