import Dispatch
import Glibc

/// Where the signal handler writes to, and `StopSignal` reads from.
private let ends: (read: Int32, write: Int32) = {
    var files: [Int32] = [-1, -1]
    precondition(pipe(&files) == 0, "no pipe")
    return (files[0], files[1])
}()

/// SIGTERM and SIGINT as something to wait for.
///
/// A handler and a pipe: a `DispatchSourceSignal` misses a signal that the kernel gives to a thread that does not block
/// it, such as the main thread of a program whose `main` is asynchronous.
final class StopSignal {
    private let signals: AsyncStream<Void>
    private let source: any DispatchSourceRead

    /// Takes the signals over from now on.
    init() {
        let (stream, continuation) = AsyncStream.makeStream(of: Void.self)
        signals = stream
        source = DispatchSource.makeReadSource(fileDescriptor: ends.read, queue: .global())
        source.setEventHandler { continuation.finish() }
        source.activate()
        for number in [SIGTERM, SIGINT] {
            signal(number) { _ in
                var byte: UInt8 = 0
                _ = write(ends.write, &byte, 1)
            }
        }
    }

    /// Returns when one of them has come.
    func wait() async { for await _ in signals {} }
}
