public import SyncModel

/// What becomes of a file after Dropbox has confirmed it.
public enum AfterUpload: Hashable, Sendable {
    /// It stays.
    case keep
    /// It is removed.
    case delete
    /// It is moved into a folder: an absolute path, or one below the watched folder.
    case move(String)
}

/// What is watched, and where it goes.
public struct OutboxSettings: Hashable, Sendable {
    /// Absolute path of the watched folder.
    public var directory: String
    /// The folder of the account that receives what lies in it; "" for its top.
    public var remoteFolder: String
    /// What becomes of a file afterwards.
    public var after: AfterUpload
    /// How long a file has to be left alone before it goes up.
    public var settle: Duration
    /// Patterns of what is left alone.
    public var exclude: [SelectionPattern]
    /// Time between full scans, which find what no event has told.
    public var rescan: Duration
    /// Files on their way at once.
    public var concurrency: Int

    /// Makes settings.
    public init(
        directory: String, remoteFolder: String, after: AfterUpload = .keep, settle: Duration = .seconds(2),
        exclude: [SelectionPattern] = [], rescan: Duration = .seconds(600), concurrency: Int = 8
    ) {
        self.directory = directory
        self.remoteFolder = remoteFolder
        self.after = after
        self.settle = settle
        self.exclude = exclude
        self.rescan = rescan
        self.concurrency = concurrency
    }

    /// Whether something is done with a file after Dropbox has confirmed it.
    var finishes: Bool { after != .keep }

    /// Where a file goes that was never uploaded before.
    func remote(_ path: OutboxPath) -> String { "\(remoteFolder)/\(path.text)" }

    /// The folder below the watched one that receives what was uploaded; `nil` if there is none.
    var doneFolder: OutboxPath? {
        guard case .move(let folder) = after else { return nil }
        if !folder.hasPrefix("/") { return OutboxPath(folder.pathComponents.joined(separator: "/")) }
        let (inner, outer) = (folder.pathComponents, directory.pathComponents)
        guard inner.count > outer.count, inner.starts(with: outer) else { return nil }
        return OutboxPath(inner.dropFirst(outer.count).joined(separator: "/"))
    }
}

/// What of the watched folder is left alone.
struct OutboxRules: Sendable {
    /// How names of dbxsync's own begin.
    static let ownPrefix = ".dbxsync"

    private let doneFolder: OutboxPath?
    private var judge: Selection.Judge

    init(_ settings: OutboxSettings) {
        doneFolder = settings.doneFolder
        judge = Selection.Judge(Selection(exclude: settings.exclude))
    }

    /// Whether a path is left alone, and with it what is below it.
    mutating func ignores(_ path: OutboxPath, isFolder: Bool) -> Bool {
        if path.components.contains(where: { $0.hasPrefix(Self.ownPrefix) }) { return true }
        if let doneFolder, doneFolder.contains(path) { return true }
        return judge.match(of: RemoteKey("/" + path.text), isFolder: isFolder) == .outside
    }
}
