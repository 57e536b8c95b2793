import CLinux
import FileSystem
import Glibc
public import SyncModel
import Synchronization

/// A large file that is received in several segments at a time.
///
/// Its blocks of 4 MiB are hashed each on its own, as the content hash wants them. Beside the part file stands a list of
/// the digests of the blocks that are complete: what an earlier run has left is proven block by block, and whatever a
/// crash or a power cut has taken is fetched again.
public final class BlockFile: Sendable {
    private let folder: Descriptor
    private let file: Descriptor
    private let list: Descriptor
    private let name: String
    private let version: FileVersion
    private let mode: mode_t
    /// The digest of each complete block.
    private let digests: Mutex<[BlockDigest?]>

    /// The size from which on a file is received this way, in bytes.
    public static let leastSize: Int64 = 32 << 20

    private static let blockSize = Int64(ContentHasher.blockSize)

    /// The name of the list beside the part file `part`.
    static func listName(of part: String) -> String { part + ".blocks" }

    /// Opens the part file `name`, going on after what an earlier run has left of the same revision.
    init(name: String, in folder: Descriptor, for version: FileVersion, mode: mode_t) throws(MirrorError) {
        self.folder = folder
        self.name = name
        self.version = version
        self.mode = mode
        file = try Descriptor.open(name, in: folder, flags: O_RDWR | O_CREAT, mode: 0o600)
        let hasList = try folder.observe(Self.listName(of: name)) != .nothing
        list = try Descriptor.open(Self.listName(of: name), in: folder, flags: O_RDWR | O_CREAT, mode: 0o600)
        let blocks = Int(version.size / Self.blockSize + (version.size % Self.blockSize > 0 ? 1 : 0))
        digests = Mutex(Array(repeating: nil, count: blocks))
        if try file.status().st_size > version.size {
            guard ftruncate(file.number, 0) == 0 else { throw .call("truncate", place) }
        }
        let proven = try hasList ? provenBlocks() : blocksInARow()
        digests.withLock { $0 = proven }
        if dbx_reserve(file.number, 0, off_t(version.size)) != 0, errno == ENOSPC || errno == EDQUOT {
            throw .call("reserve \(version.size) bytes for", place)
        }
    }

    private var place: String { MirrorTree.own + "/staging/" + name }

    /// The bytes of block `number`.
    private func range(of number: Int) -> Range<Int64> {
        let start = Int64(number) * Self.blockSize
        return start..<min(start + Self.blockSize, version.size)
    }

    /// The listed digests of those blocks whose bytes have them.
    private func provenBlocks() throws(MirrorError) -> [BlockDigest?] {
        let count = digests.withLock { $0.count }
        let size = BlockDigest.size
        var listed = [UInt8](repeating: 0, count: count * size)
        let got = retrying { pread(list.number, &listed, listed.count, 0) }
        guard got >= 0 else { throw .call("read", place) }
        var proven = [BlockDigest?](repeating: nil, count: count)
        for number in 0..<(got / size) {
            let bytes = Array(listed[(number * size)..<((number + 1) * size)])
            guard bytes.contains(where: { $0 != 0 }), let digest = BlockDigest(bytes: bytes) else { continue }
            if try hash(range(of: number)) == digest { proven[number] = digest }
        }
        return proven
    }

    /// The digests of what was received in one go, or is complete and was not published: all whole blocks of the part.
    ///
    /// The content hash checks them in `finish`.
    private func blocksInARow() throws(MirrorError) -> [BlockDigest?] {
        let present = Int64(try file.status().st_size)
        var found = [BlockDigest?](repeating: nil, count: digests.withLock { $0.count })
        for number in found.indices where range(of: number).upperBound <= present {
            let digest = try hash(range(of: number))
            try note(digest, ofBlock: number)
            found[number] = digest
        }
        return found
    }

    private func hash(_ range: Range<Int64>) throws(MirrorError) -> BlockDigest {
        let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: 1 << 20, alignment: 4096)
        defer { buffer.deallocate() }
        let hasher = SHA256Hasher()
        var offset = range.lowerBound
        while offset < range.upperBound {
            let wanted = min(buffer.count, Int(range.upperBound - offset))
            let got = retrying { pread(file.number, buffer.baseAddress, wanted, off_t(offset)) }
            guard got >= 0 else { throw .call("read", place) }
            if got == 0 { break }
            hasher.update(UnsafeRawBufferPointer(rebasing: buffer[..<got]))
            offset += Int64(got)
        }
        return hasher.finishBlock()
    }

    /// Bytes of blocks that are complete.
    public var present: Int64 {
        version.size - missing(upTo: .max).reduce(0) { $0 + $1.upperBound - $1.lowerBound }
    }

    /// What is still to come, in pieces of whole blocks of at most `limit` bytes, in order.
    public func missing(upTo limit: Int64) -> [Range<Int64>] {
        var pieces: [Range<Int64>] = []
        let isMissing = digests.withLock { $0.map { $0 == nil } }
        for (number, isMissing) in isMissing.enumerated() where isMissing {
            let block = range(of: number)
            if let last = pieces.last, last.upperBound == block.lowerBound, block.upperBound - last.lowerBound <= limit
            {
                pieces[pieces.count - 1] = last.lowerBound..<block.upperBound
            } else {
                pieces.append(block)
            }
        }
        return pieces
    }

    /// Writes bytes at their place.
    ///
    /// - Throws: `MirrorError` if the disk refuses it.
    public func write(_ bytes: UnsafeRawBufferPointer, at offset: Int64) throws(MirrorError) {
        try file.write(bytes, at: offset, of: place)
    }

    /// Notes that all bytes of the block that begins at `offset` are written, and what they hash to.
    ///
    /// - Throws: `MirrorError` if the disk refuses it.
    public func complete(blockAt offset: Int64, digest: BlockDigest) throws(MirrorError) {
        let number = Int(offset / Self.blockSize)
        let block = range(of: number)
        dbx_begin_writeout(file.number, off_t(block.lowerBound), off_t(block.upperBound - block.lowerBound))
        try note(digest, ofBlock: number)
        digests.withLock { $0[number] = digest }
    }

    private func note(_ digest: BlockDigest, ofBlock number: Int) throws(MirrorError) {
        let got = retrying { pwrite(list.number, digest.bytes, BlockDigest.size, off_t(number * BlockDigest.size)) }
        guard got == BlockDigest.size else { throw .call("write", Self.listName(of: place)) }
    }

    /// Checks size and hash, sets time and mode, and makes the bytes durable.
    ///
    /// - Throws: `MirrorError`; on `.mismatch` what was received is thrown away.
    public func finish() throws(MirrorError) -> StagedFile {
        let all = digests.withLock { $0 }
        let hash = ContentHash(blocks: all.compactMap(\.self))
        guard !all.contains(nil), hash == version.hash, try file.status().st_size == version.size else {
            discard()
            throw MirrorError(
                code: .mismatch,
                message: "revision \(version.rev.text) should be \(version.size) bytes with hash "
                    + "\(version.hash.hex.prefix(12))…, received were \(all.count { $0 != nil }) blocks of \(all.count) "
                    + "with hash \(hash.hex.prefix(12))…")
        }
        guard fchmod(file.number, mode) == 0 else { throw .call("set the mode of", place) }
        try setModificationTime(file, time: version.modified, name: name)
        try file.sync()
        unlinkat(folder.number, Self.listName(of: name), 0)
        return StagedFile(
            version: version, fingerprint: Fingerprint(try file.status()), isDurable: true, name: name)
    }

    /// Removes the part file and its list.
    public func discard() {
        unlinkat(folder.number, name, 0)
        unlinkat(folder.number, Self.listName(of: name), 0)
    }
}
