import Downloading
import Dropbox
import Engine
import FileSystem
import Foundation
import Glibc
import NetworkSupport
import Sandbox
import SyncModel
import TestSupport
import Testing
import Transport

/// Local files outside the mirror: whole, or not there.
@Suite(.timeLimit(.minutes(5)))
struct DownloadTests {
    private let place: TemporaryFolder

    init() throws { place = try TemporaryFolder() }

    private func version(_ fixture: SandboxFixture, _ path: String) async throws -> FileVersion {
        let node = try await fixture.client.metadata(of: path).node
        guard case .file(_, let version) = node else { throw CocoaError(.fileReadUnknown) }
        return version
    }

    private func bytes(_ name: String) -> [UInt8]? {
        (try? Data(contentsOf: URL(filePath: place(name)))).map { Array($0) }
    }

    private func names() throws -> [String] {
        try FileManager.default.contentsOfDirectory(atPath: place.path).sorted()
    }

    private func downloads(_ fixture: SandboxFixture) -> [String?] {
        fixture.server.log.records.filter { $0.endpoint == "files/download" }.map(\.range)
    }

    private func code(_ body: () async throws -> Void) async -> DownloadError.Code? {
        do {
            try await body()
            return nil
        } catch {
            return (error as? DownloadError)?.code
        }
    }

    @Test("a file comes with its bytes and its time, and what is right already is not fetched")
    func file() async throws {
        try await SandboxFixture.run { fixture in
            try fixture.account.put("/f", "some text", clientModified: 1_600_000_000)
            let (version, meter) = (try await version(fixture, "/f"), DownloadMeter())
            let download = Download(client: fixture.client, meter: meter)
            #expect(try await download.get(version, to: place("f")))
            #expect(bytes("f") == Array("some text".utf8))
            #expect(try await !download.get(version, to: place("f")))
            #expect(downloads(fixture).count == 1)
            #expect(meter.now.bytes == 18 && meter.now.files == 2)
            var status = stat()
            #expect(stat(place("f"), &status) == 0 && status.st_mtim.tv_sec == 1_600_000_000)
            #expect(try names() == ["f"])
        }
    }

    @Test("other bytes of the same size in its place are replaced, and what another name leads to is not")
    func other() async throws {
        try await SandboxFixture.run { fixture in
            try fixture.account.put("/f", "some text")
            let (version, download) = (try await version(fixture, "/f"), Download(client: fixture.client))
            try place.write("SOME TEXT", to: "f")
            #expect(try await download.get(version, to: place("f")))
            #expect(bytes("f") == Array("some text".utf8))
            try place.write("kept", to: "kept")
            try #require(symlink("kept", place("link")) == 0)
            #expect(try await download.get(version, to: place("link")))
            #expect(bytes("kept") == Array("kept".utf8) && bytes("link") == Array("some text".utf8))
        }
    }

    @Test("a part file goes on where it is; one that holds other bytes is begun anew")
    func part() async throws {
        try await SandboxFixture.run { fixture in
            try fixture.account.put("/f", .generated(seed: 1, size: 300_000))
            let version = try await version(fixture, "/f")
            let whole = try fixture.account.content(of: "/f").load()
            let download = Download(client: fixture.client)
            let part = place("f.\(version.rev.text).part")
            try Data(whole[..<100_000]).write(to: URL(filePath: part))
            #expect(try await download.get(version, to: place("f")))
            #expect(bytes("f") == whole)
            #expect(downloads(fixture) == ["bytes=100000-"])
            for size in [100_000, 300_000, 400_000] {
                try Data(repeating: 7, count: size).write(to: URL(filePath: part))
                try FileManager.default.removeItem(atPath: place("f"))
                #expect(try await download.get(version, to: place("f")), "\(size)")
                #expect(bytes("f") == whole, "\(size)")
            }
            #expect(try names() == ["f"])
        }
    }

    @Test("a part file that another process is filling is left to it")
    func held() async throws {
        try await SandboxFixture.run { fixture in
            try fixture.account.put("/f", "some text")
            let version = try await version(fixture, "/f")
            let other = open(place("f.\(version.rev.text).part"), O_RDWR | O_CREAT, 0o600)
            defer { close(other) }
            try #require(flock(other, LOCK_EX | LOCK_NB) == 0)
            let download = Download(client: fixture.client)
            #expect(await code { _ = try await download.get(version, to: place("f")) } == .held)
            #expect(downloads(fixture) == [])
            #expect(bytes("f") == nil)
        }
    }

    @Test("bytes that are never the right ones become no file, and no part file stays")
    func mismatch() async throws {
        try await SandboxFixture.run { fixture in
            try fixture.account.put("/f", "some text")
            let (version, download) = (try await version(fixture, "/f"), Download(client: fixture.client))
            fixture.server.faults.add(Fault(.corrupt(at: []), endpoint: "files/download", times: nil))
            #expect(await code { _ = try await download.get(version, to: place("f")) } == .mismatch)
            #expect(downloads(fixture).count == 2)
            #expect(try names() == [])
            let null = open("/dev/null", O_WRONLY)
            defer { close(null) }
            #expect(await code { try await download.write(version, to: null) } == .mismatch)
        }
    }

    @Test("the longest name has room for a part file beside it, and a folder that is missing is told")
    func longestName() async throws {
        try await SandboxFixture.run { fixture in
            try fixture.account.put("/f", "some text")
            let (version, download) = (try await version(fixture, "/f"), Download(client: fixture.client))
            let name = String(repeating: "ä", count: 127)
            #expect(try await download.get(version, to: place(name)))
            #expect(try FileManager.default.contentsOfDirectory(atPath: place.path) == [name])
            #expect(await code { _ = try await download.get(version, to: place("none/f")) } == .unusable)
        }
    }

    @Test("an open descriptor receives the bytes as they come; one that takes none ends it")
    func output() async throws {
        try await SandboxFixture.run { fixture in
            try fixture.account.put("/f", .generated(seed: 1, size: 300_000))
            let (version, download) = (try await version(fixture, "/f"), Download(client: fixture.client))
            let out = open(place("out"), O_WRONLY | O_CREAT, 0o600)
            defer { close(out) }
            try await download.write(version, to: out)
            #expect(try bytes("out") == fixture.account.content(of: "/f").load())
            let closed = open(place("out"), O_RDONLY)
            defer { close(closed) }
            #expect(await code { try await download.write(version, to: closed) } == .unusable)
        }
    }

    @Test("a folder comes with what can be had of it, and the rest is told")
    func tree() async throws {
        try await SandboxFixture.run { fixture in
            for number in 0..<30 { try fixture.account.put("/T/d\(number % 3)/f\(number)", "text \(number)") }
            try fixture.account.makeFolder("/T/empty")
            try fixture.account.put("/T/\(String(repeating: "ä", count: 128))", "a name of 256 bytes")
            try fixture.account.put("/outside", "outside")
            let tree = try await RemoteTree(fixture.client, "/T", exports: ExportSettings())
            #expect(tree.folders.map(\.text).sorted() == ["d0", "d1", "d2", "empty"])
            #expect(tree.files.count == 30 && tree.unavailable.count == 1)
            let top = place("back")
            for isNew in [true, false] {
                let results = try await Download(client: fixture.client).get(tree, to: top, parallel: 4)
                #expect(results.count == 30)
                for (file, result) in results { #expect(result == .success(isNew ? file.version.size : nil)) }
            }
            #expect(try Tree(directory: top).lines.count == 34)
            #expect(bytes("back/d1/f4") == Array("text 4".utf8))
        }
    }

    @Test("a file of a folder that Dropbox does not give out does not stop the others; a disk that takes none does")
    func partly() async throws {
        try await SandboxFixture.run { fixture in
            for name in ["a", "b", "c"] { try fixture.account.put("/T/\(name)", name) }
            let tree = try await RemoteTree(fixture.client, "/T", exports: ExportSettings())
            let tags = ["path", "restricted_content"]
            fixture.server.faults.add(
                Fault(.error(409, tags: tags, retryAfter: nil), endpoint: "files/download", path: "/t/b", times: nil))
            let download = Download(client: fixture.client)
            let results = try await download.get(tree, to: place("back"), parallel: 2)
            #expect(results.count == 3)
            for (file, result) in results {
                let isRefused = if case .failure(let error) = result { error.code == .refused } else { false }
                #expect(isRefused == (file.path.text == "b"), "\(file.path): \(result)")
            }
            try place.write("a file", to: "file")
            #expect(await code { _ = try await download.get(tree, to: place("file/x"), parallel: 2) } == .unusable)
        }
    }

    @Test("while nobody takes what goes to standard output, other downloads go on and end")
    func slowReader() async throws {
        try await SandboxFixture.run { fixture in
            try fixture.account.put("/large", .generated(seed: 1, size: 20_000_000))
            try fixture.account.put("/small", "some text")
            let (large, small) = (try await version(fixture, "/large"), try await version(fixture, "/small"))
            var ends: [Int32] = [0, 0]
            try #require(pipe(&ends) == 0)
            let (reading, writing) = (ends[0], ends[1])
            let disk = DiskPool(threads: 1)
            async let written: Void = Download(client: fixture.client, disk: disk).write(large, to: writing)
            try await eventually("a full pipe") { fixture.transport.counters.bytesReceived > 500_000 }
            for number in 0..<20 {
                #expect(try await Download(client: fixture.client).get(small, to: place("\(number)")))
            }
            #expect(fixture.transport.counters.bytesReceived < 10_000_000, "memory is bounded")
            let read = try await DiskPool(threads: 1).run {
                var (buffer, total) = ([UInt8](repeating: 0, count: 1 << 16), 0)
                while total < 20_000_000, case let count = Glibc.read(reading, &buffer, buffer.count), count > 0 {
                    total += count
                }
                return total
            }
            try await written
            #expect(read == 20_000_000)
            close(reading)
            close(writing)
        }
    }

    @Test("folders are made in what was named, never through a link or a file below it") func folders() async throws {
        let make = { try NewFile.makeFolders($0, in: place("top"), owner: nil) }
        try make(["a", "b"])
        try make(["a", "b"])
        try FileManager.default.createSymbolicLink(atPath: place("top/a/inside"), withDestinationPath: "b")
        try FileManager.default.createSymbolicLink(atPath: place("top/a/dangling"), withDestinationPath: "nothing")
        try place.write("text", to: "top/a/file")
        for name in ["inside", "dangling", "file"] {
            #expect(await code { try make(["a", name, "c"]) } == .exists, "\(name)")
        }
        #expect(try names() == ["top"])
        #expect(try FileManager.default.contentsOfDirectory(atPath: place("top/a/b")) == [])
        try FileManager.default.createSymbolicLink(atPath: place("named"), withDestinationPath: "top")
        try NewFile.makeFolders(["d"], in: place("named"), owner: nil)
        #expect(FileManager.default.fileExists(atPath: place("top/d")))
    }

    @Test("a new file takes no other's place: not by a download, not by a copy, not if it comes meanwhile")
    func newFile() async throws {
        try await SandboxFixture.run { fixture in
            try fixture.account.put("/f", "some text", clientModified: 1_600_000_000)
            let version = try await version(fixture, "/f")
            let download = Download(client: fixture.client)
            #expect(try await download.restore(version, to: NewFile(place("f"))))
            #expect(try await !download.restore(version, to: NewFile(place("f"))), "it is there, byte for byte")
            try place.write("mine", to: "g")
            let refused = await code { _ = try await download.restore(version, to: NewFile(place("g"))) }
            #expect(refused == .exists && bytes("g") == Array("mine".utf8))
            func copy(_ name: String, _ text: String, isHidden: Bool = false) throws -> Bool {
                try NewFile(place(name), isHidden: isHidden).copy(
                    version, label: version.rev, modified: 1_500_000_000, meter: download.meter
                ) { file in
                    if isHidden { #expect(try names().contains(".dbxsync.\(name).\(version.rev.text).part")) }
                    if name == "late" { try place.write("mine", to: "late") }
                    try writeAll(Array(text.utf8), to: file.number)
                }
            }
            #expect(try copy("copy", "some text"))
            #expect(try copy("hidden", "some text", isHidden: true))
            var status = stat()
            #expect(stat(place("copy"), &status) == 0 && status.st_mtim.tv_sec == 1_500_000_000)
            #expect(await code { _ = try copy("g", "some text") } == .exists)
            #expect(await code { _ = try copy("other", "SOME TEXT") } == .mismatch)
            #expect(await code { _ = try copy("late", "some text") } == .exists)
            #expect(bytes("late") == Array("mine".utf8))
            #expect(try names().filter { !$0.contains(".part") } == ["copy", "f", "g", "hidden", "late"])
            #expect(try !names().contains { $0.hasPrefix("other") })
        }
    }
}
