internal import Synchronization

/// What was asked and answered: the last requests in full, and counts of all.
public final class RequestLog: Sendable {
    /// One request.
    public struct Record: Hashable, Sendable {
        /// Counted from 1.
        public var number: Int
        /// Milliseconds since the log began.
        public var time: Int64
        /// In upper case.
        public var method: String
        /// `files/download`, `oauth2/token` and the like.
        public var endpoint: String
        /// What it was about: a path, `rev:…`, a cursor's first letters.
        public var subject: String
        /// The header `Range`.
        public var range: String?
        /// The header `User-Agent`.
        public var agent: String?
        /// TCP port of the client: the same for requests on one connection.
        public var peer: UInt16
        /// `X-Dropbox-Request-Id` of the answer.
        public var requestID: String
        /// 0 until there is an answer, and when there will be none.
        public var status = 0
        /// Bytes of the body that went out.
        public var bytes: Int64 = 0
        /// Bytes of its body that came in, all of them or what came before the connection ended.
        public var received: Int64 = 0
        /// The fault that was put into it.
        public var fault: String?
    }

    /// Counts since the beginning or the last `clear()`.
    public struct Counters: Hashable, Sendable {
        /// All requests, those to the control interface not counted.
        public var requests = 0
        /// Bytes of bodies that went out.
        public var bytes: Int64 = 0
        /// Bytes of requests' bodies that came in.
        public var received: Int64 = 0
        /// Requests by endpoint.
        public var endpoints: [String: Int] = [:]
        /// Answers by status.
        public var statuses: [Int: Int] = [:]
        /// Faults that struck.
        public var faults = 0
        /// Requests that are being answered now, bodies included.
        public var running = 0
        /// The largest number of them at one time.
        public var peak = 0
        /// Connections that requests came over.
        public var connections = 0
    }

    private struct State {
        var records: [Record] = []
        /// Where the oldest record stands, once the log is full.
        var oldest = 0
        var next = 1
        var counters = Counters()
        var peers: Set<UInt16> = []
        let start = ContinuousClock.now

        mutating func change(_ number: Int, _ body: (inout Record) -> Void) {
            let count = records.count
            guard count > 0 else { return }
            let last = (oldest + count - 1) % count
            let age = records[last].number - number
            guard age >= 0, age < count else { return }
            body(&records[(last - age + count) % count])
        }
    }

    private let capacity: Int
    private let state = Mutex(State())

    /// A log that keeps the last `capacity` requests.
    public init(capacity: Int = 20_000) { self.capacity = capacity }

    /// The requests that are still kept, oldest first.
    public var records: [Record] {
        state.withLock { Array($0.records[$0.oldest...] + $0.records[..<$0.oldest]) }
    }

    /// The counts.
    public var counters: Counters { state.withLock { $0.counters } }

    /// Forgets everything but what is running.
    public func clear() {
        state.withLock { state in
            let running = state.counters.running
            state.records = []
            state.oldest = 0
            state.peers = []
            state.counters = Counters(running: running, peak: running)
        }
    }

    func begin(_ record: Record) -> Int {
        state.withLock { state in
            var record = record
            record.number = state.next
            record.time = Int64((ContinuousClock.now - state.start) / .milliseconds(1))
            state.next += 1
            if state.records.count < capacity {
                state.records.append(record)
            } else {
                state.records[state.oldest] = record
                state.oldest = (state.oldest + 1) % capacity
            }
            state.counters.requests += 1
            state.counters.endpoints[record.endpoint, default: 0] += 1
            state.counters.received += record.received
            state.counters.running += 1
            state.counters.peak = max(state.counters.peak, state.counters.running)
            if state.peers.insert(record.peer).inserted { state.counters.connections += 1 }
            return record.number
        }
    }

    /// Notes the answer to request `number`; its body may still have to go out.
    func answer(_ number: Int, status: Int, fault: String?) {
        state.withLock { state in
            state.counters.statuses[status, default: 0] += 1
            if fault != nil { state.counters.faults += 1 }
            state.change(number) { record in
                record.status = status
                record.fault = fault
            }
        }
    }

    func add(_ bytes: Int, to number: Int) {
        state.withLock { state in
            state.counters.bytes += Int64(bytes)
            state.change(number) { $0.bytes += Int64(bytes) }
        }
    }

    func end(_ number: Int) { state.withLock { $0.counters.running -= 1 } }
}
