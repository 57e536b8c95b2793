import FileSystem
import Glibc
import Web

/// One connection, on which one request is read and answered; every wait has an end.
///
/// Blocking: for a thread of its own.
struct WebConnection: Sendable {
    /// How long a request may take to arrive, and how long its answer to be taken.
    static let patience = Duration.seconds(5)
    /// How long is read what nobody asked for, so that the answer is not lost with it (RFC 9112, section 9.6).
    private static let lingering = Duration.milliseconds(500)

    let input: Int32
    let output: Int32

    /// Reads a request.
    ///
    /// - Returns: what was read, or why it is not; nil for who has said nothing, as browsers do that connect ahead.
    func read(within patience: Duration = patience) -> RequestReader.Reading? {
        let end = ContinuousClock.now + patience
        var bytes: [UInt8] = []
        while true {
            guard isReady(input, for: POLLIN, until: end) else {
                return bytes.isEmpty ? nil : .refused(WebRefusal(.requestTimeout, "the request did not arrive in time"))
            }
            var part = [UInt8](repeating: 0, count: RequestReader.mostBytes)
            let count = retrying { Glibc.read(input, &part, part.count) }
            if count <= 0 {
                return bytes.isEmpty ? nil : .refused(WebRefusal(.badRequest, "the request is incomplete"))
            }
            bytes += part[..<count]
            let reading = RequestReader.read(bytes)
            if reading != .incomplete { return reading }
        }
    }

    /// Sends all of an answer, unless its reader is too slow or gone.
    func send(_ bytes: [UInt8], within patience: Duration = patience) {
        let end = ContinuousClock.now + patience
        var rest = bytes[...]
        while !rest.isEmpty {
            let sent = rest.withUnsafeBytes { part in
                retrying {
                    Glibc.send(
                        output, part.baseAddress, part.count, Int32(MSG_NOSIGNAL | MSG_DONTWAIT))
                }
            }
            if sent > 0 {
                rest = rest.dropFirst(sent)
            } else if errno == ENOTSOCK {
                // A pipe, on which somebody tries it by hand. Who does not read it knows of it.
                return (try? writeAll(Array(rest), to: output)) ?? ()
            } else if errno != EAGAIN || !isReady(output, for: POLLOUT, until: end) {
                return
            }
        }
    }

    /// Says that nothing more comes, and reads what is still on its way here.
    func finish() {
        guard shutdown(output, Int32(SHUT_WR)) == 0 else { return }
        let end = ContinuousClock.now + Self.lingering
        var (part, left) = ([UInt8](repeating: 0, count: 4096), 64 << 10)
        while left > 0, isReady(input, for: POLLIN, until: end) {
            let count = retrying { Glibc.read(input, &part, part.count) }
            if count <= 0 { return }
            left -= count
        }
    }
}

/// Does blocking work on a thread of its own.
///
/// - Returns: its result; nil if there is no thread to be had.
func onThread<Result: Sendable>(_ work: @escaping @Sendable () -> Result) async -> Result? {
    await withCheckedContinuation { continuation in
        do throws(SystemError) {
            try startThread { continuation.resume(returning: work()) }
        } catch {
            continuation.resume(returning: nil)
        }
    }
}
