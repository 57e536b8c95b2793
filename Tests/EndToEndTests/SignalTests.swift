import Foundation
import NetworkSupport
import Sandbox
import TestSupport
import Testing

/// Signals end the daemon as they should, at any time.
@Suite(.timeLimit(.minutes(5)))
struct SignalTests {
    /// Whether a process has a handler for a signal by now.
    private func takes(_ signal: Int32, _ program: Program) -> Bool {
        let text = (try? String(contentsOfFile: "/proc/\(program.pid)/status", encoding: .utf8)) ?? ""
        guard let line = text.split(separator: "\n").first(where: { $0.hasPrefix("SigCgt:") }),
            let mask = UInt64(line.dropFirst(7).trimmingCharacters(in: .whitespaces), radix: 16)
        else { return false }
        return mask >> UInt64(signal - 1) & 1 == 1
    }

    /// Waits without a pause: milliseconds count.
    private func untilTaken(_ signal: Int32, _ program: Program) throws {
        for _ in 0..<1_000_000 where program.isRunning {
            if takes(signal, program) { return }
        }
        throw NeverCame(what: "a handler for signal \(signal)", evidence: program.log)
    }

    @Test("a stop in the first milliseconds is a clean end", arguments: [SIGTERM, SIGINT]) func early(_ signal: Int32)
        async throws
    {
        try await DaemonFixture.run { fixture in
            for _ in 0..<5 {
                let daemon = try fixture.place.start("run")
                try untilTaken(signal, daemon)
                daemon.send(signal)
                #expect(try await daemon.ending().code == 0)
            }
        }
    }

    @Test("a reload in the first milliseconds ends nothing") func earlyHangup() async throws {
        try await DaemonFixture.run { fixture in
            let daemon = try fixture.place.start("run")
            try untilTaken(SIGHUP, daemon)
            daemon.send(SIGHUP)
            fixture.account.fill(Seed(files: 3))
            try await fixture.equality(from: daemon)
            daemon.send(SIGTERM)
            #expect(try await daemon.ending().code == 0)
        }
    }

    @Test("the watchdog's signal ends the process at once") func abort() async throws {
        try await DaemonFixture.run { fixture in
            fixture.account.fill(Seed(files: 3))
            let daemon = try fixture.place.start("run")
            try await fixture.equality(from: daemon)
            daemon.send(SIGABRT)
            let ending = try await daemon.ending()
            #expect(ending.code == -SIGABRT, "\(ending)")
            #expect(!ending.errors.contains("Backtrace"), "\(ending)")
        }
    }

    @Test("a stop ends a daemon whose server takes its requests and never answers") func unanswered() async throws {
        let (listener, port) = try RawServer.listen()
        defer { close(listener) }
        let place = try Installation(endpoint: "http://127.0.0.1:\(port)")
        try place.signIn(accessToken: Tokens.standing)
        let daemon = try place.start("run")
        try untilTaken(SIGTERM, daemon)
        try await Task.sleep(for: .seconds(1))
        daemon.send(SIGTERM)
        #expect(try await daemon.ending(within: .seconds(20)).code == 0)
    }
}
