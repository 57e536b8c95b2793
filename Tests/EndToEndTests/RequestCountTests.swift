import Sandbox
import TestSupport
import Testing

/// What the program asks of Dropbox, exactly.
@Suite(.timeLimit(.minutes(15)))
struct RequestCountTests {
    /// One `sync`, after which as many requests were made to each endpoint as are written down.
    private func expect(
        _ listing: String, downloads: Int = 0, for what: String, _ fixture: DaemonFixture,
        sourceLocation: SourceLocation = #_sourceLocation
    ) async throws {
        var expected = ["users/get_current_account": 1, "files/\(listing)": 1]
        if downloads > 0 { expected["files/download"] = downloads }
        fixture.server.log.clear()
        try await fixture.sync()
        var found = fixture.server.log.counters.endpoints
        found["files/list_folder/longpoll"] = nil  // made when files arrive for longer than a second
        guard found != expected else { return }
        Issue.record(
            """
            \(what) does not take the requests that are written down here:
            written down: \(expected.sorted { $0.key < $1.key })
            found:        \(found.sorted { $0.key < $1.key })
            Fewer is good news: write them down, and say in the commit what has saved them. More need a reason that is \
            worth it.
            """, sourceLocation: sourceLocation)
    }

    @Test("a first mirror, a pass without changes, ten edits, a renamed and a removed folder take their requests")
    func sync() async throws {
        try await DaemonFixture.run { fixture in
            let account = fixture.account
            account.configure { $0.movesMakeRevisions = false }
            for number in 0..<200 { try account.put("/folder \(number % 20)/\(number)", "text \(number)") }
            try await expect("list_folder", downloads: 200, for: "the first mirror of 200 files in 20 folders", fixture)
            try await expect("list_folder/continue", for: "a pass without changes", fixture)
            for number in 0..<10 { try account.put("/folder \(number)/\(number)", "edited \(number)") }
            try await expect("list_folder/continue", downloads: 10, for: "ten edits", fixture)
            _ = try account.move("/folder 7", "/renamed")
            try await expect("list_folder/continue", for: "a renamed folder of ten files", fixture)
            _ = try account.delete("/folder 8")
            try await expect("list_folder/continue", for: "a removed folder of ten files", fixture)
        }
    }
}
