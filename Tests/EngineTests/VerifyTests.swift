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
            places += try await repair.take($0)
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

    @Test("a stranger whose name is not UTF-8 is found and set aside like others") func oddName() async throws {
        let rig = try Rig()
        _ = try rig.account.put("/a", "a")
        try await rig.pass()
        let name = Array((rig.mirror + "/odd").utf8CString.dropLast()) + [CChar(bitPattern: 0xFF), 0]
        let file = open(name, O_WRONLY | O_CREAT, 0o600)
        try #require(file >= 0)
        close(file)
        #expect(try await verified(rig).found == ["stranger odd\u{FFFD}"])
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
