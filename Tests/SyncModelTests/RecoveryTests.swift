import SyncModel
import TestSupport
import Testing

/// Every intent against every observation: a crash is settled by looking, never by guessing.
@Suite(.timeLimit(.minutes(5)))
struct RecoveryTests {
    private static let print = Fingerprint(inode: 7, size: 1, modifiedNanoseconds: 5_000_000_000)
    private static let key = RemoteKey("/a")
    private static let name = FileName("a")

    enum After: String, CaseIterable, Sendable {
        case nothing, newFolder, folder, file

        func node() throws -> LocalNode? {
            switch self {
            case .nothing: return nil
            case .newFolder: return .folder(name: RecoveryTests.name, inode: 0)
            case .folder: return .folder(name: RecoveryTests.name, inode: 7)
            case .file:
                guard case .file(_, let version)? = try TreeText("a=1").entries.first?.node else { return nil }
                return .file(name: RecoveryTests.name, version, RecoveryTests.print)
            }
        }
    }

    enum Seen: String, CaseIterable, Sendable {
        case nothing, folder, otherFolder, file, otherFile, editedFile, retimedFile, other

        var observed: Observed {
            var print = RecoveryTests.print
            switch self {
            case .nothing: return .nothing
            case .folder: return .folder(inode: 7)
            case .otherFolder: return .folder(inode: 8)
            case .file: break
            case .otherFile: print.inode = 8
            case .editedFile: print.size = 2
            case .retimedFile: print.modifiedNanoseconds += 1
            case .other: return .other
            }
            return .file(print)
        }
    }

    @Test(
        "what was intended and stands there is recorded, everything else is looked at again",
        arguments: After.allCases, Seen.allCases)
    func settle(after: After, seen: Seen) throws {
        let intent = Intent(key: Self.key, path: try #require(MirrorPath(text: "a")), after: try after.node())
        let expected: Outcome
        switch (after, seen) {
        case (.nothing, .nothing): expected = .have(Self.key, nil)
        case (.newFolder, .folder): expected = .have(Self.key, .folder(name: Self.name, inode: 7))
        case (.newFolder, .otherFolder): expected = .have(Self.key, .folder(name: Self.name, inode: 8))
        case (.folder, .folder), (.file, .file): expected = .have(Self.key, try after.node())
        default: expected = .recheck(Self.key)
        }
        #expect(Recovery.settle(intent, seen.observed) == expected)
    }
}
