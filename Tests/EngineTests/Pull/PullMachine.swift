import SyncModel
import TestSupport
import Testing

@testable import Engine
@testable import MirrorFS
@testable import Store

/// A `PullState` whose actions are compared as texts; steps are answered from what the machine was given.
struct PullMachine {
    private var state: PullState
    /// Windows that are still to be read, in order.
    var windows: [WindowReader.Window] = []
    /// What changed keys are planned as, in order.
    var changes: [WindowReader.Window] = []
    /// Files at whose targets something stands that may be what is wanted.
    var standing: [String] = []
    /// Keys that are no longer wanted.
    var unwanted: Set<RemoteKey> = []
    /// What was planned.
    private var wanted: [RemoteKey: FileVersion] = [:]
    /// Whether the want is complete.
    var isComplete = true
    /// Whether room can be made for a file, and whether others find some.
    var (hasRoom, hasRoomForOthers) = (true, true)

    init(
        parallel: Int = 2, batch: Int = 4, zips: ZipGrouping? = nil, isListing: Bool = false, changed: [String] = [],
        deleted: [String] = []
    ) {
        var keys = ChangedKeys()
        keys.add(additions: changed.map { RemoteKey($0) })
        let page = ChangePage(changes: deleted.map { .deleted(RemoteKey($0)) }, cursor: Cursor("c"), hasMore: false)
        keys.add(Recorded(), of: page)
        state = PullState(
            limits: PullState.Limits(parallel: parallel, batch: batch, window: 8, zips: zips), isListing: isListing,
            changedKeys: keys, now: 0)
    }

    /// A machine that downloads small files, all of them at a time, and has seen that there are no others.
    static func downloading(
        _ paths: String..., batch: Int = 4, sourceLocation: SourceLocation = #_sourceLocation
    ) -> PullMachine {
        var pull = PullMachine(parallel: paths.count, batch: batch)
        pull.windows = [.files(paths.map { .test($0) })]
        let downloads = paths.map { "download \($0)" }
        let began =
            ["[read window]", "[settle \(paths.joined(separator: " "))]", "read ahead"] + downloads
            + ["tick", "listen in a while"]
        pull.on(.began, began, sourceLocation: sourceLocation)
        let looked = ["[read window after \(paths.last ?? "")]", "[remove deleted]", "[read window]", "[prune]"]
        pull.on(.readAhead(.empty, planGeneration: 0), looked, sourceLocation: sourceLocation)
        return pull
    }

    /// Hands over an event and compares all actions until the next one is waited for.
    mutating func on(_ event: PullEvent, _ expected: String..., sourceLocation: SourceLocation = #_sourceLocation) {
        on(event, expected, sourceLocation: sourceLocation)
    }

    private mutating func on(_ event: PullEvent, _ expected: [String], sourceLocation: SourceLocation) {
        var lines: [String] = []
        var next: PullEvent? = event
        while let event = next, lines.count < 100 {
            next = nil
            for action in state.handle(event) {
                lines.append(action.line)
                if case .step(let step) = action { next = answer(step) }
            }
        }
        #expect(lines == expected, sourceLocation: sourceLocation)
    }

    private mutating func answer(_ step: PullStep) -> PullEvent {
        switch step {
        case .readWindow(_, let mayGrow):
            return .windowRead(windows.isEmpty ? .empty : windows.removeFirst(), mayGrow: mayGrow)
        case .planChanges(let keys, _):
            return .changesPlanned(changes.isEmpty ? .empty : changes.removeFirst(), keys: keys)
        case .settle(let plan, let purpose, _): return settled(plan, purpose)
        case .readExtents(let folders, let grouping):
            return .extentsRead(
                Dictionary(uniqueKeysWithValues: folders.map { ($0, SubtreeExtent(entries: 3, files: 3, bytes: 3)) }),
                grouping)
        case .readWanted(let keys): return .wanted(wanted.filter { !unwanted.contains($0.key) }, among: keys)
        case .confirmPlan(_, let placement): return .planConfirmed(nil, placement)
        case .removeDeleted: return .deletedRemoved(isComplete: isComplete)
        case .readRetries(let known): return .retriesRead([], upTo: known + 1)
        case .makeRoom: return .roomMade(hasRoom)
        case .askForRoom: return .roomForOthers(hasRoomForOthers)
        case .apply, .discardPart, .commit, .prune, .noteReadFailure: return .done
        }
    }

    private mutating func settled(_ plan: WindowReader.Plan, _ purpose: PullStep.Purpose) -> PullEvent {
        let files = plan.placements
        for file in files { wanted[file.key] = file.version }
        let small = files.filter { $0.sources == [.download] && $0.version.size < 1000 }
        let standing = Set(standing.map { RemoteKey($0) }).intersection(files.map(\.key))
        return .settled(
            .init(
                last: plan.last, found: plan.found, placements: files,
                downloadOnly: Set(small.map(\.key)).subtracting(standing), standing: standing), purpose)
    }
}

extension Placement {
    /// A file to download.
    static func test(_ path: String, size: Int64 = 1, sources: [ContentSource] = [.download]) -> Placement {
        Placement(
            key: RemoteKey(path), path: MirrorPath.test(path), version: .test(size: size), replacing: nil,
            sources: sources)
    }

    /// A file of a gibibyte to download.
    static func large(_ path: String) -> Placement { test(path, size: 1 << 30) }

    /// An online document, of which nobody knows what it becomes.
    static func testExport(_ path: String) -> Placement {
        let document = OnlineDocument(
            name: FileName("d"), rev: Rev("r1"), modified: Timestamp(seconds: 0), formats: ExportFormats())
        let file = ExportedFile(document, source: RemoteKey(path), form: .format("markdown", isFallback: false))
        return test(path, size: 0, sources: [.export(file)])
    }

    /// A file that another one is renamed to.
    static func test(_ path: String, movedFrom old: String) -> Placement {
        let print = Fingerprint(inode: 1, size: 1, modifiedNanoseconds: 0)
        let entry = LocalEntry(
            key: RemoteKey(old), path: .test(old), node: .file(name: FileName("x"), .test(size: 1), print))
        return test(path, sources: [.move(from: entry), .download])
    }
}

extension MirrorPath {
    static func test(_ path: String) -> MirrorPath {
        path.split(separator: "/").reduce(.root) { (try? $0.appending(FileName(String($1)))) ?? $0 }
    }
}

extension FileVersion {
    static func test(size: Int64) -> FileVersion {
        FileVersion(
            rev: Rev("r1"), size: size, hash: ContentHash(blocks: []),
            modified: Timestamp(seconds: 0))
    }
}

extension PullEvent {
    static func fetched(_ path: String) -> PullEvent {
        .fetched(RemoteKey(path), .ready(PreparedOperation(.place(.test(path)), content: .staged(.test))))
    }

    /// A batch was hashed: what of it is what is wanted, and what is not.
    static func adopted(_ paths: String..., others: [String] = []) -> PullEvent {
        let print = Fingerprint(inode: 1, size: 1, modifiedNanoseconds: 0)
        let ready = paths.map { PreparedOperation(.place(.test($0)), content: .adopted(print)) }
        return .adopted(.init(ready: ready, others: others.map { .test($0) }), planGeneration: 0)
    }

    static func failed(_ path: String, _ fetched: Fetcher.Fetched) -> PullEvent { .fetched(RemoteKey(path), fetched) }

    static func published(_ paths: String...) -> PullEvent { .published(paths.map { RemoteKey($0) }) }

    /// Changes were recorded.
    static func changed(_ paths: String...) -> PullEvent {
        var keys = ChangedKeys()
        keys.add(additions: paths.map { RemoteKey($0) })
        return .changesRead(keys, .success(5))
    }
}

extension ZipFetcher.StagedArrival {
    /// A file that has come in a zip.
    static func test(_ path: String) -> ZipFetcher.StagedArrival {
        ZipFetcher.StagedArrival(
            placement: .test(path), file: .test, planGeneration: 0)
    }
}

extension StagedFile {
    fileprivate static var test: StagedFile {
        StagedFile(
            version: .test(size: 1), fingerprint: Fingerprint(inode: 1, size: 1, modifiedNanoseconds: 0),
            isDurable: false, name: "part")
    }
}

extension WindowReader.Window {
    /// Files that can be fetched.
    static func files(_ placements: Placement...) -> WindowReader.Window { files(placements) }

    static func files(_ placements: [Placement]) -> WindowReader.Window {
        .planned(
            WindowReader.Plan(
                last: placements.last?.key ?? .root, found: placements.count, placements: placements, others: []))
    }

    /// Something of another kind stands at `path`.
    static func blocked(_ path: String) -> WindowReader.Window {
        .blocked(by: [.clear(RemoteKey(path), [])], found: 1)
    }
}

extension PullAction {
    fileprivate var line: String {
        switch self {
        case .start(let task): task.line
        case .step(let step): step.line
        case .cancel(let key): "cancel \(key)"
        case .resetLineBudget: "reset line budget"
        case .stopTasks: "stop tasks"
        case .finish(let ending): ending.mustListAnew ? "finish: list anew" : "finish"
        case .fail(let error): "fail: \(error)"
        }
    }
}

extension PullTask {
    fileprivate var line: String {
        switch self {
        case .fetch(let placement, let isDownloadOnly): "\(isDownloadOnly ? "download" : "fetch") \(placement.key)"
        case .fetchZip(let group, _): "fetch zip of \(group.folder) (\(group.placements.count))"
        case .adopt(let placements, _): "adopt " + placements.map { "\($0.key)" }.joined(separator: " ")
        case .readAhead: "read ahead"
        case .settleAhead: "settle ahead"
        case .publish(let batch): "publish " + batch.map { "\($0.operation.key)" }.joined(separator: " ")
        case .tick: "tick"
        case .watchListing: "watch listing"
        case .listen(_, let isFirst): isFirst ? "listen in a while" : "listen"
        case .readChanges: "read changes"
        }
    }
}

extension PullStep {
    fileprivate var line: String {
        switch self {
        case .readWindow(let scope, _): "[read window\(scope.position.map { " after \($0)" } ?? "")]"
        case .planChanges(let keys, _): "[plan changes \(Self.list(keys))]"
        case .settle(let plan, _, _): "[settle \(Self.list(plan.placements.map(\.key)))]"
        case .apply(let operations): "[apply \(operations.map(\.description).joined(separator: ", "))]"
        case .readExtents(let folders, _): "[read extents of \(Self.list(folders))]"
        case .readWanted(let keys): "[read wanted \(Self.list(keys.sorted()))]"
        case .confirmPlan(_, let placement): "[confirm \(placement.key)]"
        case .discardPart(let placement): "[discard part of \(placement.key)]"
        case .commit(let outcomes): "[commit \(outcomes.map(\.line).joined(separator: ", "))]"
        case .removeDeleted(let keys): "[remove deleted\(keys.isEmpty ? "" : " \(Self.list(keys))")]"
        case .prune: "[prune]"
        case .readRetries: "[read retries]"
        case .makeRoom(let placement, _): "[make room for \(placement.key)]"
        case .askForRoom: "[ask for room]"
        case .noteReadFailure(let why): "[note: \(why)]"
        }
    }

    private static func list(_ keys: [RemoteKey]) -> String { keys.map { "\($0)" }.joined(separator: " ") }
}

extension Outcome {
    fileprivate var line: String {
        switch self {
        case .have(let key, _): "have \(key)"
        case .parked(let key, _): "parked \(key)"
        case .failed(let key, _, _): "failed \(key)"
        case .delayed(let key, _): "delayed \(key)"
        case .recheck(let key): "recheck \(key)"
        }
    }
}
