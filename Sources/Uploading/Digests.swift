import SyncModel
import Synchronization

/// The digests of a file's blocks, each computed once.
final class Digests: Sendable {
    let file: LocalFile
    let pieces: Pieces
    private let known = Mutex<[Int: [BlockDigest]]>([:])

    init(_ file: LocalFile) {
        self.file = file
        pieces = Pieces(total: file.size)
    }

    /// Those of a piece.
    func of(_ index: Int) throws -> [BlockDigest] {
        if let digests = known.withLock({ $0[index] }) { return digests }
        let digests = try file.digests(of: pieces.range(index))
        known.withLock { $0[index] = digests }
        return digests
    }

    /// The hash of all bytes.
    func whole() throws -> ContentHash { try ContentHash(blocks: (0..<pieces.count).flatMap { try of($0) }) }
}
