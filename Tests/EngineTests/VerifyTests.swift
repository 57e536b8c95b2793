import Engine
import Foundation
import MirrorFS
import Sandbox
import Store
import SyncModel
import TestSupport
import Testing

@Suite(.timeLimit(.minutes(30)))
struct VerifyTests {
    private func verified(_ fixture: EngineFixture) async throws -> (fixture: EngineFixture, found: [String]) {
        let parts = try await fixture.parts()
        let verifier = Verifier(store: parts.store, mirror: parts.mirror, disk: parts.disk, lasting: nil)
        var found: [String] = []
        let counts = try await verifier.run { findings in
            found += findings.map { "\($0.word) \($0.path)" }
        }
        #expect(counts.findings == found.count)
        return (fixture, found)
    }

    private func damaged() async throws -> EngineFixture {
        let fixture = try EngineFixture()
        for name in ["bits", "short", "gone", "time", "good"] {
            _ = try fixture.account.put("/a/\(name)", "text \(name)")
        }
        _ = try fixture.account.put("/lost/in/deep", "deep")
        _ = try fixture.account.put("/kind", "a file")
        try await fixture.pass()
        let manager = FileManager.default
        let old = try manager.attributesOfItem(atPath: fixture.mirror + "/a/bits")[.modificationDate]
        try fixture.folder.write("tExt bits", to: "mirror/a/bits")
        try manager.setAttributes([.modificationDate: try #require(old)], ofItemAtPath: fixture.mirror + "/a/bits")
        try fixture.folder.write("te", to: "mirror/a/short")
        try manager.removeItem(atPath: fixture.mirror + "/a/gone")
        try manager.setAttributes([.modificationDate: Date()], ofItemAtPath: fixture.mirror + "/a/time")
        try manager.removeItem(atPath: fixture.mirror + "/lost")
        try manager.removeItem(atPath: fixture.mirror + "/kind")
        try manager.createDirectory(atPath: fixture.mirror + "/kind", withIntermediateDirectories: false)
        try fixture.folder.write("mine", to: "mirror/a/stranger")
        return fixture
    }

    @Test("what the file system itself keeps at the top is nobody's, elsewhere it is a stranger") func lostAndFound()
        async throws
    {
        let fixture = try EngineFixture()
        _ = try fixture.account.put("/a/b", "b")
        try await fixture.pass()
        try fixture.folder.write("a fragment", to: "mirror/lost+found/#1")
        try fixture.folder.write("mine", to: "mirror/a/lost+found")
        #expect(try await verified(fixture).found == ["stranger a/lost+found"])
        _ = try await fixture.repair()
        #expect(try Tree(directory: fixture.mirror).lines.keys.sorted() == ["a", "a/b", "lost+found", "lost+found/#1"])
    }

    /// In a process of its own, since whoever is root may read everything.
    @Test("a locked folder and a locked file are found, hold up nothing, and are put right") func locked() async {
        await #expect(processExitsWith: .success) {
            if geteuid() == 0 { try #require(seteuid(65_534) == 0) }
            let fixture = try EngineFixture()
            for path in ["/a/locked/x", "/a/locked/sub/y", "/a/z", "/secret", "/short"] {
                _ = try fixture.account.put(path, "text of " + path)
            }
            try await fixture.pass()
            chmod(fixture.mirror + "/secret", 0)
            chmod(fixture.mirror + "/a/locked", 0)
            try fixture.folder.write("te", to: "mirror/short")
            let found = Set(try await VerifyTests().verified(fixture).found)
            let expected: Set = [
                "unreadable a/locked", "unreadable a/locked/x", "unreadable a/locked/sub", "unreadable a/locked/sub/y",
                "unreadable secret", "content short",
            ]
            guard found == expected else {
                print("found: \(found.sorted())")
                exit(EXIT_FAILURE)
            }
            _ = try await fixture.repair()
            fixture.remote.resetCounts()
            try await fixture.pass()
            let left = try fixture.differences() + (try await VerifyTests().verified(fixture).found)
            guard left == [], fixture.remote.downloads == 2 else {
                print("left: \(left), \(fixture.remote.downloads) downloads")
                exit(EXIT_FAILURE)
            }
        }
    }

    @Test("one finding that cannot be put right holds up no other") func oneFails() async throws {
        let fixture = try EngineFixture()
        _ = try fixture.account.put("/a", "a")
        try await fixture.pass()
        for name in ["one", "two"] { try fixture.folder.write("mine", to: "mirror/" + name) }
        let parts = try await fixture.parts()
        let repair = Repair(store: parts.store, mirror: parts.mirror, disk: parts.disk, now: { 1_700_000_000 })
        var result: Repair.Result?
        _ = try await Verifier(store: parts.store, mirror: parts.mirror, disk: parts.disk, lasting: nil).run {
            try FileManager.default.removeItem(atPath: fixture.mirror + "/one")
            result = try await repair.take($0)
        }
        #expect(result?.failures.count == 1 && result?.failures.first?.hasPrefix("one: ") == true)
        #expect(result?.places.count == 1)
        #expect(try fixture.differences() == [])
    }

    @Test("an untouched mirror has no difference") func clean() async throws {
        let fixture = try EngineFixture(Account(seed: Seed(files: 100)))
        try await fixture.pass()
        #expect(try await verified(fixture).found == [])
    }

    @Test("flipped bits, cut, missing, retimed and strange files are found") func finds() async throws {
        let found = try await verified(damaged()).found
        #expect(
            Set(found) == [
                "content a/bits", "content a/short", "missing a/gone", "time a/time", "missing lost", "missing lost/in",
                "missing lost/in/deep", "kind kind", "stranger a/stranger",
            ])
    }

    @Test("a repair puts all of it right and destroys nothing") func repairs() async throws {
        let fixture = try await damaged()
        let parts = try await fixture.parts()
        let repair = Repair(store: parts.store, mirror: parts.mirror, disk: parts.disk, now: { 1_700_000_000 })
        var places: [String] = []
        _ = try await Verifier(store: parts.store, mirror: parts.mirror, disk: parts.disk, lasting: nil).run {
            places += try await repair.take($0).places.map(\.now)
        }
        fixture.remote.resetCounts()
        try await fixture.pass()
        #expect(try fixture.differences() == [])
        #expect(try await fixture.brokenInvariants() == [])
        #expect(try await verified(fixture).found == [])
        #expect(places.count == 1)
        #expect(try String(contentsOfFile: fixture.mirror + "/" + places[0], encoding: .utf8) == "mine")
        #expect(fixture.remote.downloads == 5, "only what is damaged is fetched; a wrong time costs nothing")
    }

    @Test("a stranger whose name is not UTF-8 is found and set aside like others", arguments: [1, 85, 86, 200])
    func oddName(badBytes: Int) async throws {
        let fixture = try EngineFixture()
        _ = try fixture.account.put("/a", "a")
        try await fixture.pass()
        let bad = [CChar](repeating: CChar(bitPattern: 0xFF), count: badBytes)
        let name = Array((fixture.mirror + "/odd").utf8CString.dropLast()) + bad + [0]
        let file = open(name, O_WRONLY | O_CREAT, 0o600)
        try #require(file >= 0)
        close(file)
        let sign = badBytes * 3 + 3 > 255 ? "?" : "\u{FFFD}"
        #expect(try await verified(fixture).found == ["stranger odd" + String(repeating: sign, count: badBytes)])
        let parts = try await fixture.parts()
        let repair = Repair(store: parts.store, mirror: parts.mirror, disk: parts.disk, now: { 1_700_000_000 })
        _ = try await Verifier(store: parts.store, mirror: parts.mirror, disk: parts.disk, lasting: nil).run {
            _ = try await repair.take($0)
        }
        #expect(access(name, F_OK) != 0)
        #expect(try await verified(fixture).found == [])
        #expect(try fixture.differences() == [])
    }
}

extension Verifier.Finding {
    fileprivate var word: String {
        switch kind {
        case .damaged(_, let damage): damage.rawValue
        case .stranger: "stranger"
        }
    }
}
