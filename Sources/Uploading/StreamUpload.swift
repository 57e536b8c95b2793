public import Dropbox
import Glibc
import SyncModel
import Transport

extension FileUpload {
    /// Uploads what can be read from a descriptor until its end: a pipe, as a rule, which is read once.
    ///
    /// There is nothing to go on with when the process ends before.
    public func put(from descriptor: Int32, as commit: CommitInfo) async throws -> Outcome {
        var stream = Stream(descriptor: descriptor)
        var block = try stream.next()
        // Until it is known that more comes, nothing is sent.
        var head = block
        while !block.isEmpty, head.count <= Self.threshold {
            block = try stream.next()
            head += block
        }
        guard head.count > Self.threshold else { return try await put(head, commit) }
        let session = try await uploader.start(.sequential)
        var size: Int64 = 0
        var digests: [BlockDigest] = []
        block = head
        while !block.isEmpty {
            digests += Self.digests(of: block)
            try await append(block, to: session, at: size)
            size += Int64(block.count)
            block = try stream.next()
        }
        let hash = ContentHash(blocks: digests)
        let done = try await finish(SessionFinish(session, size: size, commit: commit), hash)
        try check(done, hash: hash, size: size)
        return Outcome(file: done, wasThere: false)
    }

    /// Adds bytes that cannot be read again; where the server has a part of them, the rest is sent.
    private func append(_ block: [UInt8], to session: UploadSession, at offset: Int64) async throws {
        var sent = 0
        var failures = 0
        while sent < block.count {
            let rest = Array(block[sent...])
            do {
                let part = UploadPart(.bytes(rest), hash: ContentHash(blocks: Self.digests(of: rest)))
                try await uploader.append(part, to: session, at: offset + Int64(sent))
                sent = block.count
            } catch let error as DropboxError {
                failures += 1
                switch error.uploadRefusal {
                case .incorrectOffset(let correct)
                where failures < 4 && correct >= offset && correct <= offset + Int64(block.count):
                    sent = Int(correct - offset)
                case .contentHashMismatch where failures < 4: continue
                default: throw error
                }
            }
        }
        meter.add(Int64(block.count))
    }

    private static func digests(of bytes: [UInt8]) -> [BlockDigest] {
        bytes.withUnsafeBytes { bytes in
            stride(from: 0, to: bytes.count, by: ContentHasher.blockSize).map { start in
                let end = min(start + ContentHasher.blockSize, bytes.count)
                return BlockDigest(of: UnsafeRawBufferPointer(rebasing: bytes[start..<end]))
            }
        }
    }
}

/// Reads a descriptor in blocks of 4 MiB, the last one shorter.
private struct Stream {
    let descriptor: Int32

    /// The next block; empty at the end.
    mutating func next() throws -> [UInt8] {
        var block = [UInt8](repeating: 0, count: ContentHasher.blockSize)
        var count = 0
        while count < block.count {
            let got = block.withUnsafeMutableBytes { bytes in
                read(descriptor, bytes.baseAddress.map { $0 + count }, bytes.count - count)
            }
            if got == 0 { break }
            if got < 0 && errno != EINTR { throw UploadError(.unreadable, "-", FileReadError(code: errno).description) }
            count += max(0, got)
        }
        return Array(block[..<count])
    }
}
