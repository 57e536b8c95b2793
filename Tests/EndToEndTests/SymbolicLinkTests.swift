import Foundation
import Sandbox
import TestSupport
import Testing

/// Symbolic links, over HTTP and with the commands.
@Suite(.timeLimit(.minutes(15)))
struct SymbolicLinkTests {
    @discardableResult
    private func put(
        _ fixture: DaemonFixture, _ path: String, to target: String, _ content: Content? = nil
    ) throws -> String {
        var traits = FileTraits()
        traits.symlinkTarget = target
        return try fixture.account.put(path, content ?? .text("link to \(target)"), traits: traits).rev
    }

    private func target(_ path: String) -> String? {
        try? FileManager.default.destinationOfSymbolicLink(atPath: path)
    }

    @Test("links are made where that is configured; status, verify, explain, ls, history and restore know them")
    func commands() async throws {
        try await DaemonFixture.run(["mirror": "symlinks = \"create\""]) { fixture in
            let place = fixture.place
            try put(fixture, "/D/Link", to: "../a b")
            try put(fixture, "/D/Out", to: "../../a")
            try put(fixture, "/Old", to: "D")
            try fixture.account.put("/a b", "text")
            let plan = try await place.run("sync", "--dry-run")
            #expect(plan.code == 0 && plan.output.contains("make link /D/Link -> ../a b"), "\(plan)")
            #expect(plan.output.contains("2 links to make"), "\(plan)")
            let sync = try await place.run("sync")
            #expect(sync.code == 0, "\(sync)")
            #expect(sync.errors.contains("/D/Link: link made: a symbolic link to ../a b"), "\(sync)")
            #expect(sync.errors.contains("1 file placed, 1 of them downloaded, 2 links made"), "\(sync)")
            #expect(!sync.errors.contains("another selection"), "\(sync)")
            #expect(try fixture.mirror() == Tree(account: fixture.account, symlinks: true))
            #expect(target(place.mirror + "/D/Link") == "../a b")
            let status = try await place.run("status")
            #expect(status.code == 0 && status.output.contains("1 accepted"), "\(status)")
            #expect(status.output.contains("its target leads out of the mirror"), "\(status)")
            #expect(try await place.run("verify").code == 0)

            let link = try await place.run("explain", "/D/Link", "--ask")
            #expect(link.code == 0 && link.output.contains("a symbolic link to ../a b"), "\(link)")
            #expect(link.output.contains("in step") && link.output.contains("the same"), "\(link)")
            let out = try await place.run("explain", "/D/Out", "--ask")
            #expect(out.code == 0 && out.output.contains("leads out of the mirror"), "\(out)")
            let rev = try #require(fixture.account.tree().first { $0.path == "/D/Link" }?.rev)
            let got = try await place.run("get", "rev:\(rev)", place.folder("got"))
            #expect(got.code == 1 && got.errors.contains("a symbolic link to ../a b"), "\(got)")
            #expect(!FileManager.default.fileExists(atPath: place.folder("got")))
            let listed = try await place.run("ls", "/D")
            #expect(Set(listed.output.split(separator: "\n")) == ["= Link", "! Out"], "\(listed)")

            try fixture.account.delete("/Old")
            try FileManager.default.removeItem(atPath: place.mirror + "/D/Link")
            try FileManager.default.createSymbolicLink(
                atPath: place.mirror + "/D/Link", withDestinationPath: "/etc/passwd")
            let verify = try await place.run("verify", "--repair")
            #expect(verify.output.contains("D/Link"), "\(verify)")
            #expect(try await place.run("sync").code == 0)
            #expect(target(place.mirror + "/D/Link") == "../a b")
            #expect(try fixture.mirror() == Tree(account: fixture.account, symlinks: true))

            let history = try await place.run("history", "/Old")
            #expect(history.code == 0, "\(history)")
            #expect(history.output.contains("link") && history.output.contains("removed"), "\(history)")
            let back = place.folder("back")
            for _ in 0..<2 {
                let restored = try await place.run("restore", "/Old", "--to", back)
                #expect(restored.code == 0 && !restored.output.contains("set aside"), "\(restored)")
            }
            #expect(target(back + "/Old") == "D")
            let json = try await place.run("restore", "/D/Link", "--to", back, "--json")
            #expect(json.code == 0, "\(json)")
            #expect(target(back + "/Link") == "/etc/passwd", "what was set aside")
        }
    }

    @Test("where links are not made none is restored, and none becomes a file") func restoringNone() async throws {
        try await DaemonFixture.run { fixture in
            let place = fixture.place
            let back = place.folder("back")
            func refuses(_ arguments: String...) async throws {
                let ending = try await Program("dbxsync", arguments + ["--config", place.configuration]).ending()
                #expect(ending.code == 1 && ending.errors.contains("a symbolic link to a"), "\(arguments): \(ending)")
                #expect((try? FileManager.default.contentsOfDirectory(atPath: back)) ?? [] == [], "\(arguments)")
            }
            let revs = [
                "/E": try put(fixture, "/E", to: "a", .text("")), "/L": try put(fixture, "/L", to: "a"),
            ]
            try fixture.account.put("/a", "")
            #expect(try await place.run("sync").code == 0)
            for round in ["there", "gone"] {
                for (path, rev) in revs {
                    try await refuses("restore", path, "--to", back)
                    try await refuses("restore", path, "--rev", rev, "--to", back)
                    try await refuses("get", "rev:\(rev)", back + path)
                }
                if round == "there" { for path in revs.keys { try fixture.account.delete(path) } }
                #expect(try await place.run("sync").code == 0)
            }
        }
    }

    @Test("where links are made they are restored as links, by revision and time, if they lead into the mirror")
    func restoringLinks() async throws {
        try await DaemonFixture.run(["mirror": "symlinks = \"create\""]) { fixture in
            let place = fixture.place
            let first = try put(fixture, "/d/L", to: "a", .text(""))
            let out = try put(fixture, "/Out", to: "/etc", .text(""))
            try fixture.account.put("/d/a", "")
            #expect(try await place.run("sync").code == 0)
            let same = try await place.run("restore", "/d/L", "--to", place.folder("same"))
            #expect(same.code == 1 && same.errors.contains("no other version"), "\(same)")
            let now = Date.now.formatted(.iso8601)
            func restores(_ folder: String, _ option: String, _ value: String, to wanted: String) async throws {
                let folder = place.folder(folder)
                let ending = try await place.run("restore", "/d/L", option, value, "--to", folder)
                #expect(ending.code == 0 && ending.output.contains("a symbolic link to \(wanted)"), "\(ending)")
                #expect(target(folder + "/L") == wanted)
            }
            try await restores("there", "--rev", first, to: "a")
            try await restores("then", "--at", now, to: "a")
            let second = try put(fixture, "/d/L", to: "b", .text(""))
            #expect(try await place.run("sync").code == 0)
            try await restores("older", "--rev", first, to: "a")
            try fixture.account.delete("/d/L")
            try fixture.account.delete("/Out")
            #expect(try await place.run("sync").code == 0)
            try await restores("first", "--rev", first, to: "a")
            try await restores("second", "--rev", second, to: "b")
            let refused = try await place.run("restore", "/Out", "--rev", out, "--to", place.folder("out"))
            #expect(refused.code == 1 && refused.errors.contains("its target is absolute"), "\(refused)")
            #expect(target(place.folder("out") + "/Out") == nil)
        }
    }

    @Test("restore follows no link below --to, whoever has made it") func restoring() async throws {
        try await DaemonFixture.run(["mirror": "symlinks = \"create\""]) { fixture in
            let place = fixture.place
            let (back, outside) = (place.folder("back"), place.folder("back/outside"))
            let files = FileManager.default
            try put(fixture, "/L", to: "outside")
            try fixture.account.put("/p/L/f", "text")
            try fixture.account.put("/p/g", "text")
            try fixture.account.put("/p/h/i", "text")
            #expect(try await place.run("sync").code == 0)
            try fixture.account.delete("/L")
            try fixture.account.delete("/p")
            #expect(try await place.run("sync").code == 0)
            try files.createDirectory(atPath: outside, withIntermediateDirectories: true)
            #expect(try await place.run("restore", "/L", "--to", back).code == 0)
            #expect(target(back + "/L") == "outside")
            let whole = try await place.run("restore", "/p/L", "--to", back)
            #expect(whole.code != 0 && whole.errors.contains("/back/L: is a symbolic link"), "\(whole)")
            try files.createDirectory(atPath: back + "/p", withIntermediateDirectories: false)
            try files.createSymbolicLink(atPath: back + "/p/L", withDestinationPath: outside)
            try files.createSymbolicLink(atPath: back + "/p/g", withDestinationPath: outside + "/g")
            let part = try await place.run("restore", "/p", "--to", back)
            #expect(part.code == 1 && part.errors.contains("/back/p/L: is a symbolic link"), "\(part)")
            #expect(part.errors.contains("/back/p/g: stands there already"), "\(part)")
            #expect(files.contents(atPath: back + "/p/h/i") == Data("text".utf8))
            #expect(try files.contentsOfDirectory(atPath: outside) == [])
            let other = place.folder("other")
            try files.createSymbolicLink(atPath: other, withDestinationPath: outside)
            #expect(try await place.run("restore", "/p", "--to", other).code == 0, "what was named is followed")
            #expect(try files.contentsOfDirectory(atPath: outside) == ["p"])
        }
    }

    @Test("a daemon makes and removes links as they come and go") func daemon() async throws {
        try await DaemonFixture.run(["mirror": "symlinks = \"create\""]) { fixture in
            try put(fixture, "/a", to: "x")
            let daemon = try fixture.place.start("run")
            let mirror = fixture.place.mirror
            try await eventually("the first link", or: daemon.log) { target(mirror + "/a") == "x" }
            try put(fixture, "/a", to: "y")
            try put(fixture, "/d/b", to: "../x")
            try await eventually("the changes", or: daemon.log) {
                target(mirror + "/a") == "y" && target(mirror + "/d/b") == "../x"
            }
            try FileManager.default.removeItem(atPath: mirror + "/d/b")
            try await eventually("what was removed here", or: daemon.log) { target(mirror + "/d/b") == "../x" }
            try fixture.account.delete("/d")
            try await eventually("the end", or: daemon.log) { !FileManager.default.fileExists(atPath: mirror + "/d") }
            try await eventually("all is well", or: daemon.log) { try await fixture.place.run("status").code == 0 }
        }
    }
}
