import Glibc

/// Starts a detached thread that runs `body`, which is kept until the thread ends.
///
/// - Throws: `SystemError` of pthread_create(3); `body` is released then.
public func startThread(_ body: @escaping @Sendable () -> Void) throws(SystemError) {
    var thread = pthread_t()
    let box = Unmanaged.passRetained(ThreadBody(body))
    let failed = pthread_create(
        &thread, nil,
        { box in
            if let box { Unmanaged<ThreadBody>.fromOpaque(box).takeRetainedValue().run() }
            return nil
        }, box.toOpaque())
    guard failed == 0 else {
        box.release()
        throw SystemError(failed)
    }
    pthread_detach(thread)
}

/// What a thread is given: C hands over one pointer.
private final class ThreadBody: Sendable {
    let run: @Sendable () -> Void

    init(_ run: @escaping @Sendable () -> Void) { self.run = run }
}
