/// A folder and what is in it as a zip, made while it is read, as servers do that cannot know its length beforehand:
/// stored, names in UTF-8, sums and sizes behind each file's bytes.
///
/// Without ZIP64, so that the directory at its end is of no use for what begins beyond 4 GiB.
public struct ZipArchive: Sendable {
    /// One file or folder.
    struct Member: Sendable {
        /// The path from the top folder on; that of a folder ends with a slash.
        var path: String
        /// `nil` for a folder.
        var content: Content?
        var size: Int64
        /// Seconds since 1970.
        var modified: Int64
    }

    private var members: ArraySlice<Member>
    /// How many bytes there are in all.
    private(set) var size: Int64
    private var position: Int64 = 0
    /// Bytes that are made and not yet read.
    private var waiting: ArraySlice<UInt8> = []
    /// The file whose bytes are being read.
    private var open: (member: Member, offset: Int64, start: Int64, sum: CRC32)?
    /// What stands at the end: one header for each member.
    private var directory: [UInt8] = []
    private var count: UInt16 = 0

    init(_ members: [Member]) {
        self.members = members[...]
        size = members.reduce(22) { sum, member in
            let headers = Int64(30 + 46 + 2 * member.path.utf8.count)
            return sum + headers + (member.content == nil ? 0 : member.size + 16)
        }
    }

    /// Makes it end after `size` bytes.
    mutating func shorten(to size: Int64) { self.size = min(size, self.size) }

    /// The next `count` bytes; fewer only at its end.
    public mutating func read(_ count: Int) -> [UInt8] {
        let count = Int(min(Int64(count), size - position))
        var bytes: [UInt8] = []
        bytes.reserveCapacity(count)
        while bytes.count < count {
            if waiting.isEmpty { makeMore(count - bytes.count, at: position + Int64(bytes.count)) }
            let part = waiting.prefix(count - bytes.count)
            bytes += part
            waiting = waiting.dropFirst(part.count)
        }
        position += Int64(count)
        return bytes
    }

    /// Makes the next piece, which begins at `place`: a header, some bytes of a file, or what comes after them.
    private mutating func makeMore(_ most: Int, at place: Int64) {
        if open != nil { return makeContent(most) }
        guard let member = members.popFirst() else { return waiting = endOfDirectory(at: place)[...] }
        waiting = ZipHeader(member, sum: 0, isKnown: false).local[...]
        if member.content == nil { return list(member, sum: 0, start: place) }
        open = (member, 0, place, CRC32())
    }

    private mutating func makeContent(_ most: Int) {
        guard var file = open, let content = file.member.content else { return }
        let want = Int(min(Int64(most), file.member.size - file.offset))
        guard want > 0 else {
            open = nil
            waiting = ZipHeader(file.member, sum: file.sum.value, isKnown: true).descriptor[...]
            return list(file.member, sum: file.sum.value, start: file.start)
        }
        // A local file that shrank meanwhile goes on in zeros.
        var piece = [UInt8](repeating: 0, count: want)
        _ = piece.withUnsafeMutableBytes { content.read(at: file.offset, into: $0) }
        piece.withUnsafeBytes { file.sum.update($0) }
        file.offset += Int64(want)
        open = file
        waiting = piece[...]
    }

    private mutating func list(_ member: Member, sum: UInt32, start: Int64) {
        directory += ZipHeader(member, sum: sum, isKnown: true).central(start: start)
        count &+= 1
    }

    private func endOfDirectory(at place: Int64) -> [UInt8] {
        var end = directory
        end.put(0x0605_4B50 as UInt32)
        end.put(0 as UInt32)
        end.put(count)
        end.put(count)
        end.put(UInt32(directory.count))
        end.put(UInt32(truncatingIfNeeded: place))
        end.put(0 as UInt16)
        return end
    }
}

/// What stands in a zip about one member (APPNOTE.TXT, 4.3.7 to 4.3.12).
private struct ZipHeader {
    let member: ZipArchive.Member
    let sum: UInt32
    /// Whether sum and size are known where the header stands.
    let isKnown: Bool

    init(_ member: ZipArchive.Member, sum: UInt32, isKnown: Bool) {
        self.member = member
        self.sum = sum
        self.isKnown = isKnown
    }

    private var isFolder: Bool { member.content == nil }

    /// In front of the bytes.
    var local: [UInt8] {
        var bytes: [UInt8] = []
        bytes.put(0x0403_4B50 as UInt32)
        putShared(into: &bytes)
        bytes += member.path.utf8
        return bytes
    }

    /// Behind the bytes.
    var descriptor: [UInt8] {
        var bytes: [UInt8] = []
        bytes.put(0x0807_4B50 as UInt32)
        putSums(into: &bytes)
        return bytes
    }

    /// In the directory at the end.
    func central(start: Int64) -> [UInt8] {
        var bytes: [UInt8] = []
        bytes.put(0x0201_4B50 as UInt32)
        bytes.put(0x0314 as UInt16)  // made on Unix
        putShared(into: &bytes)
        for _ in 0..<3 { bytes.put(0 as UInt16) }  // comment, disk, kind of text
        bytes.put((isFolder ? 0o040755 : 0o100644) << 16 | (isFolder ? 0x10 : 0) as UInt32)
        bytes.put(UInt32(truncatingIfNeeded: start))
        bytes += member.path.utf8
        return bytes
    }

    private func putShared(into bytes: inout [UInt8]) {
        bytes.put(20 as UInt16)
        bytes.put(1 << 11 | (isFolder ? 0 : 1 << 3) as UInt16)  // the name is UTF-8; a descriptor follows
        bytes.put(0 as UInt16)  // stored
        let (date, time) = Timestamp.dosTime(member.modified)
        bytes.put(time)
        bytes.put(date)
        putSums(into: &bytes)
        bytes.put(UInt16(truncatingIfNeeded: member.path.utf8.count))
        bytes.put(0 as UInt16)
    }

    private func putSums(into bytes: inout [UInt8]) {
        let size = isKnown ? UInt32(truncatingIfNeeded: member.size) : 0
        bytes.put(sum)
        bytes.put(size)
        bytes.put(size)
    }
}

extension [UInt8] {
    /// Appends a number, its lowest byte first.
    fileprivate mutating func put(_ number: some FixedWidthInteger) {
        Swift.withUnsafeBytes(of: number.littleEndian) { append(contentsOf: $0) }
    }
}

/// A running CRC-32 as zip has it.
struct CRC32 {
    private var state: UInt32 = 0xFFFF_FFFF

    private static let table: [UInt32] = (0..<256).map { byte in
        (0..<8).reduce(UInt32(byte)) { value, _ in value & 1 == 0 ? value >> 1 : value >> 1 ^ 0xEDB8_8320 }
    }

    var value: UInt32 { ~state }

    mutating func update(_ bytes: UnsafeRawBufferPointer) {
        var sum = state
        Self.table.withUnsafeBufferPointer { table in
            for byte in bytes { sum = sum >> 8 ^ table[Int((sum ^ UInt32(byte)) & 0xFF)] }
        }
        state = sum
    }
}
