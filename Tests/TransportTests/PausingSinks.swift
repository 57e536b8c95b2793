import Foundation
import Synchronization
import TestSupport
import Transport

/// Takes so many bytes, and no more until it is opened.
final class GatedSink: BodySink {
    private struct State {
        var isOpen = false
        var bytes: [UInt8] = []
        var resume: (@Sendable () -> Void)?
    }
    private let state = Mutex(State())
    private let limit: Int
    private let failure: (any Error)?
    /// Fired for each piece that was refused.
    let refused = Signal()

    init(after limit: Int = 0, failure: (any Error)? = nil) {
        self.limit = limit
        self.failure = failure
    }

    var count: Int { state.withLock { $0.bytes.count } }

    func matches(_ text: String) -> Bool { state.withLock { $0.bytes.elementsEqual(text.utf8) } }

    /// What was given with the last refusal.
    var resume: (@Sendable () -> Void)? { state.withLock { $0.resume } }

    func open() {
        let resume = state.withLock { state in
            state.isOpen = true
            return state.resume
        }
        resume?()
    }

    func begin(_ head: HTTPResponse) throws {}

    func hasRoom(for count: Int, orCall resume: @escaping @Sendable () -> Void) -> Bool {
        let hasRoom = state.withLock { state in
            if !state.isOpen && state.bytes.count + count > limit { state.resume = resume }
            return state.isOpen || state.bytes.count + count <= limit
        }
        if !hasRoom { refused.fire() }
        return hasRoom
    }

    func write(_ bytes: UnsafeRawBufferPointer) throws {
        if let failure { throw failure }
        state.withLock { $0.bytes.append(contentsOf: bytes) }
    }
}

/// Refuses pieces at random, and says that it has room at once, later, from another thread, and more than once.
final class MoodySink: BodySink {
    private struct State {
        var random: SeededRandom
        var bytes: [UInt8] = []
    }
    private let state: Mutex<State>
    private let every: Int

    init(seed: UInt64, every: Int) {
        state = Mutex(State(random: SeededRandom(seed: seed)))
        self.every = every
    }

    func matches(_ text: String) -> Bool { matches(Array(text.utf8)) }

    func matches(_ bytes: [UInt8]) -> Bool { state.withLock { $0.bytes == bytes } }

    func begin(_ head: HTTPResponse) throws {}

    func hasRoom(for count: Int, orCall resume: @escaping @Sendable () -> Void) -> Bool {
        let (isRefused, way, delay) = state.withLock { state in
            (
                Int.random(in: 0..<every, using: &state.random) == 0, Int.random(in: 0..<4, using: &state.random),
                Int.random(in: 0..<200, using: &state.random)
            )
        }
        guard isRefused else { return true }
        switch way {
        case 0: resume()
        case 1: DispatchQueue.global().async { resume() }
        case 2: DispatchQueue.global().asyncAfter(deadline: .now() + .microseconds(delay)) { resume() }
        default:
            resume()
            DispatchQueue.global().async {
                resume()
                resume()
            }
        }
        return false
    }

    func write(_ bytes: UnsafeRawBufferPointer) throws { state.withLock { $0.bytes.append(contentsOf: bytes) } }
}

/// Gives so many bytes, and no more until it is opened.
final class GatedSource: BodySource {
    private let state = Mutex<(isOpen: Bool, resume: (@Sendable () -> Void)?)>((false, nil))
    let size: Int64
    private let limit: Int64
    let refused = Signal()

    init(size: Int64, after limit: Int64) {
        self.size = size
        self.limit = limit
    }

    /// The sum of all bytes.
    var sum: Int { (0..<size).reduce(0) { $0 &+ Int(UInt8(truncatingIfNeeded: $1)) } }

    func open() {
        let resume = state.withLock { state in
            state.isOpen = true
            return state.resume
        }
        resume?()
    }

    func isReady(at offset: Int64, orCall resume: @escaping @Sendable () -> Void) -> Bool {
        let isReady = state.withLock { state in
            if !state.isOpen { state.resume = resume }
            return state.isOpen || offset < limit
        }
        if !isReady { refused.fire() }
        return isReady
    }

    func read(at offset: Int64, into buffer: UnsafeMutableRawBufferPointer) throws -> Int {
        let isOpen = state.withLock { $0.isOpen }
        let count = Int(min(Int64(buffer.count), (isOpen ? size : limit) - offset))
        for index in 0..<count { buffer[index] = UInt8(truncatingIfNeeded: offset + Int64(index)) }
        return count
    }
}
