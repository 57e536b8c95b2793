import FileSystem
import Glibc
import Synchronization
import TestSupport
import Testing

@Suite(.timeLimit(.minutes(5)))
struct FileSystemTests {
    let folder: TemporaryFolder

    init() throws { folder = try TemporaryFolder() }

    private func opened(_ path: String) -> Descriptor {
        Descriptor(open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC))
    }

    @Test("a folder's entries come without . and .., also twice from one descriptor")
    func entries() throws {
        for name in ["a", ".hidden", "..."] { write("", folder.path + "/" + name) }
        let open = opened(folder.path)
        for _ in 0..<2 { #expect(try DirectoryEntries(of: open).names().sorted() == ["...", ".hidden", "a"]) }
        #expect(try DirectoryEntries(of: folder.path).names().sorted() == ["...", ".hidden", "a"])
    }

    @Test("an entry has the bytes of its name, whatever they are, and its inode")
    func bytes() throws {
        write("", folder.path + "/a")
        let name: [UInt8] = [0x61, 0xFF, 0x62]
        let path = Array(folder.path.utf8) + [0x2F] + name + [0]
        let number = creat(path.map { CChar(bitPattern: $0) }, 0o600)
        #expect(number >= 0 && close(number) == 0)
        var status = stat()
        #expect(stat(folder.path + "/a", &status) == 0)
        var found: [[UInt8]: UInt64] = [:]
        var texts: Set<String> = []
        try DirectoryEntries(of: folder.path).forEach { entry in
            found[entry.bytes] = entry.inode
            texts.insert(entry.text)
            return true
        }
        #expect(Set(found.keys) == [[0x61], name])
        #expect(found[[0x61]] == UInt64(status.st_ino))
        #expect(texts == ["a", "a\u{FFFD}b"])
    }

    @Test("reading ends when it is told to")
    func ends() throws {
        for number in 0..<10 { write("", "\(folder.path)/\(number)") }
        var count = 0
        try DirectoryEntries(of: folder.path).forEach { _ in
            count += 1
            return count < 3
        }
        #expect(count == 3)
    }

    @Test("what is no folder has no entries")
    func noFolder() {
        write("", folder.path + "/file")
        #expect(throws: SystemError(ENOTDIR)) { _ = try DirectoryEntries(of: folder.path + "/file").names() }
        #expect(throws: SystemError(ENOENT)) { _ = try DirectoryEntries(of: folder.path + "/none").names() }
    }

    @Test("a descriptor is closed when nobody holds it any more")
    func closes() throws {
        let number = opened(folder.path).number
        #expect(fcntl(number, F_GETFD) == -1 || number < 0)
    }

    @Test("a rename that must not replace anything does not")
    func noReplace() throws {
        write("one", folder.path + "/one")
        write("two", folder.path + "/two")
        let open = opened(folder.path)
        #expect(open.renameNoReplace("one", to: open, "two") == -1 && errno == EEXIST)
        #expect(contents(folder.path + "/two") == "two")
        #expect(open.renameNoReplace("one", to: open, "three") == 0)
        #expect(contents(folder.path + "/three") == "one")
    }

    @Test("an error number says itself in the words of strerror(3)", arguments: [0, ENOENT, ENOSPC, 12_345])
    func words(_ number: Int32) {
        #expect("\(SystemError(number))" == String(cString: strerror(number)))
    }

    @Test("a thread runs, and what it was given is released when it ends")
    func thread() async throws {
        final class Held: Sendable {
            let released: @Sendable () -> Void
            init(_ released: @escaping @Sendable () -> Void) { self.released = released }
            deinit { released() }
        }
        let own = UInt(pthread_self())
        let ran = Mutex<UInt?>(nil)
        await withCheckedContinuation { continuation in
            let held = Held { continuation.resume() }
            #expect(throws: Never.self) {
                try startThread {
                    ran.withLock { $0 = UInt(pthread_self()) }
                    withExtendedLifetime(held) {}
                }
            }
        }
        #expect(ran.withLock { $0 } != nil && ran.withLock { $0 } != own)
    }

    @Test("an interrupted call is repeated, a failed one is not")
    func interrupted() {
        var calls = 0
        let result: Int32 = retrying {
            calls += 1
            errno = calls < 3 ? EINTR : EIO
            return -1
        }
        #expect(result == -1 && calls == 3)
    }
}
