import Sandbox
import TestSupport
import Testing

/// Folders of many small files, by the real program over HTTP.
@Suite(.timeLimit(.minutes(15)))
struct BulkTests {
    /// Fills the account of a mirror that is in step with nothing.
    private static func fill(_ fixture: DaemonFixture) async throws {
        try await fixture.sync()
        for folder in ["Büro/a", "Büro/b", "other", "Büro/cafe\u{301}"] {
            for number in 0..<60 {
                let content = Content.generated(seed: UInt64(number), size: Int64(number * 40))
                try fixture.account.put("/\(folder)/File \(number).txt", content)
            }
        }
        for number in 0..<10 { try fixture.account.put("/few/\(number)", .text("\(number)")) }
    }

    private static func zips(_ fixture: DaemonFixture) -> [String] {
        fixture.server.log.records.filter { $0.endpoint == "files/download_zip" }.map(\.subject).sorted()
    }

    @Test("a first sync fetches them as zips")
    func firstSync() async throws {
        try await DaemonFixture.run { fixture in
            try await Self.fill(fixture)
            try await fixture.sync()
            #expect(Self.zips(fixture) == ["/büro", "/other"])
            #expect(fixture.downloads.count == 10)
        }
    }

    @Test("the configuration can do without")
    func off() async throws {
        try await DaemonFixture.run(["transfer": "bulk = false"]) { fixture in
            try await Self.fill(fixture)
            try await fixture.sync()
            #expect(Self.zips(fixture) == [])
            #expect(fixture.downloads.count == 246)
        }
    }

    @Test(
        "whatever happens to a zip, the mirror is the account and nothing has failed",
        arguments: [
            .cut(after: 20_000, isReset: true), .cut(after: 0, isReset: false), .truncate(to: nil), .corrupt(at: []),
            .corrupt(at: [40]), .wrongLength(by: 9), .dropBefore(isReset: true), .dropAfter(isReset: false), .html,
            .status(500, body: "", type: "", retryAfter: nil), .status(503, body: "", type: "", retryAfter: 30),
            .error(409, tags: ["too_large"], retryAfter: nil), .error(409, tags: ["too_many_files"], retryAfter: nil),
            .error(409, tags: ["path", "not_found"], retryAfter: nil),
        ] as [Fault.Effect])
    func faults(effect: Fault.Effect) async throws {
        try await DaemonFixture.run { fixture in
            try await Self.fill(fixture)
            fixture.server.faults.add(Fault(effect, endpoint: "files/download_zip", times: nil))
            try await fixture.sync()
        }
    }

    @Test("a pause that the server asks for is kept")
    func pause() async throws {
        try await DaemonFixture.run { fixture in
            try await Self.fill(fixture)
            let pause = Fault.Effect.rateLimit(reason: "too_many_requests", retryAfter: 1)
            fixture.server.faults.add(Fault(pause, endpoint: "files/download_zip"))
            try await fixture.sync()
            #expect(Self.zips(fixture).count == 3 && fixture.downloads.count == 10)
        }
    }

    @Test("a file that changes while its zip comes is right in the end")
    func changes() async throws {
        try await DaemonFixture.run { fixture in
            try await Self.fill(fixture)
            fixture.server.faults.add(Fault(.slow(rate: 100_000), endpoint: "files/download_zip", times: nil))
            let daemon = try fixture.place.start("run")
            try await eventually("a zip", or: daemon.log) { !Self.zips(fixture).isEmpty }
            for number in 0..<60 { try fixture.account.put("/büro/b/file \(number).txt", .text("changed \(number)")) }
            try await fixture.equality(from: daemon)
        }
    }
}
