import Testing

@testable import Sandbox

@Suite(.timeLimit(.minutes(5)))
struct ContentTests {
    private static let zeros = Content.bytes([UInt8](repeating: 0, count: 4 << 20))

    @Test(
        "content_hash is the published one",
        arguments: [
            ("", "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"),
            ("hello", "9595c9df90075148eb06860365df33584b75bff782a510c6cd4883a419833d50"),
            ("hello\n", "ecb65bb98f9d905b70458986c39fcbad7715e5f2fcc3b1f07767d7c83e2438cc"),
        ])
    func hashes(text: String, hash: String) { #expect(contentHash(of: Array(text.utf8)) == hash) }

    @Test(
        "content_hash knows its blocks",
        arguments: [
            (4_194_303, "839e2d868a885f260431d186466f0f3c189ee0eee5cc444b54e717740ad7f1c3"),
            (4_194_304, "c7e946d101855255d919ef0c70718633adf77d3dfb3adeeecf5d0cb4e951be58"),
            (4_194_305, "14a4d47f23a30177885d9820122f17d2d3a55fe63f7f5c27b95f689e0b2accd6"),
            (10_485_760, "cfbbdae2c77066b55ee0bca512cfca2299904017a44f1dc362f4cc4e3924925d"),
        ])
    func blockHashes(size: Int, hash: String) {
        #expect(contentHash(of: [UInt8](repeating: 0, count: size)) == hash)
    }

    @Test("made-up bytes are the same from wherever they are read")
    func generated() {
        let content = Content.generated(seed: 7, size: 300_000)
        let whole = content.load()
        #expect(whole.count == 300_000)
        for (offset, count) in [(0, 1), (5, 20), (65_530, 20), (65_536, 70_000), (299_990, 10)] {
            var part = [UInt8](repeating: 0, count: count)
            let got = part.withUnsafeMutableBytes { content.read(at: Int64(offset), into: $0) }
            #expect(got == count && part == Array(whole[offset..<offset + count]))
        }
    }

    @Test("different seeds give different bytes, however few")
    func seeds() {
        let contents = Set((0..<20_000).map { Content.generated(seed: $0, size: 12).load() })
        #expect(contents.count == 20_000)
    }

    @Test(
        "ranges",
        arguments: [
            ("bytes=0-0", 10, 0..<1), ("bytes=3-", 10, 3..<10), ("bytes=-3", 10, 7..<10), ("bytes=-30", 10, 0..<10),
            ("bytes=9-99", 10, 9..<10),
        ])
    func ranges(text: String, size: Int64, range: Range<Int64>) throws {
        #expect(try #require(ByteRange(text)).within(size) == range)
    }

    @Test("ranges that cannot be satisfied", arguments: [("bytes=10-", 10), ("bytes=0-0", 0), ("bytes=-0", 10)])
    func unsatisfiable(text: String, size: Int64) throws {
        #expect(try #require(ByteRange(text)).within(size) == nil)
    }

    @Test(
        "what is no range",
        arguments: ["", "bytes=", "bytes=-", "bytes=5-3", "bytes=a-b", "items=1-2", "bytes=1-2,4-5"])
    func noRange(text: String) { #expect(ByteRange(text) == nil) }
}

@Suite(.timeLimit(.minutes(5)))
struct JSONTests {
    @Test("what is written is read again, in every style")
    func roundTrip() throws {
        let value: JSON = [
            "text": "a\"\\/\n\t\r\u{1}\u{7F}é日🎈", "list": [1, -2, true, .null, .number(1.5)], "empty": [:], "none": [],
        ]
        for asciiOnly in [false, true] {
            for blanks in [false, true] {
                let style = JSONStyle(asciiOnly: asciiOnly, blanks: blanks)
                #expect(try JSON.parse(value.text(style)) == value)
                #expect(!asciiOnly || value.text(style).utf8.allSatisfy { $0 >= 0x20 && $0 < 0x7F })
            }
        }
        let reversed = value.text(JSONStyle(reversed: true))
        #expect(try JSON.parse(reversed)["list"] == value["list"])
    }

    @Test("escapes outside the basic plane are pairs")
    func surrogates() {
        #expect(JSON.string("🎈\u{7F}").text(JSONStyle(asciiOnly: true)) == #""\ud83c\udf88\u007f""#)
    }

    @Test(
        "text that is not JSON",
        arguments: ["", "{", "[1,]", "{\"a\":}", "tru", "\"\\x\"", "\"\\ud83c\"", "1 2", "\"\n\"", "{a:1}"])
    func refused(text: String) { #expect(throws: JSONSyntaxError.self) { try JSON.parse(text) } }
}
