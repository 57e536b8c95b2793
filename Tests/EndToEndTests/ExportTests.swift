import Foundation
import Sandbox
import TestSupport
import Testing

/// Online documents, over HTTP and with the commands.
@Suite(.timeLimit(.minutes(15)))
struct ExportTests {
    private func fill(_ account: Account) throws {
        for number in 0..<50 {
            let kind = OnlineDocument.Kind.allCases[number % OnlineDocument.Kind.allCases.count]
            try account.put("/Docs \(number % 5)/Ö \(number).\(kind.ending)", OnlineDocument(kind, text: "\(number)"))
        }
        var link = FileTraits()
        link.symlinkTarget = "../elsewhere"
        try account.put("/Docs 1/link", .bytes([]), traits: link)
        try account.put("/Docs 1/plain.txt", "plain")
    }

    @Test("an account with documents of every kind and links is in step by default, and asks for no export twice")
    func everyKind() async throws {
        try await DaemonFixture.run { fixture in
            try fill(fixture.account)
            let sync = try await fixture.place.run("sync")
            #expect(sync.code == 0, "\(sync)")
            #expect(try fixture.differences() == [])
            let status = try await fixture.place.run("status")
            #expect(status.code == 0, "\(status)")
            #expect(status.output.contains("9 accepted"), "8 web links and a symbolic link: \(status)")
            #expect(status.output.contains("an online document that Dropbox exports in no format"), "\(status)")
            let exports = fixture.server.log.counters.endpoints["files/export"] ?? 0
            #expect(exports == 42)
            #expect(try await fixture.place.run("sync").code == 0)
            #expect(try await fixture.place.run("verify").code == 0)
            #expect(fixture.server.log.counters.endpoints["files/export"] == exports)
        }
    }

    @Test("a daemon exports what changes, tries again what is not ready, and says what fails")
    func daemon() async throws {
        try await DaemonFixture.run(["export": "gdoc = \"pdf\"\npaper = \"link\""]) { fixture in
            try fixture.account.put("/a.gsheet", OnlineDocument(.gsheet, text: "1"))
            try fixture.account.put("/b.paper", OnlineDocument(.paper))
            let daemon = try fixture.place.start("run")
            func text(_ path: String) -> String? {
                FileManager.default.contents(atPath: fixture.place.mirror + path).map {
                    String(decoding: $0, as: UTF8.self)
                }
            }
            try await eventually("the first exports", or: daemon.log) {
                text("/a.gsheet.xlsx") == "xlsx: 1"
                    && text("/b.paper.url")?.contains("https://www.dropbox.com/home?preview=b.paper") == true
            }
            var cut = OnlineDocument(.gsheet, text: "2")
            cut.trouble.end = .close
            cut.trouble.hash = .none
            try fixture.account.put("/a.gsheet", cut)
            try fixture.account.put("/c.gdoc", OnlineDocument(.gdoc, text: "3"))
            var never = OnlineDocument(.gsheet)
            never.trouble.notReady = nil
            try fixture.account.put("/never.gsheet", never)
            try await eventually("the changes", or: daemon.log) {
                text("/a.gsheet.xlsx") == "xlsx: 2" && text("/c.gdoc.docx") == "docx: 3"
            }
            try await eventually("the failure", or: daemon.log) {
                try await fixture.place.run("status").output.contains("Dropbox has not got the export ready yet")
            }
            try await eventually("the other format", or: daemon.log) {
                daemon.log.contains(
                    "export.gdoc = \"pdf\" is not offered by Dropbox, which offers docx: 1 document comes as docx")
            }
            #expect(try await fixture.place.run("status").code == 1)
            try fixture.account.delete("/never.gsheet")
            try await eventually("all is well", or: daemon.log) { try await fixture.place.run("status").code == 0 }
        }
    }

    @Test("explain judges a document by both names, and says why its export does not come") func bothNames()
        async throws
    {
        try await DaemonFixture.run { fixture in
            let place = fixture.place
            try fixture.account.put("/r.paper", OnlineDocument(.paper, text: "1"))
            try fixture.account.put("/b.paper", OnlineDocument(.paper, text: "2"))
            try fixture.account.put("/b.paper.md", "real")
            var never = OnlineDocument(.gsheet)
            never.trouble.notReady = nil
            try fixture.account.put("/never.gsheet", never)
            #expect(try await place.run("sync").code == 1)
            let waiting = try await place.run("explain", "/never.gsheet")
            #expect(waiting.code == 1, "\(waiting)")
            #expect(waiting.output.contains("  failing    "), "\(waiting)")
            #expect(waiting.output.contains("Dropbox has not got the export ready yet"), "\(waiting)")
            try fixture.account.delete("/never.gsheet")
            for pattern in ["*.md", "/?.paper.md"] {
                try place.configure(endpoint: fixture.server.url, ["mirror": "exclude = [\"\(pattern)\"]"])
                #expect(try await place.run("sync").code == 0)
                let document = try await place.run("explain", "/r.paper")
                #expect(document.output.contains("left alone, by mirror.exclude \"\(pattern)\""), "\(document)")
                let clash = try await place.run("explain", "/b.paper")
                #expect(clash.output.contains("left out, by mirror.exclude \"\(pattern)\""), "\(clash)")
            }
            try place.configure(endpoint: fixture.server.url, ["mirror": "include = [\"/r.paper.md\"]"])
            #expect(try await place.run("sync").code == 0)
            let taken = try await place.run("explain", "/r.paper")
            #expect(taken.output.contains("it stands here as /r.paper.md"), "\(taken)")
            #expect(taken.output.contains("yes, by mirror.include \"/r.paper.md\""), "\(taken)")
        }
    }

    @Test("get exports a document, in the format that is asked for; explain and ls know both names")
    func commands() async throws {
        try await DaemonFixture.run { fixture in
            try fixture.account.put("/D/n.paper", OnlineDocument(.paper, text: "x"))
            try fixture.account.put("/D/s.gsheet", OnlineDocument(.gsheet, text: "y"))
            #expect(try await fixture.place.run("sync").code == 0)
            let place = fixture.place.folder("got")
            try FileManager.default.createDirectory(atPath: place, withIntermediateDirectories: true)
            func text(_ name: String) -> String? {
                FileManager.default.contents(atPath: place + "/" + name).map { String(decoding: $0, as: UTF8.self) }
            }
            let plain = try await fixture.place.run("get", "/D/n.paper", place + "/")
            #expect(plain.code == 0 && text("n.paper.md") == "markdown: x", "\(plain)")
            let html = try await fixture.place.run("get", "/D/n.paper", "--format", "html", place)
            #expect(html.code == 0 && text("n.paper.html") == "html: x", "\(html)")
            let out = try await fixture.place.run("get", "/d/N.paper", "--format", "markdown", "-")
            #expect(out.code == 0 && out.output == "markdown: x", "\(out)")
            let link = try await fixture.place.run("get", "/D/n.paper", "--format", "link", place)
            #expect(link.code == 0 && text("n.paper.url")?.contains("/home/d?preview=n.paper") == true, "\(link)")
            let wrong = try await fixture.place.run("get", "/D/n.paper", "--format", "pptx")
            #expect(wrong.code == 64 && wrong.errors.contains("use md, html, link"), "\(wrong)")
            let tree = try await fixture.place.run("get", "/D", "--recursive", place + "/D")
            #expect(tree.code == 0 && text("D/s.gsheet.xlsx") == "xlsx: y" && text("D/n.paper.md") != nil, "\(tree)")

            let exports = fixture.server.log.counters.endpoints["files/export"]
            try Data("mine".utf8).write(to: URL(fileURLWithPath: place + "/D/n.paper.md"))
            let again = try await fixture.place.run("get", "/D", "--recursive", place + "/D")
            #expect(again.output.contains("1 file downloaded, 11 B; 1 unchanged"), "\(again)")
            #expect(fixture.server.log.counters.endpoints["files/export"] == exports.map { $0 + 1 })
            #expect(text("D/s.gsheet.xlsx") == "xlsx: y" && text("D/n.paper.md") == "markdown: x")

            try fixture.account.put("/D/n.paper", OnlineDocument(.paper, text: "z"))
            #expect(try await fixture.place.run("sync").code == 0)
            for path in ["/D/n.paper", fixture.place.mirror + "/D/n.paper.md"] {
                let history = try await fixture.place.run("history", path)
                #expect(history.code == 0 && history.output.contains("/D/n.paper.md"), "\(history)")
            }
            let kept = try await fixture.place.run("trash", "/D/n.paper")
            #expect(kept.output.contains("/D/n.paper.md") && kept.output.contains("1 item"), "\(kept)")
            let back = fixture.place.folder("back")
            let restored = try await fixture.place.run("restore", "/d/N.paper", "--to", back)
            #expect(restored.code == 0, "\(restored)")
            #expect(
                FileManager.default.contents(atPath: back + "/n.paper.md") == Data("markdown: x".utf8), "\(restored)")
            let document = try await fixture.place.run("explain", "/D/n.paper")
            #expect(document.code == 0 && document.output.contains("it stands here as /D/n.paper.md"), "\(document)")
            for path in ["/D/n.paper", "/D/n.paper.md"] {
                let asked = try await fixture.place.run("explain", path, "--ask")
                #expect(asked.code == 0, "\(asked)")
            }
            let file = try await fixture.place.run("explain", "/D/n.paper.md")
            #expect(file.output.contains("in step") && file.output.contains("/D/n.paper\n"), "\(file)")
            let listed = try await fixture.place.run("ls", "/D")
            #expect(Set(listed.output.split(separator: "\n")) == ["= n.paper", "= s.gsheet"], "\(listed)")
            try fixture.account.put("/D/t.gdoc", OnlineDocument(.gdoc, text: "much longer"))
            try fixture.place.configure(endpoint: fixture.server.url, ["mirror": "max_size = \"9B\""])
            let dry = try await fixture.place.run("sync", "--dry-run")
            #expect(
                dry.output.contains("in 0 files and 1 document to export, of a size that nobody knows yet"), "\(dry)")
            #expect(dry.output.contains("; 1 left out, by mirror.exclude, mirror.include or mirror.max_size"), "\(dry)")
            #expect(try await fixture.place.run("sync").code == 0)
            let marks = try await fixture.place.run("ls", "/D")
            #expect(Set(marks.output.split(separator: "\n")) == ["- n.paper", "= s.gsheet", "- t.gdoc"], "\(marks)")
            let after = try await fixture.place.run("sync", "--dry-run")
            #expect(after.output.hasPrefix("nothing to do; 2 left out"), "\(after)")
        }
    }
}
