extension String {
    /// The parts between slashes, byte by byte; empty ones are left out.
    ///
    /// As characters, a slash and a combining mark behind it are one, and that is no slash.
    package var pathComponents: [String] {
        utf8.split(separator: UInt8(ascii: "/")).map { String(Substring($0)) }
    }

    /// What stands before the last slash; `nil` if there is no slash.
    package var pathAboveLastSlash: String? {
        utf8.lastIndex(of: UInt8(ascii: "/")).map { String(self[..<$0]) }
    }

    /// Whether both have the same bytes: two normalisations of one text are two texts.
    func hasSameBytes(as other: String) -> Bool {
        let isSame: Bool?? = utf8.withContiguousStorageIfAvailable { bytes in
            other.utf8.withContiguousStorageIfAvailable { bytes.count == $0.count && bytes.elementsEqual($0) }
        }
        return (isSame ?? nil) ?? utf8.elementsEqual(other.utf8)
    }
}
