import Glibc

/// Groups of this system (group(5)).
package enum Groups {
    /// The number of a group that is given by name or number; nil if there is none.
    package static func number(of text: String) -> UInt32? { getgrnam(text)?.pointee.gr_gid ?? UInt32(text) }
}
