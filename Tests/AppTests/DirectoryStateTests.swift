import Foundation
import TestSupport
import Testing

@testable import dbxsync

/// What `setup` takes for the directory of a mirror.
@Suite(.timeLimit(.minutes(5)))
struct DirectoryStateTests {
    @Test("a symbolic link does where it leads to a directory of the user, and not where it leads nowhere")
    func links() throws {
        let folder = FileManager.default.temporaryDirectory.appending(path: UUID().uuidString).path
        try FileManager.default.createDirectory(atPath: folder + "/real", withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(atPath: folder) }
        try FileManager.default.createSymbolicLink(atPath: folder + "/link", withDestinationPath: "real")
        try FileManager.default.createSymbolicLink(atPath: folder + "/dangling", withDestinationPath: "nothing")
        let user = Privileges.User.current
        #expect(DirectoryState(folder + "/link", for: user) == .usable)
        #expect(DirectoryState(folder + "/new", for: user) == .missing)
        guard case .unusable(let why) = DirectoryState(folder + "/dangling", for: user) else {
            Issue.record("a link that leads nowhere was taken")
            return
        }
        #expect(why.contains("symbolic link"), "\(why)")
    }

    @Test("an empty directory of root's is given to the user, but not through a symbolic link")
    func linkToRoots() throws {
        let folder = FileManager.default.temporaryDirectory.resolvingSymlinksInPath().appending(path: UUID().uuidString)
            .path
        try FileManager.default.createDirectory(atPath: folder + "/real", withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(atPath: folder) }
        try FileManager.default.createSymbolicLink(atPath: folder + "/link", withDestinationPath: "real")
        #expect(DirectoryState.ofEmpty(folder + "/real") == .empty)
        let expected = "\(folder)/link is a symbolic link; name the directory that it leads to: \(folder)/real"
        #expect(DirectoryState.ofEmpty(folder + "/link") == .unusable(expected))
    }
}
