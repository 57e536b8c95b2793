import Foundation
import Glibc
import Sandbox
import TestSupport
import Testing

/// Bytes that change by themselves, under the daemon as it is installed.
@Suite(.timeLimit(.minutes(15)))
struct ScrubTests {
    private func proofs(_ fixture: DaemonFixture) async throws -> [String: Any] {
        let ending = try await fixture.place.run("status", "--json")
        let report = try JSONSerialization.jsonObject(with: Data(ending.output.utf8)) as? [String: Any]
        return try #require(report?["proofs"] as? [String: Any], "\(ending)")
    }

    @Test("the daemon finds a flipped byte, warns, keeps the file aside and fetches it again")
    func damaged() async throws {
        try await DaemonFixture.run(["schedule": "scrub = \"8s\""]) { fixture in
            fixture.account.fill(Seed(files: 20))
            let daemon = try fixture.place.start("run")
            try await fixture.equality(from: daemon)
            let victim = try #require(fixture.account.tree().first { $0.isFile && $0.size > 0 })
            let path = fixture.place.mirror + victim.path
            var before = stat()
            var byte: UInt8 = 0
            let file = open(path, O_RDWR)
            try #require(fstat(file, &before) == 0 && pread(file, &byte, 1, 0) == 1)
            byte ^= 1
            try #require(pwrite(file, &byte, 1, 0) == 1)
            var times = [before.st_atim, before.st_mtim]
            try #require(futimens(file, &times) == 0)
            close(file)
            try await eventually("the damage", or: daemon.log) { !fixture.aside.isEmpty }
            try await fixture.equality(from: daemon)
            try await eventually("the warning", or: daemon.log) { daemon.log.contains("its bytes are damaged") }
            #expect(fixture.aside.contains { $0.hasSuffix(victim.path) })
            daemon.send(SIGTERM)
            #expect(try await daemon.ending().code == 0)
        }
    }

    @Test("status tells the age of the oldest proof; verify renews it beside a running daemon, and without one")
    func verified() async throws {
        try await DaemonFixture.run(["schedule": "scrub = \"0\""]) { fixture in
            fixture.account.fill(Seed(files: 20))
            let daemon = try fixture.place.start("run")
            try await fixture.equality(from: daemon)
            for isRunning in [true, false] {
                if !isRunning {
                    daemon.send(SIGTERM)
                    _ = try await daemon.ending()
                }
                let before = try #require(try await proofs(fixture)["oldest"] as? String)
                try await eventually("a later proof") {
                    let ending = try await fixture.place.run("verify")
                    #expect(ending.code == 0, "\(ending)")
                    return try await proofs(fixture)["oldest"] as? String ?? "" > before
                }
            }
            let last = try await proofs(fixture)
            #expect(last["files"] as? Int == 20 && last["unknown"] as? Int == 0 && last["scrub"] is NSNull)
            let text = try await fixture.place.run("status").output
            #expect(text.contains("proven     every file's bytes were read at "), "\(text)")
            #expect(text.contains("schedule.scrub is off"), "\(text)")
            try await fixture.sync()
        }
    }
}
