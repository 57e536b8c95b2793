internal import Glibc

/// The bytes of one revision, kept in the cheapest form that can deliver any part of them.
public enum Content: Hashable, Sendable {
    /// Bytes in memory.
    case bytes([UInt8])
    /// A pseudo-random stream that follows from its seed: costs no memory, whatever its size.
    case generated(seed: UInt64, size: Int64)
    /// A file of this machine, read when it is asked for.
    case localFile(String)
    /// A file without a name, which an upload session has filled.
    case spooled(SpoolFile)

    /// The content of a text.
    public static func text(_ text: String) -> Content { .bytes(Array(text.utf8)) }

    /// How many bytes there are; `nil` when the local file cannot be read.
    public var size: Int64? {
        switch self {
        case .bytes(let bytes): return Int64(bytes.count)
        case .generated(_, let size): return size
        case .localFile(let path):
            var info = stat()
            return stat(path, &info) == 0 ? Int64(info.st_size) : nil
        case .spooled(let file): return file.size
        }
    }

    /// Writes the bytes from `offset` on into `buffer` and says how many there were.
    func read(at offset: Int64, into buffer: UnsafeMutableRawBufferPointer) -> Int {
        switch self {
        case .bytes(let bytes):
            let start = min(Int(offset), bytes.count)
            let count = min(buffer.count, bytes.count - start)
            bytes.withUnsafeBytes {
                buffer.copyMemory(from: UnsafeRawBufferPointer(rebasing: $0[start..<start + count]))
            }
            return count
        case .generated(let seed, let size):
            let count = Int(max(0, min(Int64(buffer.count), size - offset)))
            Noise.fill(UnsafeMutableRawBufferPointer(rebasing: buffer[..<count]), seed: seed, offset: offset)
            return count
        case .localFile(let path):
            let file = open(path, O_RDONLY | O_CLOEXEC)
            guard file >= 0 else { return 0 }
            defer { close(file) }
            return max(0, pread(file, buffer.baseAddress, buffer.count, off_t(offset)))
        case .spooled(let file): return file.read(at: offset, into: buffer)
        }
    }

    /// Calls `body` with consecutive pieces of the bytes in `range` until it returns false.
    func forEachPiece(of range: Range<Int64>, body: (UnsafeRawBufferPointer) -> Bool) {
        let capacity = Int(min(Int64(1 << 20), max(1, range.upperBound - range.lowerBound)))
        withUnsafeTemporaryAllocation(byteCount: capacity, alignment: 16) { buffer in
            var offset = range.lowerBound
            while offset < range.upperBound {
                let want = Int(min(Int64(capacity), range.upperBound - offset))
                let got = read(at: offset, into: UnsafeMutableRawBufferPointer(rebasing: buffer[..<want]))
                guard got > 0, body(UnsafeRawBufferPointer(rebasing: buffer[..<got])) else { return }
                offset += Int64(got)
            }
        }
    }

    /// The `content_hash`, read from start to end.
    func computeHash() -> Digest {
        let stream = ContentHashStream()
        forEachPiece(of: 0..<(size ?? 0)) {
            stream.update($0)
            return true
        }
        return stream.finish()
    }

    /// All bytes in memory.
    public func load() -> [UInt8] {
        if case .bytes(let bytes) = self { return bytes }
        var bytes: [UInt8] = []
        bytes.reserveCapacity(Int(size ?? 0))
        forEachPiece(of: 0..<(size ?? 0)) {
            bytes.append(contentsOf: $0)
            return true
        }
        return bytes
    }
}

/// Pseudo-random bytes by memory copy: one fixed block of noise, entered at a place that depends on seed and position,
/// with a stamp in each 64 KiB that makes different seeds differ.
enum Noise {
    private static let period = 1 << 20
    private static let stampEvery: Int64 = 1 << 16

    /// The noise twice in a row, so that no copy of up to `period` bytes has to wrap.
    private static let block: [UInt8] = {
        var random = SplitMix(state: 0x5EED)
        let half = (0..<period / 8).flatMap { _ in withUnsafeBytes(of: random.next().littleEndian) { Array($0) } }
        return half + half
    }()

    static func fill(_ buffer: UnsafeMutableRawBufferPointer, seed: UInt64, offset: Int64) {
        var written = 0
        block.withUnsafeBytes { noise in
            while written < buffer.count {
                let position = offset + Int64(written)
                let index = position / stampEvery
                let within = Int(position % stampEvery)
                let take = min(buffer.count - written, Int(stampEvery) - within)
                var mix = SplitMix(state: seed &+ UInt64(index) &* 0x9E37_79B9_7F4A_7C15)
                let stamp = (mix.next(), mix.next())
                let start = (Int(stamp.0 % UInt64(period - Int(stampEvery))) + within)
                let target = UnsafeMutableRawBufferPointer(rebasing: buffer[written..<written + take])
                target.copyMemory(from: UnsafeRawBufferPointer(rebasing: noise[start..<start + take]))
                if within < 16 { put(stamp, at: within, into: target) }
                written += take
            }
        }
    }

    private static func put(_ stamp: (UInt64, UInt64), at within: Int, into target: UnsafeMutableRawBufferPointer) {
        withUnsafeBytes(of: stamp) { bytes in
            for index in within..<min(16, within + target.count) { target[index - within] = bytes[index] }
        }
    }
}

/// A small generator whose whole future follows from its state.
struct SplitMix: RandomNumberGenerator {
    var state: UInt64

    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var mixed = state
        mixed = (mixed ^ (mixed >> 30)) &* 0xBF58_476D_1CE4_E5B9
        mixed = (mixed ^ (mixed >> 27)) &* 0x94D0_49BB_1331_11EB
        return mixed ^ (mixed >> 31)
    }
}
