import FileSystem
import Foundation
import Glibc
import TestSupport
import Testing

/// Texts that stay with files.
@Suite(.timeLimit(.minutes(5)))
struct FileNoteTests {
    @Test("a note is read as it was written, one that is no text is none, and one that is too long is not taken")
    func notes() throws {
        let folder = try TemporaryFolder()
        try folder.write("x", to: "f")
        let file = open(folder("f"), O_RDWR | O_CLOEXEC)
        defer { close(file) }
        #expect(FileNote.of(file) == nil)
        FileNote.set("a\nü", on: file)
        // A file system without such attributes forgets it at once.
        let kept = FileNote.of(file)
        #expect(kept == "a\nü" || kept == nil && errno == ENOTSUP)
        FileNote.set(String(repeating: "x", count: 5000), on: file)
        #expect(FileNote.of(file) == kept)
        #expect(FileNote.of(-1) == nil)
    }
}
