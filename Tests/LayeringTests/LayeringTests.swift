import Testing

/// Which of our targets and packages each target may import: arrows point one way.
private let allowed: [String: Set<String>] = [
    "Concurrency": [],
    "FileSystem": ["CLinux"],
    "SyncModel": ["CCrypto"],
    "Transport": ["CCurl", "FileSystem", "DequeModule", "Logging"],
    "Dropbox": ["SyncModel", "Transport", "FileSystem", "Logging"],
    "FileEvents": ["FileSystem"],
    "MirrorFS": ["SyncModel", "FileSystem", "CLinux", "FileEvents"],
    "Store": ["SyncModel", "FileSystem", "GRDB", "GRDBSQLite"],
    "ZipStream": ["CArchive"],
    "Engine": [
        "Concurrency", "FileSystem", "SyncModel", "MirrorFS", "FileEvents", "Store", "ZipStream", "TextFormatting",
        "DequeModule", "Logging",
    ],
    "Uploading": ["Concurrency", "SyncModel", "Dropbox", "Transport", "FileSystem", "DequeModule", "Logging"],
    "Outbox": [
        "Concurrency", "SyncModel", "Dropbox", "Uploading", "Store", "FileEvents", "FileSystem", "CLinux", "Logging",
    ],
    "Downloading": ["Concurrency", "SyncModel", "Dropbox", "FileSystem"],
    "AccountChecks": ["SyncModel", "Dropbox", "Store"],
    "TextFormatting": [],
    "Web": ["TextFormatting"],
    "Configuration": [
        "SyncModel", "MirrorFS", "Engine", "Outbox", "FileSystem", "TextFormatting", "CToml", "Logging",
    ],
    "dbxsync": [
        "AccountChecks", "Configuration", "Downloading", "TextFormatting", "Engine", "Outbox", "Uploading", "Dropbox",
        "Transport", "Store", "MirrorFS", "SyncModel", "FileSystem", "Web", "Concurrency", "CLinux", "CSystemd",
        "ArgumentParser", "Logging", "ServiceLifecycle", "UnixSignals",
    ],
    "Sandbox": ["CCrypto"],
    "dbxsync-sandbox": ["Sandbox", "ArgumentParser"],
]

/// What comes with the toolchain.
///
/// Plain Foundation would drag 34 MB of ICU data into the static binary.
private let system: [String: Set<String>] = [
    "SyncModel": [],
    "TextFormatting": [],
    "FileSystem": ["Glibc"],
    "MirrorFS": ["Glibc", "Synchronization"],
    "Sandbox": ["Glibc", "Synchronization", "Foundation", "FoundationEssentials"],
    "dbxsync-sandbox": ["Dispatch", "Glibc", "Synchronization", "FoundationEssentials"],
]
private let systemElsewhere: Set<String> = ["Glibc", "Synchronization", "FoundationEssentials"]

/// The libraries that make up the product.
private let libraries: Set<String> = [
    "SyncModel", "Transport", "Dropbox", "FileEvents", "MirrorFS", "Store", "ZipStream", "Engine", "Uploading",
    "Outbox", "Concurrency", "FileSystem", "TextFormatting", "Configuration", "AccountChecks", "Downloading", "Web",
]

/// Where the account is written to: all else, and so the whole of the mirror, has no way to.
private let uploading: Set<String> = [
    "Dropbox/Endpoints/Uploader.swift", "Dropbox/Endpoints/UploadSessions.swift", "Uploading/FileUpload.swift",
    "Uploading/FinishQueue.swift",
]

/// Files of the product's own, which are renamed and removed outside of the targets whose business that is.
private let ownFiles: Set<String> = [
    "Dropbox/Auth/CredentialsFile.swift", "Store/Schema/DamagedState.swift", "Store/Schema/FileHeader.swift",
    "Store/Schema/TemporaryCopy.swift", "Store/Safety/DecisionBox.swift", "Uploading/SessionJournal.swift",
    "Downloading/PartFile.swift",
    "dbxsync/Services/StatusService.swift", "dbxsync/Services/MetricsService.swift", "dbxsync/Report/LastEnd.swift",
    "dbxsync/Report/DeadWords.swift",
]

/// Calls by which files get other names or contents, or go.
private let changesOfFiles = [
    "rename(", "renameat(", "renameat2(", "unlink(", "unlinkat(", "rmdir(", "mkdirat(", "ftruncate(",
    "dbx_rename_noreplace(", "renameNoReplace(",
].map {
    Forbidden(
        name: $0, targets: libraries.union(["dbxsync"]).subtracting(["FileSystem", "MirrorFS", "Outbox"]),
        except: ownFiles)
}

/// Where a task may outlive its caller: a batch begun is finished, and all callers share one renewal of the token.
private let unstructured: Set<String> = ["Engine/Tools/Shielded.swift", "Dropbox/Auth/TokenSource.swift"]

/// Names that may not occur, and where they may nevertheless.
private struct Forbidden: Sendable {
    let name: String
    let targets: Set<String>
    var except: Set<String> = []
}

private let forbidden: [Forbidden] = [
    Forbidden(name: "FileManager", targets: libraries),
    Forbidden(name: "URLSession", targets: libraries.union(["dbxsync"])),
    Forbidden(name: "ProcessInfo", targets: libraries),
    Forbidden(name: "Process", targets: libraries),
    Forbidden(name: "CommandLine", targets: libraries),
    Forbidden(name: "getenv", targets: libraries),
    Forbidden(name: "DispatchQueue", targets: libraries.union(["dbxsync"])),
    Forbidden(name: "NSLock", targets: libraries.union(["dbxsync"])),
    Forbidden(name: "fatalError", targets: libraries.union(["dbxsync"])),
    Forbidden(name: "try!", targets: libraries.union(["dbxsync"])),
    // Tuples that a task group gives are read from another's memory in optimised builds (Swift 6.3.1).
    Forbidden(name: "TaskGroup(of: (", targets: libraries.union(["dbxsync"])),
    Forbidden(name: "Task {", targets: libraries.union(["dbxsync"]), except: unstructured),
    Forbidden(name: "Task.detached", targets: libraries.union(["dbxsync"]), except: unstructured),
    Forbidden(
        name: "Logger", targets: ["FileSystem", "TextFormatting", "SyncModel", "MirrorFS", "Store", "ZipStream"]),
    Forbidden(name: "print(", targets: libraries),
    Forbidden(name: "async", targets: ["FileSystem", "MirrorFS"]),
    Forbidden(name: "Clock", targets: ["SyncModel"]),
    Forbidden(name: "DropboxUploader", targets: libraries.union(["dbxsync"]), except: uploading),
    Forbidden(name: "FileUpload", targets: libraries.subtracting(["Uploading", "Outbox"])),
]

@Suite(.timeLimit(.minutes(5)))
struct LayeringTests {
    @Test("every target imports only what lies below it")
    func imports() throws {
        for file in try SourceTree.files() {
            let own = try #require(allowed[file.target], "no row for \(file.target)")
            let permitted = own.union(system[file.target] ?? systemElsewhere)
            for (module, line) in file.imports where !permitted.contains(module) {
                Issue.record("Sources/\(file):\(line): \(file.target) must not import \(module)")
            }
        }
    }

    @Test("no target uses what is not its business")
    func names() throws {
        let rules = forbidden + changesOfFiles
        for file in try SourceTree.files() {
            for rule in rules where rule.targets.contains(file.target) && !rule.except.contains(file.path) {
                for line in file.lines(naming: rule.name) {
                    Issue.record("Sources/\(file):\(line): \(file.target) must not use \(rule.name)")
                }
            }
        }
    }

    @Test("the table has a row for every target that has sources, and only for those")
    func complete() throws {
        let targets = Set(try SourceTree.files().map(\.target))
        #expect(targets == Set(allowed.keys))
    }

    @Test("the reader sees imports of every spelling, and nothing in comments and literals")
    func reader() {
        let text = """
            import A
            public import B
            @preconcurrency import struct C.D
            @testable private import E
            // import F
            let text = "import G" // fatalError
            /* import H
            import I */
            let x = "a \\" fatalError b"; fatalError()
            important J
            let task = Task { }
            let tasks = MyTask {
            try! x
            """
        let file = SourceFile(target: "T", path: "T/F.swift", lines: SourceTree.code(of: text))
        #expect(file.imports.map(\.module) == ["A", "B", "C", "E"])
        #expect(file.imports.map(\.line) == [1, 2, 3, 4])
        #expect(file.lines(naming: "fatalError") == [9])
        #expect(file.lines(naming: "Task {") == [11])
        #expect(file.lines(naming: "try!") == [13])
    }
}
