import Foundation

/// TLS in front of a server of this machine that speaks plain HTTP; it ends with this object.
public final class TLSRelay {
    /// Where it listens on 127.0.0.1.
    public let port: Int
    private let process = Process()
    private let life = Pipe()

    /// Passes what comes for the certificate `name` of `openssl` on to the port `target`.
    ///
    /// - Parameter port: where it listens; 0 for any free port.
    public init(_ openssl: OpenSSL, _ name: String, to target: Int, port: Int = 0) throws {
        let output = Pipe()
        process.executableURL = URL(fileURLWithPath: "/usr/bin/python3")
        process.arguments = [
            "-c", Self.program, openssl.path("\(name).pem"), openssl.path("\(name).key"), "\(target)", "\(port)",
        ]
        process.standardInput = life
        process.standardOutput = output
        process.standardError = FileHandle.nullDevice
        try process.run()
        let line = String(decoding: output.fileHandleForReading.availableData, as: UTF8.self)
        guard let port = Int(line.trimmingCharacters(in: .whitespacesAndNewlines)) else {
            process.end()
            throw CommandFailed(command: "a TLS relay in front of port \(target)")
        }
        self.port = port
    }

    deinit { stop() }

    /// Ends it, with all its connections.
    public func stop() {
        process.end()
    }

    /// The base URL.
    public var url: String { "https://127.0.0.1:\(port)" }

    /// It says its port when it listens, and ends when whoever has started it does.
    private static let program = """
        import asyncio, os, ssl, sys, threading

        async def pump(reader, writer):
            try:
                while data := await reader.read(65536):
                    writer.write(data)
                    await writer.drain()
            except OSError:
                pass
            finally:
                writer.close()

        async def serve(reader, writer):
            try:
                far_reader, far_writer = await asyncio.open_connection("127.0.0.1", int(sys.argv[3]))
            except OSError:
                writer.close()
                return
            await asyncio.gather(pump(reader, far_writer), pump(far_reader, writer))

        async def main():
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(sys.argv[1], sys.argv[2])
            server = await asyncio.start_server(serve, "127.0.0.1", int(sys.argv[4]), ssl=context)
            print(server.sockets[0].getsockname()[1], flush=True)
            await server.serve_forever()

        threading.Thread(target=lambda: (sys.stdin.read(), os._exit(0)), daemon=True).start()
        asyncio.run(main())
        """
}
