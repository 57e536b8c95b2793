import Foundation
import Sandbox
import TestSupport
import Testing

/// Files that hold secrets, or decide about them, are for their owner alone.
@Suite(.timeLimit(.minutes(5)))
struct ExposureTests {
    private func mode(_ path: String, _ mode: mode_t) throws { try #require(chmod(path, mode) == 0, "\(path)") }

    @Test("credentials behind a symbolic link are renewed where they are, and the link stays") func link() async throws
    {
        try await DaemonFixture.run { fixture in
            try fixture.place.signIn(fixture.server.tokens.issue(), appKey: fixture.server.tokens.appKey)
            let (link, real) = (
                fixture.place.folder("state/credentials.json"), try fixture.place.folder.folder("real") + "/c"
            )
            try FileManager.default.moveItem(atPath: link, toPath: real)
            try FileManager.default.createSymbolicLink(atPath: link, withDestinationPath: real)
            let before = FileManager.default.contents(atPath: real)
            fixture.server.tokens.expireAccessTokens()
            try await fixture.sync()
            #expect(try FileManager.default.destinationOfSymbolicLink(atPath: link) == real)
            #expect(FileManager.default.contents(atPath: real) != before)
        }
    }

    @Test(
        "credentials that others can read or replace are refused, with the command that mends it",
        arguments: [("state/credentials.json", 0o640), ("state", 0o777)] as [(String, mode_t)])
    func credentials(_ path: String, _ exposed: mode_t) async throws {
        try await DaemonFixture.run { fixture in
            let (place, name) = (fixture.place.folder(path), path)
            var status = stat()
            try #require(stat(place, &status) == 0)
            try mode(place, exposed)
            let refused = try await fixture.place.run("sync")
            #expect(refused.code == 77, "\(name): \(refused)")
            #expect(refused.errors.contains("chmod"), "\(refused)")
            try mode(place, status.st_mode & 0o7777)
            try await fixture.sync()
        }
    }

    @Test("a configuration that others can change, or read with a secret in it, is refused", arguments: [0o666, 0o644])
    func configuration(_ exposed: Int) async throws {
        let place = try Installation(["account": "app_secret = \"sandboxsecret\""])
        for (given, code) in [(mode_t(exposed), Int32(78)), (0o600, 0)] {
            try mode(place.configuration, given)
            let ending = try await place.run("check-config")
            #expect(ending.code == code, "\(ending)")
            if code != 0 { #expect(ending.errors.contains("chmod"), "\(ending)") }
        }
    }

    /// A file system that knows folders which take no new file, not even root's.
    private static let immutable = Requirement.machine("root, and a file system that knows chattr +i") {
        guard let folder = try? TemporaryFolder(), (try? setImmutable(folder.path, true)) == true else { return false }
        return (try? setImmutable(folder.path, false)) == true
    }

    @Test("a token that was renewed and cannot be kept is told", .needs(immutable)) func notKept() async throws {
        try await DaemonFixture.run { fixture in
            try fixture.place.signIn(fixture.server.tokens.issue(), appKey: fixture.server.tokens.appKey)
            let folder = try fixture.place.folder.folder("locked")
            let file = folder + "/credentials.json"
            try FileManager.default.moveItem(atPath: fixture.place.folder("state/credentials.json"), toPath: file)
            try FileManager.default.createSymbolicLink(
                atPath: fixture.place.folder("state/credentials.json"), withDestinationPath: file)
            // An immutable folder takes no new file, not even root's.
            try #require(try Self.setImmutable(folder, true))
            defer { _ = try? Self.setImmutable(folder, false) }
            fixture.server.tokens.expireAccessTokens()
            let ending = try await fixture.place.run("sync")
            #expect(ending.errors.contains("credentials.json"), "\(ending)")
            #expect(try fixture.differences() == [])
        }
    }

    private static func setImmutable(_ path: String, _ isImmutable: Bool) throws -> Bool {
        guard FileManager.default.isExecutableFile(atPath: "/usr/bin/chattr") else { return false }
        let process = Process()
        process.executableURL = URL(filePath: "/usr/bin/chattr")
        process.arguments = [isImmutable ? "+i" : "-i", path]
        process.standardError = FileHandle.nullDevice
        try process.run()
        process.waitUntilExit()
        return process.terminationStatus == 0
    }
}
