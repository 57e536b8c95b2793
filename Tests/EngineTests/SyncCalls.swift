import Foundation
import Glibc
import Synchronization

/// The calls that wait for stable storage, counted by the folder below which they are made.
///
/// They are replaced for the whole test program, also for SQLite; the linker is told so in Package.swift.
enum SyncCalls {
    private static let counts = Mutex<[String: [String: Int]]>([:])

    /// Begins to count below a folder.
    static func watch(_ folder: String) { counts.withLock { $0[folder] = [:] } }

    /// The calls since then, by name.
    static func end(_ folder: String) -> [String: Int] { counts.withLock { $0.removeValue(forKey: folder) } ?? [:] }

    fileprivate static func note(_ call: String, _ descriptor: Int32) {
        counts.withLock { counts in
            guard !counts.isEmpty, let path = Self.path(of: descriptor) else { return }
            for folder in counts.keys where path.hasPrefix(folder) { counts[folder]?[call, default: 0] += 1 }
        }
    }

    private static func path(of descriptor: Int32) -> String? {
        var buffer = [CChar](repeating: 0, count: 4096)
        let count = readlink("/proc/self/fd/\(descriptor)", &buffer, buffer.count)
        return count < 0
            ? nil : String(decoding: buffer.prefix(count).map { UInt8(truncatingIfNeeded: $0) }, as: UTF8.self)
    }

    /// The C library's own.
    fileprivate static func next(_ call: String, _ descriptor: Int32) -> Int32 {
        typealias Function = @convention(c) (Int32) -> Int32
        guard let function = dlsym(UnsafeMutableRawPointer(bitPattern: -1), call) else {
            errno = ENOSYS
            return -1
        }
        note(call, descriptor)
        return unsafeBitCast(function, to: Function.self)(descriptor)
    }
}

/// The C library's, counted.
@_cdecl("fsync")
public func fsyncOfTests(_ descriptor: Int32) -> Int32 { SyncCalls.next("fsync", descriptor) }

/// The C library's, counted.
@_cdecl("fdatasync")
public func fdatasyncOfTests(_ descriptor: Int32) -> Int32 { SyncCalls.next("fdatasync", descriptor) }

/// The C library's, counted.
@_cdecl("syncfs")
public func syncfsOfTests(_ descriptor: Int32) -> Int32 { SyncCalls.next("syncfs", descriptor) }
