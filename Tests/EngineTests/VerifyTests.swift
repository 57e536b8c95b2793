import Engine
import Foundation
import MirrorFS
import Sandbox
import Store
import SyncModel
import TestSupport
import Testing

@Suite struct VerifyTests {
    private func verified(_ rig: Rig) async throws -> (rig: Rig, found: [String]) {
        let parts = try await rig.parts()
        let verifier = Verifier(store: parts.store, mirror: parts.mirror, disk: parts.disk, lasting: nil)
        var found: [String] = []
        let counts = try await verifier.run { findings in
            found += findings.map { "\($0.word) \($0.path)" }
        }
        #expect(counts.findings == found.count)
        return (rig, found)
    }

    private func damaged() async throws -> Rig {
        let rig = try Rig()
        for name in ["bits", "short", "gone", "time", "good"] { _ = try rig.account.put("/a/\(name)", "text \(name)") }
        _ = try rig.account.put("/lost/in/deep", "deep")
        _ = try rig.account.put("/kind", "a file")
        try await rig.pass()
        let manager = FileManager.default
        let old = try manager.attributesOfItem(atPath: rig.mirror + "/a/bits")[.modificationDate]
        try rig.folder.write("tExt bits", to: "mirror/a/bits")
        try manager.setAttributes([.modificationDate: try #require(old)], ofItemAtPath: rig.mirror + "/a/bits")
        try rig.folder.write("te", to: "mirror/a/short")
        try manager.removeItem(atPath: rig.mirror + "/a/gone")
        try manager.setAttributes([.modificationDate: Date()], ofItemAtPath: rig.mirror + "/a/time")
        try manager.removeItem(atPath: rig.mirror + "/lost")
        try manager.removeItem(atPath: rig.mirror + "/kind")
        try manager.createDirectory(atPath: rig.mirror + "/kind", withIntermediateDirectories: false)
        try rig.folder.write("mine", to: "mirror/a/stranger")
        return rig
    }

    @Test("what the file system itself keeps at the top is nobody's, elsewhere it is a stranger") func lostAndFound()
        async throws
    {
        let rig = try Rig()
        _ = try rig.account.put("/a/b", "b")
        try await rig.pass()
        try rig.folder.write("a fragment", to: "mirror/lost+found/#1")
        try rig.folder.write("mine", to: "mirror/a/lost+found")
        #expect(try await verified(rig).found == ["stranger a/lost+found"])
        _ = try await rig.repair()
        #expect(try Tree(directory: rig.mirror).lines.keys.sorted() == ["a", "a/b", "lost+found", "lost+found/#1"])
    }

    /// In a process of its own, since whoever is root may read everything.
    @Test("a locked folder and a locked file are found, hold up nothing, and are put right") func locked() async {
        await #expect(processExitsWith: .success) {
            if geteuid() == 0 { try #require(seteuid(65_534) == 0) }
            let rig = try Rig()
            for path in ["/a/locked/x", "/a/locked/sub/y", "/a/z", "/secret", "/short"] {
                _ = try rig.account.put(path, "text of " + path)
            }
            try await rig.pass()
            chmod(rig.mirror + "/secret", 0)
            chmod(rig.mirror + "/a/locked", 0)
            try rig.folder.write("te", to: "mirror/short")
            let found = Set(try await VerifyTests().verified(rig).found)
            let expected: Set = [
                "unreadable a/locked", "unreadable a/locked/x", "unreadable a/locked/sub", "unreadable a/locked/sub/y",
                "unreadable secret", "content short",
            ]
            guard found == expected else {
                print("found: \(found.sorted())")
                exit(EXIT_FAILURE)
            }
            _ = try await rig.repair()
            rig.remote.resetCounts()
            try await rig.pass()
            let left = try rig.differences() + (try await VerifyTests().verified(rig).found)
            guard left == [], rig.remote.downloads == 2 else {
                print("left: \(left), \(rig.remote.downloads) downloads")
                exit(EXIT_FAILURE)
            }
        }
    }

    @Test("one finding that cannot be put right holds up no other") func oneFails() async throws {
        let rig = try Rig()
        _ = try rig.account.put("/a", "a")
        try await rig.pass()
        for name in ["one", "two"] { try rig.folder.write("mine", to: "mirror/" + name) }
        let parts = try await rig.parts()
        let repair = Repair(store: parts.store, mirror: parts.mirror, disk: parts.disk)
        var result: Repair.Result?
        _ = try await Verifier(store: parts.store, mirror: parts.mirror, disk: parts.disk, lasting: nil).run {
            try FileManager.default.removeItem(atPath: rig.mirror + "/one")
            result = try await repair.take($0)
        }
        #expect(result?.failures.count == 1 && result?.failures.first?.hasPrefix("one: ") == true)
        #expect(result?.places.count == 1)
        #expect(try rig.differences() == [])
    }

    @Test("an untouched mirror has no difference") func clean() async throws {
        let rig = try Rig(Account(seed: Seed(files: 100)))
        try await rig.pass()
        #expect(try await verified(rig).found == [])
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
        let rig = try await damaged()
        let parts = try await rig.parts()
        let repair = Repair(store: parts.store, mirror: parts.mirror, disk: parts.disk)
        var places: [String] = []
        _ = try await Verifier(store: parts.store, mirror: parts.mirror, disk: parts.disk, lasting: nil).run {
            places += try await repair.take($0).places.map(\.now)
        }
        rig.remote.resetCounts()
        try await rig.pass()
        #expect(try rig.differences() == [])
        #expect(try await rig.brokenInvariants() == [])
        #expect(try await verified(rig).found == [])
        #expect(places.count == 1)
        #expect(try String(contentsOfFile: rig.mirror + "/" + places[0], encoding: .utf8) == "mine")
        #expect(rig.remote.downloads == 5, "only what is damaged is fetched; a wrong time costs nothing")
    }

    @Test("a stranger whose name is not UTF-8 is found and set aside like others", arguments: [1, 85, 86, 200])
    func oddName(badBytes: Int) async throws {
        let rig = try Rig()
        _ = try rig.account.put("/a", "a")
        try await rig.pass()
        let bad = [CChar](repeating: CChar(bitPattern: 0xFF), count: badBytes)
        let name = Array((rig.mirror + "/odd").utf8CString.dropLast()) + bad + [0]
        let file = open(name, O_WRONLY | O_CREAT, 0o600)
        try #require(file >= 0)
        close(file)
        let sign = badBytes * 3 + 3 > 255 ? "?" : "\u{FFFD}"
        #expect(try await verified(rig).found == ["stranger odd" + String(repeating: sign, count: badBytes)])
        let parts = try await rig.parts()
        let repair = Repair(store: parts.store, mirror: parts.mirror, disk: parts.disk)
        _ = try await Verifier(store: parts.store, mirror: parts.mirror, disk: parts.disk, lasting: nil).run {
            _ = try await repair.take($0)
        }
        #expect(access(name, F_OK) != 0)
        #expect(try await verified(rig).found == [])
        #expect(try rig.differences() == [])
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
