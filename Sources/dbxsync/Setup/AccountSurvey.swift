import Dropbox
import Engine
import Store
import SyncModel
import Synchronization
import TextFormatting

/// How much is in an account, as far as it was looked at; pure.
struct AccountExtent: Equatable, Sendable {
    /// Files and their bytes.
    struct Amount: Equatable, Sendable {
        var files = 0
        var bytes: Int64 = 0
        /// Online documents that are exported besides: their bytes nobody knows before.
        var documents = 0

        mutating func add(_ size: Int64) {
            files += 1
            bytes = bytes.saturatingSum(size)
        }
    }

    /// Of everything that is mirrored of the listed folder.
    private(set) var total = Amount()
    /// By the folder at its top, under the name that it shows.
    private(set) var folders: [String: Amount] = [:]
    /// The file that takes longest.
    private(set) var largest: FileVersion?
    /// Whether that is all.
    var isComplete = false

    private var names: [String: String] = [:]

    /// Takes a page of the listing.
    mutating func take(_ page: ChangePage, _ selection: Selection) {
        for case .put(let key, let node, let parents) in page.changes {
            let components = key.text.pathComponents
            guard let first = components.first else { continue }
            // Only an entry's own name is sure of its case.
            if components.count == 1, case .folder(let name) = node {
                show(first, to: name.text)
            } else if components.count > 1 {
                let shown = names[first] ?? parents.first?.text ?? first
                names[first] = shown
                if folders[shown] == nil { folders[shown] = Amount() }
            }
            let folder = components.count > 1 ? names[first] : nil
            if case .unavailable(_, .document(let document, _), _) = node, selection.lets(document, at: key) {
                total.documents += 1
                if let folder { folders[folder, default: Amount()].documents += 1 }
            }
            guard case .file(_, let version) = node,
                selection.match(of: key, isFolder: false, size: version.size) == .selected
            else {
                continue
            }
            total.add(version.size)
            if let folder { folders[folder, default: Amount()].add(version.size) }
            if version.size > largest?.size ?? 0 { largest = version }
        }
    }

    private mutating func show(_ key: String, to name: String) {
        if let old = names[key], old != name { folders[name] = folders.removeValue(forKey: old) }
        names[key] = name
        if folders[name] == nil { folders[name] = Amount() }
    }

    /// The same of one of the folders only.
    func part(_ folder: String) -> AccountExtent {
        var part = self
        part.total = folders[folder] ?? Amount()
        return part
    }

    /// An amount in words; "at least" as long as that is not all.
    func text(_ amount: Amount) -> String {
        (isComplete ? "" : "at least ") + "\(HumanText.count(amount.files, "file")), \(HumanText.bytes(amount.bytes))"
            + (amount.documents > 0 ? ", \(HumanText.count(amount.documents, "document")) to export" : "")
    }
}

extension Selection {
    /// Whether a document is exported into the mirror.
    fileprivate func lets(_ document: OnlineDocument, at key: RemoteKey) -> Bool {
        guard let (_, target, file) = exports.file(of: document, at: key), file.linkBytes == nil else { return false }
        return match(of: target, madeOf: key, size: nil) == .selected
    }
}

/// Looks at an account for as long as somebody wants to wait.
struct AccountSurvey: Sendable {
    let client: DropboxClient

    /// Lists a folder with all that is in it.
    ///
    /// - Parameters:
    ///   - folder: "" for everything.
    ///   - limit: how long it may take.
    ///   - line: shows how far it has come.
    /// - Returns: what was seen in time.
    /// - Throws: `DropboxError` if the listing does not even begin.
    func extent(
        of folder: String, _ selection: Selection, within limit: Duration, line: ProgressLine
    ) async throws -> AccountExtent {
        let seen = Mutex(AccountExtent())
        try await Self.withLimit(limit) {
            try await client.list(below: folder) { page in
                let text = seen.withLock { extent in
                    extent.take(page, selection)
                    return extent.text(extent.total)
                }
                line.update("looking at the account: \(text)")
            }
            seen.withLock { $0.isComplete = true }
        }
        line.finish()
        return seen.withLock { $0 }
    }

    /// The names of the folders at the top of the account, sorted, as far as they come in time.
    ///
    /// - Throws: `DropboxError` if the listing does not even begin.
    func topFolders(within limit: Duration) async throws -> [String] {
        let names = Mutex<[String]>([])
        try await Self.withLimit(limit) {
            var part = ListingPart(.root, isRecursive: false)
            while let page = try await client.list(part) {
                names.withLock { names in
                    for case .put(_, .folder(let name), _) in page.changes { names.append(name.text) }
                }
                guard page.hasMore else { break }
                part.cursor = page.cursor
            }
        }
        return names.withLock { $0.sorted() }
    }

    /// Downloads a part of a file, and forgets it.
    ///
    /// - Returns: bytes per second; nil if too little came to tell.
    func rate(of version: FileVersion, within limit: Duration) async -> Double? {
        let sink = ForgetfulSink()
        let start = ContinuousClock.now
        try? await Self.withLimit(limit) { try await client.download(version, into: sink) }  // what came counts
        let seconds = (ContinuousClock.now - start) / .seconds(1)
        let bytes = sink.offset
        return bytes >= 100_000 && seconds > 0.01 ? Double(bytes) / seconds : nil
    }

    /// Ends `work` when its time is over; then it simply has not come any further.
    private static func withLimit(_ limit: Duration, _ work: @escaping @Sendable () async throws -> Void) async throws {
        try await withThrowingTaskGroup(of: Void.self) { race in
            race.addTask { try await work() }
            race.addTask { try await Task.sleep(for: limit) }
            defer { race.cancelAll() }
            try await race.next()
        }
    }
}

/// Counts bytes.
private final class ForgetfulSink: ByteSink {
    private let received = Mutex<Int64>(0)

    var offset: Int64 { received.withLock { $0 } }

    func write(_ bytes: UnsafeRawBufferPointer) throws {
        received.withLock { $0 = $0.saturatingSum(Int64(bytes.count)) }
    }

    func restart() throws { received.withLock { $0 = 0 } }

    var mayBeFull: Bool { false }
}

/// What a first mirror will take; pure.
struct Forecast: Equatable, Sendable {
    var extent: AccountExtent
    /// What stands in the mirror already.
    var standing = Extent()
    /// Bytes that can be written to the mirror's disk; nil if that is not known.
    var free: Int64?
    /// Bytes that stay free.
    var reserve: Int64
    /// Bytes per second of one download; nil if that was not measured.
    var rate: Double?

    /// Bytes that are not there yet.
    var missing: Int64 { max(0, extent.total.bytes.saturatingSum(-standing.bytes)) }

    /// Whether it does not fit, as far as is known.
    var isTooLarge: Bool { free.map { missing > $0.saturatingSum(-reserve) } ?? false }

    /// In words, a line for each.
    var lines: [String] {
        var lines = [extent.text(extent.total)]
        if standing.files > 0 {
            let files = HumanText.count(standing.files, "file")
            lines.append("\(files), \(HumanText.bytes(standing.bytes)), stand in the mirror already")
        }
        if extent.total.documents > 0 { lines.append("what the documents take is known when they are exported") }
        if let free {
            let room = "\(HumanText.bytes(free)) free on the disk, of which \(HumanText.bytes(reserve)) stay free"
            lines.append(isTooLarge ? room + ": not everything will fit; mirror.exclude leaves something out" : room)
        }
        if let rate, rate >= 1, missing > 0 {
            let time = HumanText.duration(.seconds(min(Double(missing) / rate, 1e12)))
            let least = extent.isComplete ? "about" : "at least"
            lines.append("\(least) \(time) at \(HumanText.rate(rate)), which one download has just reached")
        }
        return lines
    }
}
