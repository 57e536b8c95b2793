import SyncModel
import TestSupport
import Testing

/// The rules of `list_folder`: entries are applied in order, a file replaces a folder with all that is in it, a
/// deletion takes the subtree.
@Suite(.timeLimit(.minutes(5)))
struct PageFoldTests {
    /// A want that executes edits the plainest way.
    private struct Want {
        var nodes: [RemoteKey: RemoteNode] = [:]

        mutating func execute(_ edits: [TreeEdit]) {
            for edit in edits {
                switch edit {
                case .put(let key, let node, let parents):
                    for (folder, name) in zip(key.ancestors.reversed(), parents) where nodes[folder] == nil {
                        nodes[folder] = .folder(name: name)
                    }
                    nodes[key] = node
                case .removeChildren(let key): nodes = nodes.filter { !key.contains($0.key) }
                case .removeSubtree(let key): nodes = nodes.filter { $0.key != key && !key.contains($0.key) }
                }
            }
        }
    }

    private func after(_ pages: [RemoteChange]...) -> [String] {
        var want = Want()
        for page in pages { want.execute(PageFold.edits(for: page)) }
        return want.nodes.map { key, node in
            switch node {
            case .folder(let name): "\(key) \(name)/"
            case .file(let name, let version): "\(key) \(name)=\(version.rev.text)"
            case .export(let name, _), .link(let name, _), .unavailable(let name, _, _): "\(key) \(name)!"
            }
        }.sorted()
    }

    private func put(_ path: String) throws -> RemoteChange { try #require(TreeText(path).changes.first) }

    private func gone(_ path: String) -> RemoteChange { .deleted(RemoteKey("/" + path)) }

    @Test("a file in a folder's place takes all that was in it") func fileReplacesFolder() throws {
        let result = try after([put("a/"), put("a/b/"), put("a/b/x=1"), put("ab=2")], [put("a=3")])
        #expect(result == ["/a a=r3", "/ab ab=r2"])
    }

    @Test("something unavailable in a folder's place takes all that was in it") func unavailableReplacesFolder() throws
    {
        #expect(try after([put("a/"), put("a/x=1")], [put("a!")]) == ["/a a!"])
    }

    @Test("a folder that is listed again keeps what is in it") func folderAgain() throws {
        #expect(try after([put("a/"), put("a/x=1")], [put("A/")]) == ["/a A/", "/a/x x=r1"])
    }

    @Test("the deletion of a folder takes the subtree and nothing beside it") func deletion() throws {
        let result = try after([put("a/"), put("a/b/"), put("a/b/x=1"), put("a.txt=2"), put("a0=3")], [gone("a")])
        #expect(result == ["/a.txt a.txt=r2", "/a0 a0=r3"])
    }

    @Test("one path several times on one page: the last entry counts, in order") func severalTimes() throws {
        #expect(try after([put("a=1"), put("a=2"), gone("a"), put("a=3")]) == ["/a a=r3"])
        #expect(try after([put("a/"), put("a/x=1"), gone("a"), put("a/")]) == ["/a a/"])
        #expect(try after([put("a=1"), gone("a"), gone("a")]) == [])
    }

    @Test("a deletion and what is made anew in its place, on one page and on two") func recreated() throws {
        let first = try [put("a/"), put("a/old=1")]
        let second = [gone("a")]
        let third = try [put("a/"), put("a/new=2")]
        #expect(after(first + second + third) == ["/a a/", "/a/new new=r2"])
        #expect(after(first, second, third) == after(first + second + third))
    }

    @Test("children before their folder: the folder's own entry gives the name") func childrenFirst() throws {
        #expect(try after([put("a/b/x=1"), put("A/B/"), put("A/")]) == ["/a A/", "/a/b B/", "/a/b/x x=r1"])
    }

    @Test("a file below what was a file makes it a folder again") func fileBelowFile() throws {
        #expect(try after([put("a=1")], [gone("a"), put("a/x=2")]) == ["/a a/", "/a/x x=r2"])
    }

    @Test("the edits of a page, one by one") func edits() throws {
        let page = try [put("a/"), put("b=1"), gone("c")]
        let parents: [FileName] = []
        let b = try #require(TreeText("b=1").entries.first).node
        #expect(
            PageFold.edits(for: page) == [
                .put(RemoteKey("/a"), .folder(name: FileName("a")), parents: parents),
                .removeChildren(RemoteKey("/b")), .put(RemoteKey("/b"), b, parents: parents),
                .removeSubtree(RemoteKey("/c")),
            ])
    }

    @Test("a name with a NUL byte becomes something that cannot be mirrored, under a key that can be kept")
    func nulByte() throws {
        let version = try #require(TreeText("x=1").entries.first).node
        guard case .file(_, let file) = version else { return }
        let page: [RemoteChange] = [
            .put(RemoteKey("/a"), .file(name: FileName("a"), file), parents: []),
            .put(RemoteKey("/a\0b"), .file(name: FileName("A\0b"), file), parents: []),
            .put(RemoteKey("/a\0b/c"), .file(name: FileName("c"), file), parents: [FileName("A\0b")]),
        ]
        #expect(after(page) == ["/a a=r1", "/a\u{2400}b A\u{2400}b!"])
        #expect(after(page, [.deleted(RemoteKey("/a\0b"))]) == ["/a a=r1"])
        #expect(after(page, [.deleted(RemoteKey("/a\0b/c"))]) == ["/a a=r1", "/a\u{2400}b A\u{2400}b!"])
    }
}
