import Store
import SyncModel

/// Something to be done with a state file, as the input chooses; no error is expected.
protocol StoreFuzz: FuzzTarget {
    static func play(_ input: Choices) async throws
}

extension StoreFuzz {
    static func run(_ input: [UInt8]) {
        waiting {
            do {
                try await play(Choices(input))
            } catch {
                preconditionFailure("\(error)")
            }
        }
    }
}

/// Pages of changes against the state file, beside a dictionary that knows the three rules of list_folder.
enum FoldFuzz: StoreFuzz {
    static func play(_ input: Choices) async throws {
        var input = input
        let store = try StateStore.scratchCopy(of: "/nonexistent/state.db")
        var model: [RemoteKey: Bool] = [:]
        var listed: Set<RemoteKey>? = []
        var steps = 0
        while !input.isEmpty && steps < 64 {
            steps += 1
            if input.next(below: 16) == 0 {
                try await store.beginRelist()
                listed = []
            }
            let changes = (0..<input.next(below: 6)).map { _ in change(&input) }
            let isLast = input.next(below: 3) > 0
            try await store.record(
                PageFold.edits(for: changes), cursor: Cursor("c\(steps)"), isLast: isLast,
                now: Timestamp(seconds: Int64(steps)))
            for change in changes { apply(change, &model, &listed) }
            if isLast, let mentioned = listed {
                model = model.filter { mentioned.contains($0.key) }
                listed = nil
            }
            let broken = try await store.brokenInvariants()
            precondition(broken.isEmpty, "\(broken)")
            let wanted = try await store.wantedKeys()
            precondition(wanted == Dictionary(uniqueKeysWithValues: model.map { ($0.key, $0.value) }))
        }
    }

    private static func change(_ input: inout Choices) -> RemoteChange {
        let key = RemoteKey(
            (0...input.next(below: 3)).map { _ in "/" + ["a", "b", "a b"][input.next(below: 3)] }.joined())
        let parents = key.ancestors.reversed().map { FileName(String($0.text.split(separator: "/").last ?? "")) }
        let name = FileName(String(key.text.split(separator: "/").last ?? ""))
        switch input.next(below: 4) {
        case 0: return .deleted(key)
        case 1: return .put(key, .folder(name: name), parents: parents)
        default:
            let number = input.next(below: 4)
            let version = FileVersion(
                rev: Rev("r\(number)"), size: Int64(number), hash: ContentHasher().finish(),
                modified: Timestamp(seconds: Int64(number)))
            return .put(key, .file(name: name, version), parents: parents)
        }
    }

    /// Keys, and whether each is a folder.
    private static func apply(
        _ change: RemoteChange, _ model: inout [RemoteKey: Bool], _ listed: inout Set<RemoteKey>?
    ) {
        switch change {
        case .deleted(let key):
            model = model.filter { $0.key != key && !key.contains($0.key) }
        case .put(let key, let node, _):
            for above in key.ancestors {
                model[above] = true
                listed?.insert(above)
            }
            let isFolder = if case .folder = node { true } else { false }
            if !isFolder { model = model.filter { !key.contains($0.key) } }
            model[key] = isFolder
            listed?.insert(key)
        }
    }
}

/// Names and texts of any kind through the state file: they come out as they went in, and nothing traps.
enum RowsFuzz: StoreFuzz {
    static func play(_ input: Choices) async throws {
        var input = input
        let store = try StateStore.scratchCopy(of: "/nonexistent/state.db")
        var names: [RemoteKey: FileName] = [:]
        for number in 0..<8 where !input.isEmpty {
            // A zero byte ends a text in SQLite's own functions, and Dropbox sends none.
            let name = FileName(input.text(most: 40).replacing("\0", with: "").replacing("/", with: ""))
            let key = RemoteKey("/\(number)" + name.text)
            names[key] = name
            let version = FileVersion(
                rev: Rev(input.text(most: 9)), size: Int64(input.next(below: 256)) << input.next(below: 55),
                hash: ContentHasher().finish(), modified: Timestamp(seconds: Int64(input.next(below: 256)) - 128))
            try await store.record(
                [.put(key, .file(name: name, version), parents: [])], cursor: Cursor(input.text(most: 20)),
                isLast: true, now: Timestamp(seconds: 1))
        }
        let items = try await store.additions(after: nil, limit: 100, now: Timestamp(seconds: 1))
        for item in items { precondition(item.want?.name == names[item.key], "another name came back") }
        precondition(items.count == names.count)
        _ = Planner.placing(items, candidates: ReuseIndex())
        let outcomes = items.map { Outcome.failed($0.key, why: input.text(most: 30), retry: nil) }
        try await store.commit(outcomes, now: Timestamp(seconds: 2), jitter: { 0.5 })
        _ = try await store.pathIssues(limit: 100)
        let broken = try await store.brokenInvariants()
        precondition(broken.isEmpty, "\(broken)")
    }
}
