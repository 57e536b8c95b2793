import Testing

@testable import Uploading

/// How a file is cut, what is known of its pieces, and how many go at a time.
@Suite(.timeLimit(.minutes(10)))
struct PiecesTests {
    private static let mebibyte: Int64 = 1 << 20

    @Test(
        "pieces are multiples of 4 MiB, cover the file, and are not too many",
        arguments: [
            (1, 4, 1), (4 * mebibyte, 4, 1), (4 * mebibyte + 1, 4, 2), (5 << 30, 4, 1280), (128 << 30, 4, 32_768),
            ((128 << 30) + 1, 8, 16_385), (2_199_019_061_248, 64, 32_768),
        ] as [(Int64, Int64, Int)])
    func cut(total: Int64, size: Int64, count: Int) {
        let pieces = Pieces(total: total)
        #expect(pieces.size == size * Self.mebibyte)
        #expect(pieces.count == count)
        #expect(pieces.range(0).lowerBound == 0 && pieces.range(count - 1).upperBound == total)
        for index in [0, count / 2, count - 2] where (0..<count - 1).contains(index) {
            #expect(pieces.range(index).count == Int(pieces.size))
            #expect(pieces.range(index).upperBound == pieces.range(index + 1).lowerBound)
        }
    }

    @Test("a set of pieces is the same in whatever order they come")
    func set() {
        var random = SystemRandomNumberGenerator()
        for _ in 0..<50 {
            let order = Array(0..<20).shuffled(using: &random)
            var set = PieceSet()
            for (position, index) in order.enumerated() {
                #expect(!set.contains(index))
                set.insert(index)
                set.insert(index)
                let present = Set(order[...position])
                #expect((0..<20).allSatisfy { set.contains($0) == present.contains($0) })
                #expect(set == PieceSet(prefix: set.prefix, beyond: set.beyond), "as the journal keeps it")
            }
            #expect(set.prefix == 20 && set.beyond == [])
        }
        #expect(PieceSet(prefix: 2, beyond: [0, 1, 2, 4]) == PieceSet(prefix: 3, beyond: [4]))
    }

    @Test("the width grows with what goes well, and shrinks when something has to be sent again")
    func concurrency() {
        var concurrency = UploadConcurrency(afterInterruption: false)
        #expect(concurrency.count == 4)
        for _ in 0..<8 { concurrency.arrived(bytes: 4 << 20, attempts: 1) }
        #expect(concurrency.count == 5)
        for _ in 0..<1000 { concurrency.arrived(bytes: 4 << 20, attempts: 1) }
        #expect(concurrency.count == 12)
        concurrency.arrived(bytes: 4 << 20, attempts: 2)
        #expect(concurrency.count == 6)
        for _ in 0..<3 { concurrency.arrived(bytes: 4 << 20, attempts: 3) }
        #expect(concurrency.count == 1)
        var careful = UploadConcurrency(afterInterruption: true)
        #expect(careful.count == 1)
        for _ in 0..<63 { careful.arrived(bytes: 4 << 20, attempts: 1) }
        #expect(careful.count == 1)
        careful.arrived(bytes: 4 << 20, attempts: 1)
        #expect(careful.count == 2)
    }

    @Test("the names that are given instead of one that is taken")
    func renamed() {
        #expect(Renamed.names(for: "/a.b/c.txt").prefix(2) == ["/a.b/c (1).txt", "/a.b/c (2).txt"])
        #expect(Renamed.names(for: "/a.b/c").first == "/a.b/c (1)")
        #expect(Renamed.names(for: "/a/.c").first == "/a/.c (1)")
    }
}
