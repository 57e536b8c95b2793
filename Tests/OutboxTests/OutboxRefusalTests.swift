import Dropbox
import FileEvents
import Foundation
import Logging
import Sandbox
import Store
import SyncModel
import TestSupport
import Testing
import Uploading

@testable import Outbox

/// What Dropbox does not take, and what cannot be reached.
@Suite(.timeLimit(.minutes(10)))
struct OutboxRefusalTests {
    private func issue(_ fixture: OutboxFixture, fileID: String = #fileID, line: Int = #line) async throws -> PathIssue
    {
        var found: [PathIssue] = []
        try await eventually("a trouble", fileID: fileID, line: line) {
            found = try await fixture.store.outboxIssues(limit: 9)
            return !found.isEmpty
        }
        return try #require(found.count == 1 ? found[0] : nil)
    }

    @Test("a name that Dropbox refuses is parked, with its reason, and the others go up")
    func badName() async throws {
        try await OutboxFixture.run { fixture in
            fixture.account.configure { $0.disallowedName = "bad.txt" }
            try fixture.drop("x", "a/bad.txt")
            try fixture.drop("y", "good.txt")
            try await fixture.running(try fixture.outbox()) {
                try await fixture.holds(["good.txt": "y"])
                let issue = try await issue(fixture)
                #expect(issue.path == "a/bad.txt" && issue.isParked && issue.attempts == 1)
                #expect(issue.reason.hasPrefix("Dropbox does not accept a file of that name"))
                #expect(try #require(issue.nextTry) > .now + 80_000)
                try FileManager.default.moveItem(
                    atPath: fixture.place("out/a/bad.txt"), toPath: fixture.place("out/a/fine.txt"))
                try await fixture.holds(["good.txt": "y", "a/fine.txt": "x"])
                try await eventually("no trouble") {
                    try await fixture.store.outboxIssues(limit: 9).isEmpty
                }
            }
        }
    }

    @Test("of many files that are refused the first hundred have a line, and a look at the folder sums up the others")
    func many() async throws {
        try await OutboxFixture.run { fixture in
            fixture.account.configure { $0.quota = 10 }
            for number in 0..<130 { try fixture.drop("more than there is room for", "\(number).txt") }
            let story = Story(level: .info)
            let outbox = try fixture.outbox(story: story)
            try await fixture.running(outbox) {
                try await eventually("all are refused") { try await fixture.store.outboxBacklog().parked == 130 }
                try await eventually("the summary", or: story.lines.joined(separator: "\n")) {
                    outbox.watchEvents.add([.event(.overflow)])
                    let summaries = story.lines.filter { $0.contains(" more files of the outbox") }
                    let more = summaries.compactMap { line in line.split(separator: " ").compactMap { Int($0) }.first }
                    let own = story.pathsByEvent["parked"]?.count ?? 0
                    return own >= 100 && !more.isEmpty && own + more.reduce(0, +) == 130
                }
            }
        }
    }

    @Test("no space and no permission are parked, tried again by the next start, and nothing is lost")
    func noSpaceNoPermission() async throws {
        for isSpace in [true, false] {
            try await OutboxFixture.run { fixture in
                fixture.account.configure { settings in
                    if isSpace { settings.quota = 10 } else { settings.readOnlyFolder = "/in" }
                }
                try fixture.drop("more than there is room for", "a.txt")
                try await fixture.running(try fixture.outbox(.delete)) {
                    let issue = try await issue(fixture)
                    #expect(issue.isParked && issue.reason.contains(isSpace ? "no space left" : "reading only"))
                    #expect(try #require(issue.nextTry) > .now + 1800)
                    #expect(fixture.names() == ["a.txt"])
                }
                fixture.account.configure { ($0.quota, $0.readOnlyFolder) = (0, "") }
                try await fixture.running(try fixture.outbox(.delete)) {
                    try await fixture.holds(["a.txt": "more than there is room for"])
                    try await eventually("removal") { fixture.names() == [] }
                }
                #expect(fixture.made == 1)
            }
        }
    }

    @Test("a shared folder that may only be read takes nothing, says so, and takes it when it may be written")
    func readOnlySharedFolder() async throws {
        try await OutboxFixture.run { fixture in
            try fixture.account.makeFolder("/in/team")
            try fixture.account.share("/in/team", id: "9001")
            try fixture.account.setReadOnly("/in/team", true)
            try fixture.drop("x", "team/a.txt")
            try fixture.drop("y", "own.txt")
            try await fixture.running(try fixture.outbox()) {
                try await fixture.holds(["own.txt": "y"])
                let issue = try await issue(fixture)
                #expect(issue.path == "team/a.txt" && issue.isParked)
                #expect(issue.reason.contains("shared with this account for reading only"), "\(issue.reason)")
                #expect(issue.reason.contains("ask its owner for the right to edit"), "\(issue.reason)")
            }
            try fixture.account.setReadOnly("/in/team", false)
            try await fixture.running(try fixture.outbox()) {
                try await fixture.holds(["own.txt": "y", "team/a.txt": "x"])
                try await eventually("no trouble") { try await fixture.store.outboxIssues(limit: 9).isEmpty }
            }
        }
    }

    @Test("while the server fails for everything, nothing is wrong with the files, and it goes on by itself")
    func unreachable() async throws {
        try await OutboxFixture.run { fixture in
            let story = Story()
            try fixture.drop("x", "a.txt")
            fixture.server.faults.add(Fault(.dropBefore(isReset: true), times: nil))
            try await fixture.running(try fixture.outbox(story: story)) {
                try await eventually("a failure", or: "\(story.lines)") { story.events.contains("outbox_waits") }
                #expect(try await fixture.store.outboxIssues(limit: 9).isEmpty)
                #expect(try await fixture.store.outboxBacklog().waiting == 1)
                fixture.server.faults.clear()
                try await fixture.holds(["a.txt": "x"])
                try await eventually("the end of the pause") { story.events.contains("outbox_goes_on") }
            }
        }
    }

    @Test("an error is the file's affair, everybody's, or the end")
    func verdicts() {
        let denied = DiskProblem("cannot be opened", EACCES)
        #expect(OutboxErrorAction(denied) == .file(OutboxFailure(reason: "cannot be opened: Permission denied")))
        #expect(OutboxErrorAction(FileChanged()) == .changed)
        #expect(OutboxErrorAction(StoreError(code: .full, message: "full")) == .everything(after: nil))
        #expect(OutboxErrorAction(StoreError(code: .damaged, message: "damaged")) == .end)
    }
}
