import FileSystem
import Glibc
import TestSupport
import Testing

@Suite(.timeLimit(.minutes(5)))
struct ReplaceFileTests {
    let folder: TemporaryFolder

    init() throws { folder = try TemporaryFolder() }

    @Test("a file is replaced with its mode, and no draft is left", arguments: [Durability.none, .contentAndName])
    func replaced(_ durability: Durability) throws {
        let path = folder.path + "/file"
        for text in ["one", "two, which is longer", ""] {
            try replaceFile(
                at: path, with: Array(text.utf8), mode: 0o600, draft: .named(path + ".new"), durability: durability)
            #expect(contents(path) == text)
        }
        #expect(try DirectoryEntries(of: folder.path).names() == ["file"])
        var status = stat()
        #expect(stat(path, &status) == 0 && status.st_mode & 0o777 == 0o600)
    }

    @Test("a draft that a killed run has left is overwritten")
    func leftover() throws {
        let path = folder.path + "/file"
        write("much more than the new content", path + ".new")
        try replaceFile(at: path, with: Array("new".utf8), mode: 0o600, draft: .named(path + ".new"), durability: .none)
        #expect(contents(path) == "new")
    }

    @Test("a draft that must be new is not taken from somebody else")
    func notNew() throws {
        let path = folder.path + "/file"
        write("theirs", path + ".1")
        #expect(throws: ReplaceError(step: .openDraft, cause: SystemError(EEXIST))) {
            try replaceFile(
                at: path, with: [1], mode: 0o600, draft: .new(path + ".1"), durability: .contentAndName)
        }
        #expect(contents(path + ".1") == "theirs")
    }

    @Test("no link is followed for a draft")
    func link() throws {
        let path = folder.path + "/file"
        write("elsewhere", folder.path + "/target")
        #expect(symlink("target", path + ".new") == 0)
        #expect(throws: ReplaceError(step: .openDraft, cause: SystemError(ELOOP))) {
            try replaceFile(at: path, with: [1], mode: 0o600, draft: .named(path + ".new"), durability: .none)
        }
        #expect(contents(folder.path + "/target") == "elsewhere")
    }

    @Test("a pipe in the draft's place is refused, with a reader and without one", arguments: [false, true])
    func pipe(isRead: Bool) throws {
        let path = folder.path + "/file"
        write("old", path)
        #expect(mkfifo(path + ".new", 0o600) == 0)
        let reader = isRead ? open(path + ".new", O_RDONLY | O_NONBLOCK) : -1
        defer { if isRead { close(reader) } }
        #expect(throws: ReplaceError(step: .openDraft, cause: SystemError(ENXIO))) {
            try replaceFile(at: path, with: [1], mode: 0o600, draft: .named(path + ".new"), durability: .none)
        }
        #expect(contents(path) == "old")
    }

    @Test("a failure leaves the old file and no draft, and says the step")
    func failed() throws {
        let path = folder.path + "/file"
        #expect(mkdir(path, 0o700) == 0)
        #expect(throws: ReplaceError(step: .rename, cause: SystemError(EISDIR))) {
            try replaceFile(at: path, with: [1], mode: 0o600, draft: .named(path + ".new"), durability: .none)
        }
        #expect(try DirectoryEntries(of: folder.path).names() == ["file"])
        #expect(throws: ReplaceError(step: .openDraft, cause: SystemError(ENOENT))) {
            let lost = folder.path + "/none/file"
            try replaceFile(at: lost, with: [1], mode: 0o600, draft: .named(lost + ".new"), durability: .none)
        }
    }

    @Test("in an open folder names are enough")
    func inFolder() throws {
        let open = Descriptor(Glibc.open(folder.path, O_RDONLY | O_DIRECTORY | O_CLOEXEC))
        try replaceFile(
            "file", in: open, with: Array("x".utf8), mode: 0o600, draft: .named("file.new"),
            durability: .contentAndName)
        #expect(contents(folder.path + "/file") == "x")
        #expect(try DirectoryEntries(of: open).names() == ["file"])
    }

    @Test("the folder of a path can be made durable, and a lack of one is said")
    func folders() throws {
        try syncFolder(of: folder.path + "/whatever")
        try syncFolder(of: "/whatever")
        try syncFolder(of: "whatever")
        #expect(throws: SystemError(ENOENT)) { try syncFolder(of: folder.path + "/none/whatever") }
    }
}

func write(_ text: String, _ path: String) {
    guard let file = fopen(path, "w") else { return }
    fputs(text, file)
    fclose(file)
}

func contents(_ path: String) -> String? {
    guard let file = fopen(path, "r") else { return nil }
    defer { fclose(file) }
    var bytes = [UInt8](repeating: 0, count: 4_096)
    let count = fread(&bytes, 1, bytes.count, file)
    return String(decoding: bytes[..<count], as: UTF8.self)
}
