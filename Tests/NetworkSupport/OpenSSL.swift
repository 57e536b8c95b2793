public import Foundation
import TestSupport

/// Certificates and a server, made with the command `openssl` in a folder of its own.
public final class OpenSSL: Sendable {
    private let folder: URL

    /// Makes the folder.
    public init() throws {
        folder = FileManager.default.temporaryDirectory.appendingPathComponent("dbxsync-tls-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    }

    deinit { try? FileManager.default.removeItem(at: folder) }

    /// The path of a file in the folder.
    public func path(_ name: String) -> String { folder.appendingPathComponent(name).path }

    /// Makes `name.pem` and `name.key`, a root of its own.
    public func makeAuthority(_ name: String) throws {
        try run(
            "req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -subj /CN=\(name) -days 30"
                + " -keyout \(name).key -out \(name).pem")
    }

    /// Makes `name.pem` and `name.key` for `host`, signed by `authority`.
    public func makeCertificate(
        _ name: String, of authority: String, host: String, until end: String = "20490101000000Z"
    ) throws {
        let configuration = """
            [ca]
            default_ca=it
            [it]
            database=\(name).db
            new_certs_dir=.
            serial=\(name).serial
            default_md=sha256
            policy=any
            x509_extensions=ext
            [any]
            commonName=supplied
            [ext]
            subjectAltName=IP:\(host)
            """
        try configuration.write(toFile: path("\(name).cnf"), atomically: true, encoding: .utf8)
        try "".write(toFile: path("\(name).db"), atomically: true, encoding: .utf8)
        try String(UInt32.random(in: 0x1000_0000...0x7FFF_FFFF), radix: 16).write(
            toFile: path("\(name).serial"), atomically: true, encoding: .utf8)
        try run(
            "req -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -subj /CN=\(name)"
                + " -keyout \(name).key -out \(name).csr")
        try run(
            "ca -batch -notext -config \(name).cnf -cert \(authority).pem -keyfile \(authority).key"
                + " -startdate 20200101000000Z -enddate \(end) -in \(name).csr -out \(name).pem")
    }

    /// A web server with that certificate.
    public func serve(_ name: String) throws -> Server {
        let process = Process()
        let output = Pipe()
        process.executableURL = URL(fileURLWithPath: "/usr/bin/openssl")
        process.arguments = [
            "s_server", "-accept", "127.0.0.1:0", "-www", "-cert", "\(name).pem", "-key", "\(name).key",
        ]
        process.currentDirectoryURL = folder
        process.standardOutput = output
        process.standardError = FileHandle.nullDevice
        process.standardInput = FileHandle.nullDevice
        try process.run()
        return Server(process, port: try OpenSSL.port(in: output.fileHandleForReading))
    }

    /// A running `openssl s_server`, which ends with this object.
    public final class Server {
        /// Where it listens.
        public let port: Int
        private let process: Process

        init(_ process: Process, port: Int) {
            self.process = process
            self.port = port
        }

        deinit { process.end() }
    }

    /// `s_server` says `ACCEPT 127.0.0.1:PORT` when it listens.
    private static func port(in output: FileHandle) throws -> Int {
        var text = ""
        while true {
            let piece = output.availableData
            if piece.isEmpty { throw CocoaError(.fileReadCorruptFile) }
            text += String(decoding: piece, as: UTF8.self)
            for line in text.split(separator: "\n") where line.hasPrefix("ACCEPT") && text.hasSuffix("\n") {
                if let port = line.split(separator: ":").last.flatMap({ Int($0) }) { return port }
            }
        }
    }

    private func run(_ arguments: String) throws {
        let process = Process()
        process.executableURL = URL(fileURLWithPath: "/usr/bin/openssl")
        process.arguments = arguments.split(separator: " ").map(String.init)
        process.currentDirectoryURL = folder
        process.standardError = FileHandle.nullDevice
        process.standardOutput = FileHandle.nullDevice
        process.standardInput = FileHandle.nullDevice
        try process.run()
        process.waitUntilExit()
        if process.terminationStatus != 0 { throw CommandFailed(command: "openssl \(arguments)") }
    }
}

extension Process {
    /// Ends it, and returns when it has ended.
    ///
    /// SIGKILL: a process that a thread of Dispatch has started blocks the signals that this thread blocks, SIGTERM
    /// among them.
    public func end() {
        guard isRunning else { return }
        kill(processIdentifier, SIGKILL)
        blockUntil { !isRunning }
    }
}

/// A command of the machine that did not do what it had to.
struct CommandFailed: Error, CustomStringConvertible {
    let command: String

    var description: String { "failed: \(command)" }
}
