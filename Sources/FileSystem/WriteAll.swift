import Glibc

/// Writes all bytes where the descriptor stands: write(2), again after a signal and after a part.
///
/// - Throws: `SystemError` of write(2); some of the bytes may be written then.
public func writeAll(_ bytes: UnsafeRawBufferPointer, to descriptor: Int32) throws(SystemError) {
    var rest = bytes[...]
    while !rest.isEmpty {
        let part = UnsafeRawBufferPointer(rebasing: rest)
        let count = retrying { write(descriptor, part.baseAddress, part.count) }
        guard count > 0 else { throw SystemError(count < 0 ? errno : EIO) }
        rest = rest.dropFirst(count)
    }
}

/// Writes all bytes where the descriptor stands, as the function of the same name for a buffer does.
///
/// - Throws: `SystemError` of write(2); some of the bytes may be written then.
public func writeAll(_ bytes: [UInt8], to descriptor: Int32) throws(SystemError) {
    // The standard library's own function throws any error.
    let result = bytes.withUnsafeBytes { buffer in
        Result { () throws(SystemError) in try writeAll(buffer, to: descriptor) }
    }
    try result.get()
}
