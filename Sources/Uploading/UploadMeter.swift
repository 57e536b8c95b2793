import Synchronization
import Transport

/// How many bytes of the uploads that run are out, as far as one can see from here.
public final class UploadMeter: Sendable {
    private let bytes = Atomic<Int64>(0)

    /// Nothing is out.
    public init() {}

    /// Bytes that are out, or are known to be there already.
    public var now: Int64 { bytes.load(ordering: .relaxed) }

    func add(_ count: Int64) { bytes.add(count, ordering: .relaxed) }
}

/// A body that tells how it gets on; a body that is sent again counts once.
final class MeteredSource: BodySource {
    private let inner: any BodySource
    private let meter: UploadMeter
    private let state = Mutex<(at: Int64, starts: Int)>((0, 0))

    init(_ inner: any BodySource, _ meter: UploadMeter) {
        self.inner = inner
        self.meter = meter
    }

    var size: Int64 { inner.size }

    /// How often it was sent.
    var attempts: Int { state.withLock { $0.starts } }

    func isReady(at offset: Int64, orCall resume: @escaping @Sendable () -> Void) -> Bool {
        inner.isReady(at: offset, orCall: resume)
    }

    func read(at offset: Int64, into buffer: UnsafeMutableRawBufferPointer) throws -> Int {
        let count = try inner.read(at: offset, into: buffer)
        meter.add(
            state.withLock { state in
                if offset == 0 { state.starts += 1 }
                defer { state.at = offset + Int64(count) }
                return offset + Int64(count) - state.at
            })
        return count
    }

    /// Takes back what was counted: it did not arrive.
    func takeBack() {
        meter.add(
            state.withLock { state in
                defer { state.at = 0 }
                return -state.at
            })
    }
}
