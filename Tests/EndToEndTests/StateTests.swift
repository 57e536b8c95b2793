import Foundation
import Sandbox
import TestSupport
import Testing

/// State files and mirrors that are not what they should be: an error that says what to do, and nothing is deleted.
struct StateTests {
    /// Ways to spoil a state file.
    enum Damage: CaseIterable {
        case empty, truncated, foreign, overwritten

        func apply(to file: String) throws {
            let url = URL(filePath: file)
            var bytes = try Data(contentsOf: url)
            switch self {
            case .empty: bytes = Data()
            case .truncated: bytes = bytes.prefix(bytes.count / 2)
            case .foreign: bytes = Data(repeating: UInt8(ascii: "x"), count: 50_000)
            case .overwritten: bytes.replaceSubrange(4_096..<bytes.count, with: Data(count: bytes.count - 4_096))
            }
            try bytes.write(to: url)
        }
    }

    @Test(
        "a damaged state file ends with 73 and names the file; without it the mirror is adopted",
        arguments: Damage.allCases)
    func damaged(_ damage: Damage) async throws {
        try await Stand.run { stand in
            stand.account.fill(Seed(files: 60))
            try await stand.sync()
            for file in ["-wal", "-shm"] {
                try? FileManager.default.removeItem(atPath: stand.place.stateFile + file)  // there after a crash only
            }
            try damage.apply(to: stand.place.stateFile)
            for command in ["sync", "run", "status"] {
                let ending = try await stand.place.run(command)
                #expect(ending.code == 73, "\(command): \(ending)")
                #expect(ending.errors.contains(stand.place.stateFile), "\(command): \(ending)")
            }
            #expect(try stand.differences() == [])
            for file in ["", "-wal", "-shm"] {
                try? FileManager.default.removeItem(atPath: stand.place.stateFile + file)
            }
            stand.server.log.clear()
            try await stand.sync()
            #expect(stand.downloads.map(\.subject) == [])
            #expect(stand.aside == [])
        }
    }

    @Test("a mirror without its marker, or another directory in its place, ends with 73")
    func marker() async throws {
        try await Stand.run { stand in
            stand.account.fill(Seed(files: 60))
            try await stand.sync()
            try FileManager.default.moveItem(atPath: stand.place.mirror, toPath: stand.place.folder("unmounted"))
            _ = try stand.place.folder.folder("mirror")
            for command in ["sync", "run"] {
                let ending = try await stand.place.run(command)
                #expect(ending.code == 73 && ending.errors.contains(stand.place.mirror), "\(ending)")
            }
            #expect(try stand.mirror().lines == [:])
            try FileManager.default.removeItem(atPath: stand.place.mirror)
            try FileManager.default.moveItem(atPath: stand.place.folder("unmounted"), toPath: stand.place.mirror)
            try FileManager.default.removeItem(atPath: stand.place.folder("mirror/.dbxsync/mirror-id"))
            let ending = try await stand.place.run("sync")
            #expect(ending.code == 73 && ending.errors.contains("mirror-id"), "\(ending)")
            #expect(try stand.differences() == [])
        }
    }
}
