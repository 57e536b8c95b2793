import Engine
import Foundation
import Glibc
import MirrorFS
import Sandbox
import Store
import TestSupport
import Testing

/// File systems that take two names of the account for the same: one of them is mirrored, the other one is parked with
/// the reason, and neither is ever overwritten or removed for the other.
@Suite(
    .timeLimit(.minutes(30)), .needs(.fuse, .pyfuse),
    .serialized)
struct FoldingTests {
    /// What stands under the two names.
    enum Kind: CaseIterable, Sendable {
        case files, equalFiles, folders, fileThenFolder, folderThenFile

        func put(_ name: String, isFirst: Bool, in account: Account) throws {
            let isFolder = self == .folders || self == (isFirst ? .folderThenFile : .fileThenFolder)
            let text = self == .equalFiles ? "the same" : "of \(isFirst ? "the first" : "the second")"
            try account.put(isFolder ? "/\(name)/\(isFirst ? "one" : "two").txt" : "/\(name)", text)
        }
    }

    /// Names that Dropbox tells apart, and a mode of the file system that does not.
    static let pairs: [(mode: String, first: String, second: String)] = [
        ("case", "strasse", "Straße"), ("form", "\u{e9}", "e\u{301}"),
    ]

    static let cases: [(Kind, LocalChanges)] =
        Kind.allCases.map { ($0, .aside) }
        + [(.files, .overwrite), (.folders, .overwrite), (.files, .keep), (.folderThenFile, .keep)]

    /// Runs `body` with a mirror on such a file system, which holds the first name.
    private func with(
        _ mode: String, _ kind: Kind, _ first: String, _ localChanges: LocalChanges,
        _ body: (EngineFixture) async throws -> Void
    ) async throws {
        let fixture = try EngineFixture()
        fixture.localChanges = localChanges
        try await FoldingFS.mounted(at: fixture.mirror, mode) {
            try kind.put(first, isFirst: true, in: fixture.account)
            _ = try fixture.account.put("/other.txt", "other")
            try await fixture.pass()
            try await body(fixture)
            try fixture.crash()
        }
    }

    private func lines(_ fixture: EngineFixture) throws -> [String: String] {
        try Tree(directory: fixture.mirror).lines
    }

    private func attic(_ fixture: EngineFixture) -> [String] {
        (FileManager.default.enumerator(atPath: fixture.mirror + "/.dbxsync/aside")?.allObjects ?? []).map { "\($0)" }
    }

    @Test(
        "the second one is parked, whatever both are, and stays so through changes, removals and repairs",
        arguments: cases)
    func second(_ kind: Kind, _ localChanges: LocalChanges) async throws {
        for (mode, first, second) in Self.pairs {
            try await with(mode, kind, first, localChanges) { fixture in
                let before = try lines(fixture)
                func expectFirstOnly(_ what: String) async throws {
                    #expect(try lines(fixture) == before, "\(what): \(mode), \(second)")
                    #expect(attic(fixture) == [], "\(what): \(mode), \(second)")
                    #expect(try await fixture.brokenInvariants() == [], "\(what): \(mode), \(second)")
                }
                try kind.put(second, isFirst: false, in: fixture.account)
                try await fixture.pass()
                try await expectFirstOnly("after it came")
                let troubles = try await fixture.start().store.pathIssues(limit: 9)
                let trouble = try #require(troubles.last)
                #expect(trouble.path == "/" + second && trouble.isParked, "\(trouble)")
                #expect(trouble.reason.contains("does not distinguish its name from \"\(first)\""), "\(trouble)")
                #expect(troubles.count == (kind == .folders || kind == .fileThenFolder ? 2 : 1), "\(troubles)")
                for _ in 0..<3 {
                    fixture.time.advance(by: 90_000)
                    try await fixture.pass()
                    try await expectFirstOnly("after a day")
                }
                #expect(try await fixture.repair() == 0)
                try fixture.crash()
                try await fixture.pass()
                try await expectFirstOnly("after a repair")
                _ = try fixture.account.delete("/" + second)
                try await fixture.pass()
                try await expectFirstOnly("after it went")
                #expect(try await fixture.start().store.pathIssues(limit: 9) == [])
                let differences = try fixture.differences()
                #expect(differences == [])
            }
        }
    }

    @Test("when the first one goes, the second one comes", arguments: Kind.allCases)
    func takesTurns(_ kind: Kind) async throws {
        for (mode, first, second) in Self.pairs {
            try await with(mode, kind, first, .aside) { fixture in
                try kind.put(second, isFirst: false, in: fixture.account)
                try await fixture.pass()
                _ = try fixture.account.delete("/" + first)
                try await fixture.pass()
                fixture.time.advance(by: 90_000)
                try await fixture.pass()
                #expect(try fixture.differences() == [], "\(mode), \(second)")
                #expect(attic(fixture) == [])
                #expect(try await fixture.start().store.pathIssues(limit: 9) == [])
            }
        }
    }

    @Test(
        "both in one page, and after a lost state: one of them stands, the other one is parked",
        arguments: Kind.allCases)
    func together(_ kind: Kind) async throws {
        for (mode, first, second) in Self.pairs {
            let fixture = try EngineFixture()
            try await FoldingFS.mounted(at: fixture.mirror, mode) {
                try kind.put(first, isFirst: true, in: fixture.account)
                try kind.put(second, isFirst: false, in: fixture.account)
                try await fixture.pass()
                let before = try lines(fixture)
                #expect(
                    before.count == (before.keys.contains { $0.contains("/") } ? 2 : 1), "\(mode), \(second): \(before)"
                )
                #expect(
                    try await fixture.start().store.pathIssues(limit: 9).contains(where: \.isParked),
                    "\(mode), \(second)")
                try fixture.crash()
                for file in ["", "-wal", "-shm"] { unlink(fixture.folder("state.db" + file)) }
                try await fixture.pass()
                #expect(try lines(fixture) == before, "\(mode), \(second)")
                #expect(attic(fixture) == [])
                #expect(
                    try await fixture.start().store.pathIssues(limit: 9).contains(where: \.isParked),
                    "\(mode), \(second)")
                try fixture.crash()
            }
        }
    }
}

/// A file system in memory that folds names: `Tests/Folding/foldfs.py`.
enum FoldingFS {
    private static let python = "/usr/bin/python3"
    private static let program = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
        .appending(path: "Folding/foldfs.py").path

    private static func start(_ arguments: [String]) throws -> Process {
        let process = Process()
        process.executableURL = URL(filePath: python)
        process.arguments = arguments
        process.standardError = FileHandle.nullDevice
        try process.run()
        return process
    }

    /// Calls `body` while such a file system is mounted at `directory`; `mode` is `case` or `form`.
    static func mounted<Result>(
        at directory: String, _ mode: String, _ body: () async throws -> Result
    ) async throws -> Result {
        let process = try start([program, directory, mode])
        try await eventually("a mount") {
            try !process.isRunning || String(contentsOfFile: "/proc/self/mounts", encoding: .utf8).contains(directory)
        }
        try #require(process.isRunning)
        defer { umount2(directory, Int32(MNT_DETACH)) }  // which ends the process, too
        return try await body()
    }
}
