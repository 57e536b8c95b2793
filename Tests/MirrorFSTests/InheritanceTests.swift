import Foundation
import Glibc
import SyncModel
import TestSupport
import Testing

@testable import MirrorFS

/// New entries have the group and the access rights that their folder hands on, although files come out of the staging
/// folder.
@Suite(.timeLimit(.minutes(15)))
struct InheritanceTests {
    /// What a folder of this group, and its default ACL, would be given by root; chosen so that nobody has it by chance.
    private static let group: gid_t = 54_321

    @Test(
        "below a folder that hands on its group, files and folders have it, and folders hand it on",
        .needs(.root))
    func handedOn() throws {
        let fixture = try MirrorFixture()
        #expect(chown(fixture.path, .max, Self.group) == 0 && chmod(fixture.path, 0o2755) == 0)
        try fixture.place("file", "x")
        try fixture.make("folder")
        try fixture.place("folder/file", "x")
        try fixture.place("lost/file", "x")
        for path in ["file", "folder", "folder/file", "lost", "lost/file"] {
            #expect(try fixture.status(path).st_gid == Self.group, "\(path)")
        }
        #expect(try fixture.mode("folder") == "2755")
        #expect(try fixture.mode("lost") == "2755")
        #expect(try fixture.mode("file") == "644")
        #expect(fixture.mirror.takeNotices() == [])
    }

    @Test("a group that is configured is given to everything, also to what moves", .needs(.root)) func fixed()
        throws
    {
        let fixture = try MirrorFixture(group: Self.group)
        try fixture.make("folder")
        let entry = try fixture.place("folder/file", "x")
        #expect(chown(fixture.path + "/folder/file", .max, 0) == 0)
        let target = try fixture.placement("moved", "x")
        try fixture.perform(PreparedOperation(.place(target), content: .moved(entry)))
        #expect(try fixture.status("folder").st_gid == Self.group)
        #expect(try fixture.status("moved").st_gid == Self.group)
    }

    /// A file system that keeps access control lists.
    private static let lists = Requirement.machine("a file system with access control lists") {
        (try? setDefaultACL(of: TemporaryFolder().path)) == true
    }

    @Test("what the default ACL of a folder grants holds for files, too, within their mode", .needs(.python, lists))
    func acl() throws {
        let fixture = try MirrorFixture()
        try fixture.make("folder")
        try #require(try Self.setDefaultACL(of: fixture.path + "/folder"))
        try fixture.place("folder/file", "x")
        // user::rw-, user:12345:r-x, group::r-x, mask::r--, other::r--: as open(2) with mode 0644 would have made it.
        #expect(
            try acl(of: fixture.path + "/folder/file", "access")
                == Self.entries([(1, 6, .max), (2, 5, 12345), (4, 5, .max), (0x10, 4, .max), (0x20, 4, .max)]))
        #expect(try fixture.mode("folder/file") == "644")
        try fixture.make("folder/in")
        #expect(try acl(of: fixture.path + "/folder/in", "default") == Self.defaults)
    }

    @Test("without a mask the group's own rights are kept within the mode") func noMask() throws {
        let defaults = Self.entries([(1, 7, .max), (4, 7, .max), (0x20, 5, .max)])
        #expect(
            Inheritance.accessACL(from: defaults, mode: 0o640)
                == Self.entries([(1, 6, .max), (4, 4, .max), (0x20, 0, .max)]))
        for odd in [[], [2], Array(defaults.dropLast())] {
            #expect(Inheritance.accessACL(from: odd, mode: 0o640) == nil)
        }
    }

    private static let defaults = entries([(1, 7, .max), (2, 5, 12345), (4, 5, .max), (0x10, 7, .max), (0x20, 5, .max)])

    private static func entries(_ entries: [(tag: UInt16, rights: UInt16, id: UInt32)]) -> [UInt8] {
        [2, 0, 0, 0]
            + entries.flatMap { entry in
                [UInt8(entry.tag), 0, UInt8(entry.rights), 0]
                    + (0..<4).map { UInt8(truncatingIfNeeded: entry.id >> ($0 * 8)) }
            }
    }

    // MARK: Extended attributes, which Swift does not show

    private static func setDefaultACL(of folder: String) throws -> Bool {
        let hex = defaults.map { String(format: "%02x", $0) }.joined()
        let code = "import os, sys; os.setxattr(sys.argv[1], 'system.posix_acl_default', bytes.fromhex(sys.argv[2]))"
        return try python(code, folder, hex).status == 0
    }

    private func acl(of path: String, _ kind: String) throws -> [UInt8] {
        let code = "import os, sys; print(os.getxattr(sys.argv[1], 'system.posix_acl_' + sys.argv[2]).hex())"
        let hex = Array(try Self.python(code, path, kind).output.utf8.filter { $0 != UInt8(ascii: "\n") })
        return stride(from: 0, to: hex.count, by: 2).compactMap {
            UInt8(String(decoding: hex[$0..<$0 + 2], as: UTF8.self), radix: 16)
        }
    }

    private static func python(_ code: String, _ arguments: String...) throws -> (status: Int32, output: String) {
        let process = Process()
        let pipe = Pipe()
        process.executableURL = URL(filePath: "/usr/bin/env")
        process.arguments = ["python3", "-c", code] + arguments
        process.standardOutput = pipe
        process.standardError = FileHandle.nullDevice
        try process.run()
        let output = pipe.fileHandleForReading.readDataToEndOfFile()
        process.waitUntilExit()
        return (process.terminationStatus, String(decoding: output, as: UTF8.self))
    }
}
