import Foundation
import Glibc

/// One connection to 127.0.0.1 that sends and receives plain bytes.
struct RawClient {
    /// What came back.
    struct Response {
        var status = 0
        var headers: [String: String] = [:]
        var body: [UInt8] = []
        /// How the connection ended: 0 for a close, or the error number.
        var end: Int32 = 0

        var text: String { String(decoding: body, as: UTF8.self) }
    }

    /// Sends `request` over a connection of its own and reads until the server ends that.
    static func exchange(port: UInt16, _ request: String) async -> Response {
        let (bytes, end) = await raw(port: port, Array(request.utf8))
        var response = parse(bytes)
        response.end = end
        return response
    }

    /// The bytes that come back until the end of the connection.
    static func raw(port: UInt16, _ request: [UInt8]) async -> (bytes: [UInt8], end: Int32) {
        // Blocking calls belong on a thread that nobody else waits for.
        await withCheckedContinuation { continuation in
            Thread.detachNewThread { continuation.resume(returning: blocking(port, request)) }
        }
    }

    private static func blocking(_ port: UInt16, _ request: [UInt8]) -> ([UInt8], Int32) {
        let file = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        defer { close(file) }
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_port = port.bigEndian
        address.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
        let isConnected = withUnsafePointer(to: &address) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                connect(file, $0, socklen_t(MemoryLayout<sockaddr_in>.size)) == 0
            }
        }
        guard isConnected else { return ([], errno) }
        var sent = 0
        while sent < request.count {
            let count = request.withUnsafeBytes {
                send(file, $0.baseAddress.map { $0 + sent }, request.count - sent, Int32(MSG_NOSIGNAL))
            }
            guard count > 0 else { return ([], errno) }
            sent += count
        }
        var bytes: [UInt8] = []
        var buffer = [UInt8](repeating: 0, count: 1 << 16)
        while true {
            let count = recv(file, &buffer, buffer.count, 0)
            guard count > 0 else { return (bytes, count < 0 ? errno : 0) }
            bytes += buffer[..<count]
        }
    }

    private static func parse(_ bytes: [UInt8]) -> Response {
        var response = Response()
        let emptyLine = Array("\r\n\r\n".utf8)
        guard let end = bytes.indices.first(where: { bytes[$0...].starts(with: emptyLine) }) else { return response }
        let lines = String(decoding: bytes[..<end], as: UTF8.self).split(separator: "\r\n")
        response.status = lines.first?.split(separator: " ").dropFirst().first.flatMap { Int($0) } ?? 0
        for line in lines.dropFirst() {
            let parts = line.split(separator: ":", maxSplits: 1)
            response.headers[parts[0].lowercased()] = parts.count > 1 ? String(parts[1].dropFirst()) : ""
        }
        response.body = Array(bytes[(end + 4)...])
        return response
    }
}
