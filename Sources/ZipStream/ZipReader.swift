// ZipStream: a zip archive is read while it arrives, by libarchive. What is in it is verified by whoever reads it.

import CArchive

/// Why an archive cannot be read on.
public struct ZipError: Error, CustomStringConvertible {
    /// libarchive's reason.
    public let description: String
}

/// What stands in an archive.
public struct ZipEntry: Hashable, Sendable {
    /// Its path in the archive; empty if it cannot be read.
    public let path: String
    /// Whether it is a regular file.
    public let isFile: Bool
}

/// Reads a zip from its beginning to its end as its bytes come, without a look at the directory at its end.
///
/// Nothing in it is trusted, and nothing of it is put anywhere. One thread at a time.
public final class ZipReader {
    private let archive: OpaquePointer
    private let source: Source
    private let utf8 = carchive_utf8()

    /// Begins an archive.
    ///
    /// - Parameter more: The next bytes, one at least; `nil` when there are no more.
    /// - Throws: `ZipError` if libarchive cannot be set up.
    public init(_ more: @escaping () -> [UInt8]?) throws(ZipError) {
        guard let archive = archive_read_new() else { throw ZipError(description: "out of memory for an archive") }
        self.archive = archive
        source = Source(more)
        archive_read_support_format_zip_streamable(archive)
        let context = Unmanaged.passUnretained(source).toOpaque()
        guard archive_read_open(archive, context, nil, readMore, nil) == ARCHIVE_OK else { throw problem }
    }

    deinit {
        archive_read_free(archive)
        if let utf8 { freelocale(utf8) }
    }

    /// The next entry; `nil` after the last one.
    ///
    /// What has not been read of the one before is passed over.
    public func next() throws(ZipError) -> ZipEntry? {
        var entry: OpaquePointer?
        let result = carchive_next_header(archive, &entry, utf8)
        if result == ARCHIVE_EOF { return nil }
        guard result != ARCHIVE_FATAL, let entry else { throw problem }
        // A name that cannot be converted is a warning.
        let path = archive_entry_pathname(entry).map { String(cString: $0) } ?? ""
        return ZipEntry(path: path, isFile: carchive_is_file(entry) != 0)
    }

    /// The bytes of the entry that `next` has given.
    ///
    /// - Parameter limit: At most so many are kept in memory.
    /// - Returns: All bytes; `nil` if there are more than `limit`, or if they do not have the sum that stands with them.
    public func content(atMost limit: Int) throws(ZipError) -> [UInt8]? {
        var got = 0
        let bytes = [UInt8](unsafeUninitializedCapacity: limit + 1) { buffer, count in
            repeat {
                got = archive_read_data(archive, buffer.baseAddress.map { $0 + count }, limit + 1 - count)
                count += max(0, got)
            } while got > 0 && count <= limit
        }
        if got == Int(ARCHIVE_FATAL) { throw problem }
        return got == 0 ? bytes : nil
    }

    private var problem: ZipError {
        ZipError(description: archive_error_string(archive).map { String(cString: $0) } ?? "no reason given")
    }
}

/// Where libarchive gets its bytes.
private final class Source {
    private let more: () -> [UInt8]?
    /// What libarchive looks at until it asks again.
    private var buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: 1 << 16, alignment: 16)

    init(_ more: @escaping () -> [UInt8]?) { self.more = more }

    deinit { buffer.deallocate() }

    /// The next bytes in a place that stays as it is; none at the end.
    func next() -> UnsafeRawBufferPointer {
        guard let bytes = more() else { return UnsafeRawBufferPointer(start: nil, count: 0) }
        if bytes.count > buffer.count {
            buffer.deallocate()
            buffer = .allocate(byteCount: bytes.count, alignment: 16)
        }
        buffer.copyBytes(from: bytes)
        return UnsafeRawBufferPointer(rebasing: buffer[..<bytes.count])
    }
}

private func readMore(
    archive: OpaquePointer?, context: UnsafeMutableRawPointer?, place: UnsafeMutablePointer<UnsafeRawPointer?>?
) -> Int {
    guard let context else { return 0 }
    let bytes = Unmanaged<Source>.fromOpaque(context).takeUnretainedValue().next()
    place?.pointee = bytes.baseAddress
    return bytes.count
}
