import Sandbox
import Testing
import ZipStream

/// Archives of the sandbox, read as their bytes come.
@Suite(.timeLimit(.minutes(5)))
struct ZipReaderTests {
    private static let texts = [
        "plain.txt": "plain", "empty": "", "sub/Büro 日記 🎈.txt": "names", "sub/deep/er/x": "deep",
        "signs": "PK\u{7}\u{8}PK\u{3}\u{4}PK\u{1}\u{2}",
    ]

    private static func archive(_ texts: [String: String] = texts) throws -> [UInt8] {
        let account = Account()
        for (path, text) in texts.sorted(by: { $0.key < $1.key }) { try account.put("/Top/\(path)", .text(text)) }
        try account.makeFolder("/Top/nothing in it")
        return try bytes(account.archive(of: "/top").archive)
    }

    private static func bytes(_ archive: ZipArchive) -> [UInt8] {
        var (archive, bytes) = (archive, [UInt8]())
        while case let piece = archive.read(1000), !piece.isEmpty { bytes += piece }
        return bytes
    }

    /// Hands out `bytes` in pieces of `size`.
    private static func reader(_ bytes: [UInt8], pieces size: Int = 100) throws -> ZipReader {
        var rest = bytes[...]
        return try ZipReader {
            let piece = Array(rest.prefix(size))
            rest = rest.dropFirst(size)
            return piece.isEmpty ? nil : piece
        }
    }

    private static func contents(_ reader: ZipReader, atMost limit: Int = 1000) throws -> [String: String?] {
        var found: [String: String?] = [:]
        while let entry = try reader.next() {
            guard entry.isFile else { continue }
            found[entry.path] = .some(try reader.content(atMost: limit).map { String(decoding: $0, as: UTF8.self) })
        }
        return found
    }

    @Test("every file comes out whole, however the bytes come in", arguments: [1, 7, 100, 65_536])
    func whole(pieces: Int) throws {
        let found = try Self.contents(Self.reader(Self.archive(), pieces: pieces))
        let expected = Dictionary(uniqueKeysWithValues: Self.texts.map { ("Top/" + $0.key, Optional($0.value)) })
        #expect(found == expected)
    }

    @Test("folders are told from files")
    func folders() throws {
        let reader = try Self.reader(Self.archive())
        var folders: [String] = []
        while let entry = try reader.next() { if !entry.isFile { folders.append(entry.path) } }
        #expect(folders.sorted() == ["Top/", "Top/nothing in it/", "Top/sub/", "Top/sub/deep/", "Top/sub/deep/er/"])
    }

    @Test("content beyond the limit is not kept, and the next file is read all the same")
    func limit() throws {
        let long = String(repeating: "long", count: 5000)
        let bytes = try Self.archive(["a": "1", "b": long, "c": "2"])
        #expect(try Self.contents(Self.reader(bytes)) == ["Top/a": "1", "Top/b": nil, "Top/c": "2"])
        #expect(try Self.contents(Self.reader(bytes), atMost: long.utf8.count)["Top/b"] == long)
    }

    @Test("what came whole before a cut is there, then an error")
    func cut() throws {
        let bytes = try Self.archive(["a": "first", "b": String(repeating: "second", count: 100)])
        let reader = try Self.reader(Array(bytes.prefix(200)))
        #expect(try reader.next()?.path == "Top/")
        #expect(try reader.next()?.path == "Top/a")
        #expect(try reader.content(atMost: 100) == Array("first".utf8))
        #expect(throws: ZipError.self) {
            while try reader.next() != nil { _ = try reader.content(atMost: 1000) }
        }
    }

    @Test("a flipped bit is never handed out as a whole file")
    func flipped() throws {
        let bytes = try Self.archive(["a": "first", "b": "second", "c": "third"])
        for place in bytes.indices {
            var damaged = bytes
            damaged[place] ^= 0x10
            var found: [String: String?] = [:]
            do { found = try Self.contents(Self.reader(damaged)) } catch is ZipError {}
            let sums = Set(found.values.compactMap(\.self))
            #expect(sums.isSubset(of: ["first", "second", "third", ""]), "bit flipped at \(place)")
        }
    }

    @Test("what is no zip is an error", arguments: ["<html>Welcome!</html>", "PK", ""])
    func noZip(text: String) {
        #expect(throws: ZipError.self) { try Self.contents(Self.reader(Array(text.utf8))) }
    }

    /// Two files, "a" with 1,000 times "x" and "b" with "y", deflated, with sums and sizes behind their bytes.
    @Test("deflated archives are read, too")
    func deflated() throws {
        #expect(
            try Self.contents(Self.reader(deflatedArchive))
                == ["Top/a": String(repeating: "x", count: 1000), "Top/b": "y"])
    }
}
