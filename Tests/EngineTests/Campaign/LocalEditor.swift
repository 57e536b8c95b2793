import Foundation
import TestSupport

/// Somebody who works in the mirror as if it were theirs.
struct LocalEditor {
    let mirror: String
    var random: SeededRandom
    /// Texts that were written into the mirror and that nobody but dbxsync has touched since.
    private(set) var texts: Set<String> = []
    private var count = 0

    init(mirror: String, random: SeededRandom) {
        self.mirror = mirror
        self.random = random
    }

    private static let names = ["a", "b", "A", "stranger"]

    /// Does something.
    ///
    /// - Returns: what, for the story.
    mutating func edit() -> String {
        switch random.number(0...99) {
        case 0..<30: write(at: anyPlace())
        case 30..<50: onExisting("removes") { $0.remove($1) }
        case 50..<58: onExistingFile("truncates") { $0.write("", into: $1) }
        case 58..<66: onExistingFile("edits, with the size it had,") { $0.editKeepingSize($1) }
        case 66..<74: onExisting("touches") { $0.touch($1) }
        case 74..<86: onExisting("renames") { $0.rename($1) }
        case 86..<91: onExisting("puts a symbolic link in the place of") { $0.replaceByLink($1) }
        case 91..<96: onExisting("puts another kind in the place of") { $0.replaceByOtherKind($1) }
        default: onExisting("changes the mode of") { $0.changeMode($1) }
        }
    }

    /// What a file holds; nil if it is none, a link that leads to one included.
    static func text(at place: String) -> String? {
        guard kind(of: place) == S_IFREG else { return nil }
        return FileManager.default.contents(atPath: place).map { String(decoding: $0, as: UTF8.self) }
    }

    /// What all files at and below a place hold.
    static func texts(below place: String) -> Set<String> {
        let names = (try? FileManager.default.subpathsOfDirectory(atPath: place)) ?? []
        return Set(([place] + names.map { place + "/" + $0 }).compactMap { text(at: $0) })
    }

    // MARK: Places

    private mutating func anyPlace() -> String {
        mirror + "/" + (0..<random.number(1...3)).map { _ in random.pick(Self.names) }.joined(separator: "/")
    }

    private func existing(where isMeant: (String) -> Bool) -> [String] {
        ((try? FileManager.default.subpathsOfDirectory(atPath: mirror)) ?? []).sorted().filter {
            $0 != ".dbxsync" && !$0.hasPrefix(".dbxsync/")
        }.map { mirror + "/" + $0 }.filter(isMeant)
    }

    private mutating func onExisting(
        _ what: String, where isMeant: (String) -> Bool = { _ in true }, _ body: (inout LocalEditor, String) -> Void
    ) -> String {
        let places = existing(where: isMeant)
        if places.isEmpty { return write(at: anyPlace()) }
        let place = random.pick(places)
        body(&self, place)
        return "somebody \(what) \(place.dropFirst(mirror.count))"
    }

    private mutating func onExistingFile(_ what: String, _ body: (inout LocalEditor, String) -> Void) -> String {
        onExisting(what, where: { Self.kind(of: $0) == S_IFREG }, body)
    }

    private static func kind(of place: String) -> mode_t {
        var status = stat()
        return lstat(place, &status) == 0 ? status.st_mode & S_IFMT : 0
    }

    // MARK: Doings; what fails was not done

    private mutating func write(at place: String) -> String {
        count += 1
        let text = "stranger \(count)"
        let before = Self.texts(below: place)
        let folder = (place as NSString).deletingLastPathComponent
        try? FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        guard ![S_IFDIR, S_IFLNK].contains(Self.kind(of: place)),
            FileManager.default.createFile(atPath: place, contents: Data(text.utf8))
        else { return "somebody cannot write \(place.dropFirst(mirror.count))" }
        texts.subtract(before)
        texts.insert(text)
        return "somebody writes \(text) into \(place.dropFirst(mirror.count))"
    }

    private mutating func remove(_ place: String) {
        let before = Self.texts(below: place)
        if (try? FileManager.default.removeItem(atPath: place)) != nil { texts.subtract(before) }
    }

    private mutating func write(_ text: String, into place: String) {
        guard let file = FileHandle(forWritingAtPath: place) else { return }
        texts.subtract(Self.texts(below: place))
        try? file.truncate(atOffset: 0)
        try? file.write(contentsOf: Data(text.utf8))
        try? file.close()
    }

    private mutating func editKeepingSize(_ place: String) {
        let size = FileManager.default.contents(atPath: place)?.count ?? 0
        write(String(repeating: "!", count: size), into: place)
    }

    private mutating func touch(_ place: String) {
        let time = timespec(tv_sec: 1_400_000_000 + random.number(0...9), tv_nsec: 5)
        utimensat(AT_FDCWD, place, [time, time], AT_SYMLINK_NOFOLLOW)
    }

    private mutating func rename(_ place: String) {
        let target = anyPlace()
        let before = Self.texts(below: target)
        if target != place, Glibc.rename(place, target) == 0 { texts.subtract(before) }
    }

    private mutating func replaceByLink(_ place: String) {
        remove(place)
        symlink("nowhere/at/all", place)
    }

    private mutating func replaceByOtherKind(_ place: String) {
        let wasFolder = Self.kind(of: place) == S_IFDIR
        remove(place)
        _ = write(at: wasFolder ? place : place + "/" + random.pick(Self.names))
    }

    private mutating func changeMode(_ place: String) {
        let isFolder = Self.kind(of: place) == S_IFDIR
        guard isFolder || Self.kind(of: place) == S_IFREG else { return }
        chmod(place, random.pick(isFolder ? [0o700, 0o755, 0o2770] : [0o400, 0o600, 0o644, 0o755]))
    }
}
