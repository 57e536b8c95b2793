import Foundation
import TestSupport
import Testing

/// A program as a process of its own, with what it writes.
final class Program {
    /// How a process ended and what it wrote.
    struct Ending: CustomStringConvertible {
        /// The exit code, or the negative number of the signal that ended it.
        var code: Int32
        var output: String
        var errors: String

        var description: String { "code \(code)\n\(output)\(errors)" }
    }

    private let process = Process()
    private let folder: TemporaryFolder
    private let output: FileHandle
    private let errors: FileHandle

    /// Starts `name` of the directory that the tests were built into, or the program at an absolute path.
    ///
    /// The environment is `environment` alone: no proxy and no service manager of the machine gets in.
    init(_ name: String, _ arguments: [String], environment: [String: String] = [:], input: String = "") throws {
        folder = try TemporaryFolder()
        for stream in ["output", "errors"] { try folder.write("", to: stream) }
        try folder.write(input, to: "input")
        output = try FileHandle(forWritingTo: URL(filePath: folder("output")))
        errors = try FileHandle(forWritingTo: URL(filePath: folder("errors")))
        process.executableURL = name.hasPrefix("/") ? URL(filePath: name) : try Self.directory().appending(path: name)
        process.arguments = arguments
        process.environment = ["PATH": "/usr/bin:/bin", "TZ": "UTC"].merging(environment) { $1 }
        process.standardInput = try FileHandle(forReadingFrom: URL(filePath: folder("input")))
        process.standardOutput = output
        process.standardError = errors
        try process.run()
    }

    deinit {
        if process.isRunning { kill(process.processIdentifier, SIGKILL) }
    }

    /// Where the programs are: beside the tests.
    private static func directory() throws -> URL {
        let tests = try FileManager.default.destinationOfSymbolicLink(atPath: "/proc/self/exe")
        return URL(filePath: tests).deletingLastPathComponent()
    }

    /// Where a program is that was built with the tests.
    static func path(_ name: String) throws -> String { try directory().appending(path: name).path() }

    var pid: Int32 { process.processIdentifier }
    var isRunning: Bool { process.isRunning }

    /// What it has written to standard output so far.
    var written: String { text("output") }
    /// What it has written to standard error so far.
    var log: String { text("errors") }

    private func text(_ stream: String) -> String {
        (try? String(contentsOfFile: folder(stream), encoding: .utf8)) ?? ""
    }

    func send(_ signal: Int32) { kill(process.processIdentifier, signal) }

    /// Waits for its end.
    func ending(within limit: Duration = .seconds(60)) async throws -> Ending {
        try await eventually("the end of \(process.arguments ?? [])", within: limit, or: log) { !process.isRunning }
        let code = process.terminationReason == .uncaughtSignal ? -process.terminationStatus : process.terminationStatus
        return Ending(code: code, output: written, errors: log)
    }

    /// Ends it at once, as a power failure would.
    func crash() async throws {
        send(SIGKILL)
        _ = try await ending()
    }
}
