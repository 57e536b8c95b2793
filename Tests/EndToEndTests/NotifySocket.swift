import Foundation
import TestSupport
import Testing

/// The service manager's end of sd_notify: a datagram socket with a path.
final class NotifySocket {
    /// What goes into `NOTIFY_SOCKET`.
    let path: String
    private let folder: TemporaryFolder
    private let descriptor: Int32
    private var received: [String] = []

    init() throws {
        folder = try TemporaryFolder()
        path = folder("notify")
        descriptor = socket(AF_UNIX, Int32(SOCK_DGRAM.rawValue), 0)
        var address = sockaddr_un()
        address.sun_family = sa_family_t(AF_UNIX)
        let text = Array(path.utf8)
        try #require(text.count < MemoryLayout.size(ofValue: address.sun_path))
        withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: text) }
        let bound = withUnsafePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                bind(descriptor, $0, socklen_t(MemoryLayout<sockaddr_un>.size))
            }
        }
        try #require(descriptor >= 0 && bound == 0)
    }

    deinit { close(descriptor) }

    /// Every assignment received so far, such as `READY=1`, in order.
    var assignments: [String] {
        var buffer = [UInt8](repeating: 0, count: 8_192)
        while true {
            let count = recv(descriptor, &buffer, buffer.count, Int32(MSG_DONTWAIT))
            guard count > 0 else { return received }
            received += String(decoding: buffer.prefix(count), as: UTF8.self).split(separator: "\n").map(String.init)
        }
    }

    /// Waits until `assignment` was received `times` times.
    func wait(for assignment: String, times: Int = 1, from program: Program) async throws {
        try await eventually("\(assignment) \(times) times", or: "\(assignments)\n\(program.log)") {
            guard program.isRunning else { throw NeverCame(what: assignment, evidence: program.log) }
            return assignments.count { $0 == assignment } >= times
        }
    }
}
