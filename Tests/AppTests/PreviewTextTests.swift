import Engine
import SyncModel
import Testing

@testable import dbxsync

@Suite(.timeLimit(.minutes(5)))
struct PreviewTextTests {
    private static let version = FileVersion(rev: Rev("r1"), size: 12_345, hash: .empty, modified: .epoch)

    private static func entry(_ path: String) -> LocalEntry {
        LocalEntry(
            key: RemoteKey(written: path), path: MirrorPath(text: path) ?? .root,
            node: .folder(name: FileName("x"), inode: 1))
    }

    private static func placement(_ sources: [ContentSource]) -> PlannedOperation {
        .place(
            Placement(
                key: RemoteKey("/d/a"), path: MirrorPath(text: "/D/A") ?? .root, version: version, replacing: nil,
                sources: sources))
    }

    @Test(
        "paths are written as status does, and words are those of people",
        arguments: [
            (placement([.download]), "/D/A", "place /D/A (12.3 kB) <- download"),
            (
                placement([.move(from: entry("/Old/A")), .download]), "/D/A",
                "place /D/A (12.3 kB) <- move /Old/A or download"
            ),
            (.makeFolder(RemoteKey("/d"), at: MirrorPath(text: "/D") ?? .root), "/D", "make folder /D"),
            (.removeFile(entry("/D/B")), "/D/B", "remove file /D/B"),
            (.relocate(entry("/d"), to: MirrorPath(text: "/D") ?? .root), "/D", "rename /d -> /D"),
            (
                .clear(RemoteKey("/d"), [entry("/D"), entry("/D/x")]), "/D",
                "remove /D, which becomes something else, and all in it"
            ),
            (.park(RemoteKey("/d/c"), reason: "it is odd\u{1B}"), "/D/C", "/D/C: cannot be mirrored: it is odd\\u{1b}"),
        ] as [(PlannedOperation, String, String)])
    func lines(operation: PlannedOperation, path: String, line: String) {
        #expect(PreviewText.line(PlanPreview.Step(operation, path: path)) == line)
    }

    @Test("what may be missing is called accepted") func accepted() {
        let step = PlanPreview.Step(
            .park(RemoteKey("/l"), reason: "a symbolic link to x"), path: "/L", isAccepted: true)
        #expect(PreviewText.line(step) == "/L: accepted: a symbolic link to x")
    }
}
