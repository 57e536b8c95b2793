import Foundation
import Glibc
import MirrorFS
import SyncModel
import TestSupport
import Testing

/// Files that stand in the mirror already, read many at a time.
@Suite(.timeLimit(.minutes(5)))
struct AdoptTests {
    @Test("of a batch, what is right is found; what is wrong, missing or no file is left out") func batch() throws {
        let fixture = try MirrorFixture()
        let right = try ["a/1", "a/2", "b/1", "top"].map { try fixture.placement($0, "text of \($0)") }
        let wrong = try fixture.placement("a/wrong", "text")
        let missing = try ["a/missing", "none/f"].map { try fixture.placement($0, "text") }
        let folder = try fixture.placement("b/folder", "text")
        let link = try fixture.placement("b/link", "text of top")
        let linked = try fixture.placement("linked/1", "text of a/1")
        for placement in right {
            try fixture.folder.write("text of \(placement.path.text)", to: "mirror/\(placement.path.text)")
        }
        try fixture.folder.write("TEXT", to: "mirror/a/wrong")
        try fixture.folder.write("x", to: "mirror/b/folder/x")
        try #require(symlink("../top", fixture.path + "/b/link") == 0)
        try #require(symlink("a", fixture.path + "/linked") == 0)
        let all = right + [wrong, folder, link, linked] + missing
        let found = fixture.mirror.adoptable(all.sorted { $0.key < $1.key }, unless: { false })
        #expect(Set(found.keys) == Set(right.map(\.key)))
        for placement in right {
            #expect(found[placement.key] == (try fixture.mirror.adoptable(placement.path, as: placement.version)))
        }
        let survey = try fixture.mirror.survey(all)
        #expect(survey.standing == Set((right + [wrong]).map(\.key)))
        #expect(survey.absent == Set((missing + [folder, link, linked]).map(\.key)))
    }

    @Test("a batch that is cancelled ends before the next file") func cancelled() throws {
        let fixture = try MirrorFixture()
        let placements = try (0..<5).map { try fixture.placement("f\($0)", "same") }
        for placement in placements { try fixture.write("same", placement.path.text) }
        var looks = 0
        let found = fixture.mirror.adoptable(placements) {
            looks += 1
            return looks > 2
        }
        #expect(Set(found.keys) == Set(["/f0", "/f1"].map { RemoteKey($0) }))
        #expect(looks == 3)
    }

    @Test("a file of a batch that changes after it was read is looked at again; the others are adopted")
    func changed() throws {
        let fixture = try MirrorFixture()
        let placements = try (0..<8).map { try fixture.placement("f\($0)", "same") }
        for placement in placements { try fixture.write("same", placement.path.text) }
        let found = fixture.mirror.adoptable(placements, unless: { false })
        try fixture.write("edited", "f3")
        let results = try fixture.mirror.perform(try placements.map { try adopted($0, found) })
        for (number, result) in results.enumerated() {
            if number == 3 {
                #expect(result.outcomes == [.recheck(placements[3].key)])
            } else {
                #expect(try fixture.mirror.inspect(fixture.entry(result, at: placements[number].path)) == nil)
            }
        }
        #expect(try fixture.tree()["f3"] == "edited")
    }

    @Test("what has the right time and mode is not touched, the others get them", arguments: [1, 8])
    func touchesNothing(_ count: Int) throws {
        let fixture = try MirrorFixture()
        let placements = try (0..<count).map { try fixture.placement("f\($0)", "same") }
        for placement in placements {
            let place = fixture.path + "/" + placement.path.text
            try fixture.write("same", placement.path.text)
            try #require(chmod(place, 0o644) == 0)
            try setTime(of: place, to: 1_500_000_000)
        }
        let odd = fixture.path + "/f0"
        let before = try placements.map { try changeTime($0, fixture) }
        func adopt() throws -> [AppliedOperation] {
            let found = fixture.mirror.adoptable(placements, unless: { false })
            return try fixture.mirror.perform(try placements.map { try adopted($0, found) })
        }
        _ = try adopt()
        #expect(try placements.map { try changeTime($0, fixture) } == before)
        try #require(chmod(odd, 0o600) == 0)
        try setTime(of: odd, to: 1_400_000_000)
        let entries = try zip(adopt(), placements).map { try fixture.entry($0, at: $1.path) }
        #expect(try entries.allSatisfy { try fixture.mirror.inspect($0) == nil })
        #expect(try fixture.mode("f0") == "644")
        #expect(try fixture.status("f0").st_mtim.tv_sec == 1_500_000_000)
        #expect(try placements.dropFirst().map { try changeTime($0, fixture) } == Array(before.dropFirst()))
    }

    private func adopted(_ placement: Placement, _ found: [RemoteKey: Fingerprint]) throws -> PreparedOperation {
        PreparedOperation(.place(placement), content: .adopted(try #require(found[placement.key])))
    }

    private func setTime(of place: String, to seconds: Int) throws {
        let times = [timespec(tv_sec: seconds, tv_nsec: 0), timespec(tv_sec: seconds, tv_nsec: 0)]
        try #require(utimensat(AT_FDCWD, place, times, 0) == 0)
    }

    private func changeTime(_ placement: Placement, _ fixture: MirrorFixture) throws -> [Int] {
        let time = try fixture.status(placement.path.text).st_ctim
        return [time.tv_sec, time.tv_nsec]
    }
}
