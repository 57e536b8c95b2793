import Engine
import Foundation
import Logging
import Sandbox
import Store
import SyncModel
import TestSupport
import Testing

/// Shared folders come and go by what others do: the mirror follows, and what is much is held and called what it is.
@Suite(.timeLimit(.minutes(30)))
struct SharedFolderTests {
    /// How the account tells of what happens.
    enum Server: CaseIterable, Sendable {
        case foldersFirst, childrenFirst, childrenOfDeletions

        func apply(to account: Account) {
            account.configure { settings in
                settings.childrenBeforeParents = self == .childrenFirst
                settings.deletesListChildren = self != .foldersFirst
                settings.movesAddFirst = self == .childrenFirst
            }
        }
    }

    /// A mirror of an account with files of its own, and a shared folder of 30 files at `/S`, of which one is nested.
    private func fixture(_ server: Server = .foldersFirst, pageSize: Int? = 7) async throws -> EngineFixture {
        let fixture = try EngineFixture(pageSize: pageSize, inMemory: true)
        server.apply(to: fixture.account)
        for number in 0..<20 { try fixture.account.put("/own/\(number)", "own \(number)") }
        fixture.account.makeSharedFolder("9001")
        let shared = fixture.account.seen(from: .shared("9001"))
        for number in 0..<30 { try shared.put("/F\(number % 3)/\(number)", "shared \(number)") }
        try shared.put("/at the top", "top")
        try await fixture.pass()
        try fixture.account.mount("9001", at: "/S")
        try await expectEquality(fixture)
        return fixture
    }

    private func expectEquality(_ fixture: EngineFixture, _ location: SourceLocation = #_sourceLocation) async throws {
        try await fixture.pass()
        #expect(try fixture.differences() == [], sourceLocation: location)
        #expect(try await fixture.brokenInvariants() == [], sourceLocation: location)
        fixture.time.advance(by: 1)
        let idle = try await fixture.pass()
        #expect(idle.isEmpty, sourceLocation: location)
    }

    @Test("mounted, and left: it comes whole, and goes whole", arguments: Server.allCases)
    func mounting(server: Server) async throws {
        let fixture = try await fixture(server)
        try fixture.account.unmount("/S")
        try await expectEquality(fixture)
        fixture.remote.resetCounts()
        try fixture.account.mount("9001", at: "/In/here")
        try await expectEquality(fixture)
        #expect(fixture.remote.downloads == 31)
    }

    @Test("renamed by another member: it is moved, and nothing is downloaded", arguments: Server.allCases)
    func renaming(server: Server) async throws {
        let fixture = try await fixture(server)
        fixture.remote.resetCounts()
        try fixture.account.move("/S", "/Renamed")
        try fixture.account.move("/Renamed/F1", "/Renamed/Other")
        try await expectEquality(fixture)
        #expect(fixture.remote.downloads == 0)
    }

    @Test("what a folder becomes that is shared, or shared no longer, is what it was", arguments: Server.allCases)
    func sharing(server: Server) async throws {
        let fixture = try await fixture(server)
        fixture.remote.resetCounts()
        try fixture.account.share("/own", id: "9002")
        try fixture.account.share("/S/F2", id: "9003")
        try await expectEquality(fixture)
        #expect(fixture.remote.downloads == 0)
    }

    @Test("access that is lost and regained: the folder is told of, its files go and come", arguments: Server.allCases)
    func access(server: Server) async throws {
        let fixture = try await fixture(server)
        try fixture.account.loseAccess("/S")
        try await expectEquality(fixture)
        let issues = try await fixture.start().store.pathIssues(limit: 10)
        #expect(issues.map(\.path) == ["/S"] && issues.map(\.isParked) == [true])
        #expect(issues.first?.reason == "a folder this account has no access to")
        try fixture.account.seen(from: .shared("9001")).put("/news", "news")
        try await expectEquality(fixture)
        try fixture.account.regainAccess("/S")
        try await expectEquality(fixture)
        #expect(try await fixture.start().store.pathIssues(limit: 10).isEmpty)
        #expect(FileManager.default.fileExists(atPath: fixture.mirror + "/S/news"))
    }

    @Test("a folder of which a part is seen is that part", arguments: Server.allCases)
    func traverseOnly(server: Server) async throws {
        let fixture = try await fixture(server)
        try fixture.account.loseAccess("/S", except: ["F1"])
        try await expectEquality(fixture)
        #expect(try Tree(directory: fixture.mirror).lines.keys.count { $0.hasPrefix("S/") } == 11)
        try fixture.account.regainAccess("/S")
        try await expectEquality(fixture)
    }

    @Test("read-only, a team's, nested: mirrored like any other", arguments: Server.allCases)
    func others(server: Server) async throws {
        let fixture = try await fixture(server)
        fixture.account.makeSharedFolder("9004", isTeamOwned: true)
        try fixture.account.seen(from: .shared("9004")).put("/team", "t")
        try fixture.account.mount("9004", at: "/S/F1/Team")
        try fixture.account.setReadOnly("/S", true)
        try fixture.account.put("/S/by another member", "x")
        try await expectEquality(fixture)
        try fixture.account.loseAccess("/S/F1/Team")
        try await expectEquality(fixture)
        try fixture.account.setReadOnly("/S", false)
        try fixture.account.unmount("/S")
        try await expectEquality(fixture)
    }

    @Test("a listing anew in the middle of it comes to the same", arguments: Server.allCases)
    func relisted(server: Server) async throws {
        let fixture = try await fixture(server)
        try fixture.account.loseAccess("/S")
        try fixture.account.share("/own", id: "9002")
        fixture.account.expireCursors()
        try await expectEquality(fixture)
        try fixture.account.regainAccess("/S")
        try fixture.account.unmount("/own")
        fixture.account.expireCursors()
        try await expectEquality(fixture)
    }

    // MARK: The guard

    enum Loss: CaseIterable, Sendable {
        case left, takenAway, seenInPart

        func apply(to account: Account) throws {
            switch self {
            case .left: try account.unmount("/S")
            case .takenAway: try account.loseAccess("/S")
            case .seenInPart: try account.loseAccess("/S", except: ["F1"])
            }
        }
    }

    private static let words = "the shared folder \"/S\" was left or taken away; more removals within 1 h"

    @Test("a shared folder that is left or taken away is held, and said to be that", arguments: Loss.allCases)
    func held(loss: Loss) async throws {
        let fixture = try await fixture()
        let story = Story()
        fixture.logger = Logger(label: "story") { _ in story }
        fixture.logger.logLevel = .debug
        try fixture.crash()
        fixture.settings.brake = GuardSettings(removals: 15, sharePercent: nil)
        let before = try Tree(directory: fixture.mirror)
        try loss.apply(to: fixture.account)
        try await fixture.pass()
        #expect(try Tree(directory: fixture.mirror) == before)
        let store = try await fixture.start().store
        let hold = try #require(try await store.holds().first)
        #expect(hold.files == (loss == .seenInPart ? 21 : 31) && hold.folder == "/S")
        #expect(hold.reason.hasPrefix(Self.words) == (loss != .seenInPart), "\(hold.reason)")
        let told = story.lines.filter { $0.contains("the shared folder \"/S\" was left or taken away:") }
        #expect(told.count == (loss == .seenInPart ? 0 : 1), "\(story.lines)")
        try store.decisions.leave(.init(hold: hold.id, verdict: .approve))
        try await expectEquality(fixture)
        #expect(story.lines.filter { $0.contains("was left or taken away:") }.count == told.count)
    }

    private func isInStep(_ fixture: EngineFixture) async throws -> Bool {
        let store = try await fixture.start().store
        return SyncSnapshot(
            progress: try await store.progress(), isSelected: true, backlog: try await store.backlog(), unproven: 0
        ).isInStep
    }

    /// The one path that is told of is the shared folder; nothing else keeps the mirror from being in step.
    private func expectFolderToldOf(_ fixture: EngineFixture) async throws {
        let store = try await fixture.start().store
        #expect(try await store.pathIssues(limit: 10).map(\.path) == ["/S"])
        #expect(try await store.pathIssues(limit: 10).map(\.isParked) == [true])
        #expect(try await store.pathIssues(limit: 10).first?.reason == "a folder this account has no access to")
        let backlog = try await store.backlog()
        #expect(backlog.held == 0 && backlog.parked == 1, "\(backlog)")
        #expect(try await store.holds().isEmpty)
        let facts = try #require(try await store.facts(of: [RemoteKey("/s")]).first)
        #expect(facts.hold == nil && facts.have == nil, "\(facts)")
    }

    @Test(
        "rejected, the files stay as nobody's; only a folder that may not be seen is told of", arguments: Loss.allCases)
    func rejected(loss: Loss) async throws {
        let fixture = try await fixture()
        fixture.settings.brake = GuardSettings(removals: 15, sharePercent: nil)
        try fixture.crash()
        let before = try Tree(directory: fixture.mirror)
        try loss.apply(to: fixture.account)
        try await fixture.pass()
        let hold = try #require(try await fixture.start().store.holds().first)
        try await fixture.start().store.decisions.leave(.init(hold: hold.id, verdict: .reject))
        try await fixture.pass()
        for _ in 0..<2 {
            #expect(try Tree(directory: fixture.mirror) == before)
            #expect(try await fixture.brokenInvariants() == [])
            #expect(try await isInStep(fixture) == (loss != .takenAway))
            if loss == .takenAway { try await expectFolderToldOf(fixture) }
            fixture.time.advance(by: 1)
            #expect(try await fixture.pass().isEmpty)
            try fixture.crash()
            try await fixture.pass()
        }
        fixture.remote.resetCounts()
        if loss == .left {
            try fixture.account.mount("9001", at: "/S")
        } else {
            try fixture.account.regainAccess("/S")
        }
        try await expectEquality(fixture)
        #expect(fixture.remote.downloads == 0)
        #expect(try await isInStep(fixture))
    }

    @Test("a rejected folder in which another hold stands is told of when that is approved")
    func rejectedAroundAnother() async throws {
        let fixture = try await fixture()
        fixture.settings.brake = GuardSettings(removals: 5, sharePercent: nil)
        try fixture.crash()
        _ = try fixture.account.delete("/S/F0")
        try await fixture.pass()
        try fixture.account.loseAccess("/S")
        try await fixture.pass()
        let store = try await fixture.start().store
        let holds = try await store.holds()
        #expect(holds.map(\.files) == [10, 21])
        try store.decisions.leave(.init(hold: holds[1].id, verdict: .reject))
        try await fixture.pass()
        #expect(try await !isInStep(fixture))
        let left = try await store.holds()
        #expect(left.map(\.status) == [.held, .rejected] && left.map(\.folders) == [0, 1], "\(left)")
        #expect(left.map(\.removals) == [10, 1], "what keeps the mirror from being in step is counted")
        try store.decisions.leave(.init(hold: holds[0].id, verdict: .approve))
        try await fixture.pass()
        try await fixture.pass()
        try await expectFolderToldOf(fixture)
        #expect(try Tree(directory: fixture.mirror).lines.keys.count { $0.hasPrefix("S/") } == 23)
        #expect(try await fixture.brokenInvariants() == [])
    }

    @Test("few files go at once, and the journal says why; what is moved was not left")
    func few() async throws {
        let fixture = try await fixture()
        let story = Story()
        fixture.logger = Logger(label: "story") { _ in story }
        fixture.logger.logLevel = .debug
        try fixture.crash()
        fixture.settings.brake = GuardSettings(removals: 1000, sharePercent: nil)
        try fixture.account.move("/S", "/T")
        try await expectEquality(fixture)
        #expect(!story.lines.contains { $0.contains("left or taken away") }, "\(story.lines)")
        try fixture.account.unmount("/T")
        try await expectEquality(fixture)
        #expect(story.events.filter { $0 == "access_lost" }.count == 1)
        #expect(story.lines.contains { $0.contains("the shared folder \"/T\" was left or taken away") })
        try fixture.account.mount("9001", at: "/T")
        try await expectEquality(fixture)
        try fixture.account.loseAccess("/T")
        try await expectEquality(fixture)
        #expect(story.events.filter { $0 == "access_lost" }.count == 2)
    }

    @Test("access that is back before anybody has decided: nothing is held any more, and nothing is downloaded")
    func back() async throws {
        let fixture = try await fixture()
        fixture.settings.brake = GuardSettings(removals: 15, sharePercent: nil)
        try fixture.crash()
        for (lose, regain) in [
            ({ try fixture.account.loseAccess("/S") }, { try fixture.account.regainAccess("/S") }),
            ({ try fixture.account.unmount("/S") }, { try fixture.account.mount("9001", at: "/S") }),
        ] {
            try lose()
            try await fixture.pass()
            #expect(try await fixture.start().store.holds().count == 1)
            fixture.remote.resetCounts()
            try regain()
            try await expectEquality(fixture)
            #expect(try await fixture.start().store.holds().isEmpty)
            #expect(fixture.remote.downloads == 0)
        }
    }

    @Test("a folder that is deleted and is no shared one any more is not called one")
    func unshared() async throws {
        let fixture = try await fixture()
        fixture.settings.brake = GuardSettings(removals: 15, sharePercent: nil)
        try fixture.crash()
        fixture.remote.alter { page in page.shared = [:] }
        try fixture.account.move("/S", "/T")
        try await expectEquality(fixture)
        try fixture.account.delete("/T")
        try await fixture.pass()
        let hold = try #require(try await fixture.start().store.holds().first)
        #expect(hold.reason.hasPrefix("more removals"), "\(hold.reason)")
    }
}
