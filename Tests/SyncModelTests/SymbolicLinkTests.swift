import SyncModel
import TestSupport
import Testing

/// Which links are made, judged by the text of their targets alone.
@Suite(.timeLimit(.minutes(5)))
struct SymbolicLinkTests {
    private func refusal(_ target: String, at key: String) -> SymbolicLink.Refusal? {
        SymbolicLink(target: target, rev: Rev("1"), modified: 0).refusal(at: RemoteKey(key))
    }

    @Test(
        "a target that stays in the mirror is made",
        arguments: [
            ("/l", "a"), ("/l", "a/b/c"), ("/l", "./a"), ("/l", "a/./b/."), ("/l", "."), ("/l", "a//b/"), ("/l", "l"),
            ("/d/l", ".."), ("/d/l", "../"), ("/d/l", "../a"), ("/d/l", "./.././a"), ("/d/e/l", "../../a"),
            ("/d/e/l", ".././../a"), ("/d/l", "...") /* a name */, ("/l", "..a/b"), ("/l", "a/..."), ("/l", "a/..b"),
            ("/l", ".dbxsync2"), ("/d/l", "x.dbxsync/x"), ("/l", "a/dbxsync"), ("/l", "a\\..\\b"), ("/l", "~/x"),
            ("/l", "%2e%2e/x"), ("/l", "C:/x"), ("/l", "\u{2024}./x"), ("/l", "line\nbreak"), ("/l", " "),
            ("/l", "..\u{301}/x"),
        ])
    func made(key: String, target: String) {
        #expect(refusal(target, at: key) == nil)
    }

    @Test(
        "every other one is not, and says why",
        arguments: [
            ("/l", "", SymbolicLink.Refusal.empty), ("/l", "a\0", .nul), ("/l", "\0", .nul), ("/l", "/", .absolute),
            ("/l", "/etc/passwd", .absolute), ("/l", "//a", .absolute), ("/l", "/\u{301}", .absolute),
            ("/l", "..", .outside), ("/l", "../", .outside), ("/l", "./..", .outside), ("/l", ".//../a", .outside),
            ("/d/l", "../..", .outside), ("/d/l", "../../d/a", .outside), ("/d/e/l", "../../../a", .outside),
            ("/l", "a/..", .upwards), ("/l", "a/../b", .upwards), ("/l", "a/../../x", .upwards),
            ("/d/l", "../a/../x", .upwards), ("/d/l", "a/./..", .upwards), ("/d/l", "a//../x", .upwards),
            ("/l", ".dbxsync", .ours), ("/l", ".dbxsync/trash/x", .ours), ("/l", "./.DbxSync//a", .ours),
            ("/d/l", "../.dbxsync/aside", .ours), ("/l", ".dbx\u{17F}ync", .ours), ("/l", ".dbx\u{AD}sync/a", .ours),
            ("/t", "here/.dbxsync/trash", .ours), ("/t", "D/up/.DBXSYNC", .ours), ("/d/l", ".dbxsync/x", .ours),
            ("/l", "a/./.dbx\u{AD}sync/", .ours), ("/.dbxsync/l", ".dbxsync", .ours),
        ])
    func refused(key: String, target: String, why: SymbolicLink.Refusal) {
        #expect(refusal(target, at: key) == why)
    }

    @Test("a target may have 4095 bytes, whatever its text is made of") func length() {
        #expect(refusal(String(repeating: "a", count: 4095), at: "/l") == nil)
        #expect(refusal(String(repeating: "a", count: 4096), at: "/l") == .tooLong)
        #expect(refusal(String(repeating: "\u{E9}", count: 2048), at: "/l") == .tooLong)
        #expect(refusal(String(repeating: "../", count: 1_000_000), at: "/l") == .tooLong)
    }

    @Test("links are told apart by the bytes of their targets") func bytes() {
        let composed = SymbolicLink(target: "\u{E9}", rev: Rev("1"), modified: 0)
        let decomposed = SymbolicLink(target: "e\u{301}", rev: Rev("1"), modified: 0)
        #expect(composed != decomposed)
        #expect(composed.version.hash != decomposed.version.hash)
        #expect(composed.version.size == 2 && decomposed.version.size == 3)
    }

    @Test("what is reported says what it is and, if links are to be made, why this one is not") func words() {
        func reason(_ target: String, isCreated: Bool) -> String? {
            let link = SymbolicLink(target: target, rev: Rev("1"), modified: 0)
            let node = link.node(named: FileName("l"), at: RemoteKey("/l"), isCreated: isCreated)
            guard case .unavailable(_, let why, _) = node, why.isAccepted else { return nil }
            return why.description
        }
        #expect(reason("a", isCreated: true) == nil)
        #expect(reason("a", isCreated: false) == "a symbolic link to a")
        #expect(reason("/a", isCreated: false) == "a symbolic link to /a")
        #expect(
            reason("/a", isCreated: true)
                == "a symbolic link to /a, which is not made: its target is absolute, so it leads out of the mirror")
        #expect(reason("a\0b", isCreated: true)?.contains("a\u{2400}b") == true)
        #expect(reason(String(repeating: "x", count: 5000), isCreated: true)?.utf8.count ?? .max < 300)
        #expect(Set(SymbolicLink.Refusal.allCases.map(\.description)).count == SymbolicLink.Refusal.allCases.count)
    }

    @Test("another target is a change, another inode a replacement, another time nothing") func drift() {
        let hash = ContentHash(of: Array("a".utf8))
        let other = ContentHash(of: Array("b".utf8))
        let known = KnownEntry(
            key: RemoteKey("/l"), name: FileName("l"), isFolder: false,
            print: Fingerprint(inode: 7, size: 1, modifiedNanoseconds: 0), link: hash)
        func drift(_ seen: Observed, comparingInodes: Bool = true) -> Drift? {
            Drift(known, seen, comparingInodes: comparingInodes)
        }
        #expect(drift(.link(inode: 7, target: hash)) == nil)
        #expect(drift(.link(inode: 8, target: hash)) == .replaced)
        #expect(drift(.link(inode: 8, target: hash), comparingInodes: false) == nil)
        #expect(drift(.link(inode: 7, target: other)) == .changed)
        #expect(drift(.file(known.print)) == .kind)
        #expect(drift(.folder(inode: 7)) == .kind)
        #expect(drift(.other) == .kind)
        #expect(drift(.nothing) == .missing)
        var file = known
        file.link = nil
        #expect(Drift(file, .link(inode: 7, target: hash), comparingInodes: true) == .kind)
    }

    @Test("a crash while a link was made is settled by its target") func recovery() throws {
        let link = SymbolicLink(target: "a", rev: Rev("1"), modified: 0)
        let (key, name) = (RemoteKey("/l"), FileName("l"))
        func settle(inode: UInt64, _ seen: Observed) throws -> Outcome {
            Recovery.settle(
                Intent(
                    key: key, path: try MirrorPath.root.appending(name),
                    after: .link(name: name, link.version, inode: inode)), seen)
        }
        let right = Observed.link(inode: 7, target: link.version.hash)
        #expect(try settle(inode: 0, right) == .have(key, .link(name: name, link.version, inode: 7)))
        #expect(try settle(inode: 7, right) == .have(key, .link(name: name, link.version, inode: 7)))
        #expect(try settle(inode: 8, right) == .recheck(key))
        #expect(try settle(inode: 0, .link(inode: 7, target: .empty)) == .recheck(key))
        #expect(try settle(inode: 0, .nothing) == .recheck(key))
        #expect(try settle(inode: 0, .other) == .recheck(key))
    }
}
