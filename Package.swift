// swift-tools-version: 6.1
import PackageDescription

/// The Makefile sets this, so that a warning in one of these targets, and only there, stops the build.
let warningsAreErrors = Context.environment["DBXSYNC_WARNINGS"] == "error"

/// Switches that every Swift target of this package is compiled with.
let strict: [SwiftSetting] =
    [
        .swiftLanguageMode(.v6),
        .enableUpcomingFeature("ExistentialAny"),
        .enableUpcomingFeature("InternalImportsByDefault"),
        .enableUpcomingFeature("MemberImportVisibility"),
    ] + (warningsAreErrors ? [.unsafeFlags(["-warnings-as-errors"])] : [])

let argumentParser = Target.Dependency.product(name: "ArgumentParser", package: "swift-argument-parser")
let logging = Target.Dependency.product(name: "Logging", package: "swift-log")
let lifecycle = Target.Dependency.product(name: "ServiceLifecycle", package: "swift-service-lifecycle")
let unixSignals = Target.Dependency.product(name: "UnixSignals", package: "swift-service-lifecycle")
let collections = Target.Dependency.product(name: "DequeModule", package: "swift-collections")
let grdb = Target.Dependency.product(name: "GRDB", package: "GRDB.swift")

/// A Swift library target with the switches above.
func library(_ name: String, _ dependencies: [Target.Dependency]) -> Target {
    .target(name: name, dependencies: dependencies, swiftSettings: strict)
}

/// A test target with the switches above.
func tests(_ name: String, _ dependencies: [Target.Dependency]) -> Target {
    .testTarget(name: name, dependencies: dependencies, swiftSettings: strict)
}

let package = Package(
    name: "dbxsync",
    products: [
        .executable(name: "dbxsync", targets: ["dbxsync"]),
        .executable(name: "dbxsync-sandbox", targets: ["dbxsync-sandbox"]),
    ],
    dependencies: [
        .package(url: "https://github.com/apple/swift-argument-parser", from: "1.8.2"),
        .package(url: "https://github.com/apple/swift-collections", from: "1.3.0"),
        .package(url: "https://github.com/apple/swift-log", from: "1.16.2"),
        .package(url: "https://github.com/swift-server/swift-service-lifecycle", from: "2.13.0"),
        .package(url: "https://github.com/groue/GRDB.swift", from: "7.10.0"),
    ],
    targets: [
        // What Swift cannot import as it is.
        .target(name: "CLinux"),
        .target(name: "CCurl", linkerSettings: [.linkedLibrary("curl")]),
        .target(name: "CToml"),
        .systemLibrary(name: "CSystemd", pkgConfig: "libsystemd", providers: [.apt(["libsystemd-dev"])]),
        .systemLibrary(name: "CArchive", pkgConfig: "libarchive", providers: [.apt(["libarchive-dev"])]),
        .systemLibrary(name: "CCrypto", pkgConfig: "libcrypto", providers: [.apt(["libssl-dev"])]),

        // The product, with what each target imports. `allowed` in LayeringTests.swift and the diagram in
        // docs/architecture.md#targets say the same and change with it.
        library("Concurrency", []),
        library("FileSystem", ["CLinux"]),
        library("SyncModel", ["CCrypto"]),
        library("Transport", ["CCurl", "FileSystem", collections, logging]),
        library("Dropbox", ["SyncModel", "Transport", "FileSystem", logging]),
        library("FileEvents", ["FileSystem"]),
        library("MirrorFS", ["SyncModel", "FileSystem", "CLinux", "FileEvents"]),
        library("Store", ["SyncModel", "FileSystem", grdb]),
        library("ZipStream", ["CArchive"]),
        library(
            "Engine",
            [
                "Concurrency", "FileSystem", "SyncModel", "MirrorFS", "FileEvents", "Store", "ZipStream",
                "TextFormatting", collections, logging,
            ]),
        library(
            "Uploading", ["Concurrency", "SyncModel", "Dropbox", "Transport", "FileSystem", collections, logging]),
        library(
            "Outbox",
            [
                "Concurrency", "SyncModel", "Dropbox", "Uploading", "Store", "FileEvents", "FileSystem", "CLinux",
                logging,
            ]),
        library("Downloading", ["Concurrency", "SyncModel", "Dropbox", "FileSystem"]),
        library("AccountChecks", ["SyncModel", "Dropbox", "Store"]),
        library("TextFormatting", []),
        library("Web", ["TextFormatting"]),
        library(
            "Configuration",
            ["SyncModel", "MirrorFS", "Engine", "Outbox", "FileSystem", "TextFormatting", "CToml", logging]),
        .executableTarget(
            name: "dbxsync",
            dependencies: [
                "AccountChecks", "Configuration", "Downloading", "TextFormatting", "Engine", "Outbox", "Uploading",
                "Dropbox", "Transport", "Store", "MirrorFS", "SyncModel", "FileSystem", "Web", "Concurrency", "CLinux",
                "CSystemd", argumentParser, logging, lifecycle, unixSignals,
            ],
            swiftSettings: strict),

        // A local stand-in for the Dropbox API. It imports nothing of the product.
        library("Sandbox", ["CCrypto"]),
        .executableTarget(
            name: "dbxsync-sandbox", dependencies: ["Sandbox", argumentParser], swiftSettings: strict),

        // Tests.
        .target(
            name: "TestSupport",
            dependencies: ["SyncModel", "Sandbox", "Engine", "Store", "MirrorFS", "MutexInSight", logging],
            path: "Tests/Support", swiftSettings: strict),
        .target(
            name: "NetworkSupport", dependencies: ["Dropbox", "Sandbox", "TestSupport", "Transport"],
            path: "Tests/NetworkSupport", swiftSettings: strict),
        .target(name: "MutexInSight", path: "Tests/ThreadSanitizer"),
        tests("FileSystemTests", ["FileSystem", "TestSupport"]),
        tests("SyncModelTests", ["SyncModel", "TestSupport"]),
        .testTarget(
            name: "TransportTests", dependencies: ["Transport", "CCurl", "NetworkSupport", "TestSupport"],
            swiftSettings: strict,
            // SlowLookup.swift stands in for the C library's look-up, and libcurl has to find it.
            linkerSettings: [.unsafeFlags(["-Xlinker", "--export-dynamic-symbol=getaddrinfo"])]),
        tests(
            "DropboxTests",
            [
                "Dropbox", "Engine", "SyncModel", "Transport", "Sandbox", "NetworkSupport", "TestSupport", logging,
            ]),
        tests(
            "UploadingTests",
            [
                "Uploading", "Dropbox", "Engine", "SyncModel", "Transport", "Sandbox", "NetworkSupport", "TestSupport",
                logging,
            ]),
        tests(
            "OutboxTests",
            [
                "Outbox", "Dropbox", "FileEvents", "Uploading", "Store", "SyncModel", "Sandbox", "NetworkSupport",
                "TestSupport", logging,
            ]),
        tests("MirrorFSTests", ["MirrorFS", "SyncModel", "TestSupport"]),
        tests("StoreTests", ["Store", "SyncModel", "TestSupport", grdb]),
        .testTarget(
            name: "EngineTests",
            dependencies: ["Engine", "Store", "MirrorFS", "SyncModel", "Sandbox", "TestSupport", grdb, logging],
            swiftSettings: strict,
            // SyncCalls.swift counts SQLite's calls, too.
            linkerSettings: [
                .unsafeFlags([
                    "-Xlinker", "--export-dynamic-symbol=fsync", "-Xlinker", "--export-dynamic-symbol=fdatasync",
                ])
            ]),
        tests("ZipStreamTests", ["ZipStream", "Sandbox"]),
        tests("SandboxTests", ["Sandbox"]),
        tests(
            "AccountChecksTests",
            ["AccountChecks", "Dropbox", "Store", "SyncModel", "Sandbox", "NetworkSupport", "TestSupport"]),
        tests(
            "DownloadingTests",
            [
                "Downloading", "Dropbox", "Engine", "FileSystem", "SyncModel", "Transport", "Sandbox", "NetworkSupport",
                "TestSupport",
            ]),
        tests("TextFormattingTests", ["TextFormatting"]),
        tests("WebTests", ["Web", "TestSupport"]),
        tests("ConfigurationTests", ["Configuration", "Engine", "MirrorFS", "Outbox", "SyncModel", logging]),
        tests(
            "AppTests",
            [
                "dbxsync", "Configuration", "Dropbox", "Engine", "MirrorFS", "Outbox", "Store", "SyncModel",
                "TestSupport", "Web", logging,
            ]),
        tests("EndToEndTests", ["Sandbox", "Store", "SyncModel", "TestSupport", "NetworkSupport"]),
        tests("LayeringTests", ["TestSupport"]),
    ],
    cxxLanguageStandard: .cxx17
)

// Only for `make fuzz`: libFuzzer brings its own main, and other compilers may not have it.
if Context.environment["DBXSYNC_FUZZING"] != nil {
    package.targets.append(
        .executableTarget(
            name: "fuzz",
            dependencies: [
                "SyncModel", "Dropbox", "Store", "MirrorFS", "Outbox", "ZipStream", "Configuration", "Web", logging,
            ],
            path: "Fuzz",
            exclude: ["corpus"], swiftSettings: strict))
}
