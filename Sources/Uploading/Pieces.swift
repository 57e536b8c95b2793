import SyncModel

/// A file cut into the pieces that the requests of a session carry; pure.
struct Pieces: Hashable, Sendable {
    /// What offsets and sizes in a concurrent session are multiples of, and the blocks of the content hash.
    static let block = Int64(ContentHasher.blockSize)
    /// Pieces grow when there would be more of them.
    static let most: Int64 = 32_768

    /// Bytes of the file.
    let total: Int64
    /// Bytes of every piece but the last one.
    let size: Int64

    /// Cuts a file of `total` bytes, at least one.
    ///
    /// Small pieces cost little when a connection breaks; the largest file of all has pieces of 64 MiB.
    init(total: Int64) {
        self.total = total
        let blocks = (total + Self.block * Self.most - 1) / (Self.block * Self.most)
        size = max(1, blocks) * Self.block
    }

    /// The number of pieces.
    var count: Int { Int((total + size - 1) / size) }

    /// The bytes of a piece.
    func range(_ index: Int) -> Range<Int64> {
        let start = Int64(index) * size
        return start..<min(start + size, total)
    }
}

/// Which pieces the server has; pure.
struct PieceSet: Hashable, Sendable {
    /// All pieces below this.
    private(set) var prefix = 0
    /// Further ones.
    private(set) var beyond: Set<Int> = []

    /// No pieces.
    init() {}

    /// So many from the first on, and further ones.
    init(prefix: Int, beyond: Set<Int>) {
        self.prefix = max(0, prefix)
        self.beyond = beyond.filter { $0 >= prefix }
        close()
    }

    func contains(_ index: Int) -> Bool { index < prefix || beyond.contains(index) }

    mutating func insert(_ index: Int) {
        guard index >= prefix else { return }
        beyond.insert(index)
        close()
    }

    private mutating func close() {
        while beyond.remove(prefix) != nil { prefix += 1 }
    }

    /// Whether there are none.
    var isEmpty: Bool { prefix == 0 && beyond.isEmpty }
}

/// How many pieces are on their way at a time; pure.
///
/// What is on its way is what an interruption costs, so that it grows with what has gone well since the last one.
struct UploadConcurrency: Hashable, Sendable {
    private static let first = 4
    private static let least = 1
    private static let most = 12
    /// Bytes that have to go well for one piece more: many where interruptions are to be expected.
    private let step: Int64

    /// Pieces at a time.
    private(set) var count: Int
    private var good: Int64 = 0

    /// Begins carefully when an upload goes on that was interrupted.
    init(afterInterruption: Bool) {
        count = afterInterruption ? Self.least : Self.first
        step = afterInterruption ? 256 << 20 : 32 << 20
    }

    /// A piece has arrived; `attempts` is how often it was sent.
    mutating func arrived(bytes: Int64, attempts: Int) {
        guard attempts <= 1 else {
            count = max(Self.least, count / 2)
            good = 0
            return
        }
        good += bytes
        guard good >= step, count < Self.most else { return }
        count += 1
        good = 0
    }
}
