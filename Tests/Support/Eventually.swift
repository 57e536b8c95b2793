import Glibc

/// Looks until `condition` holds; what never comes is told as an error.
public func eventually(
    _ what: String, within limit: Duration = .seconds(180), or evidence: @autoclosure () -> String = "",
    fileID: String = #fileID, line: Int = #line, _ condition: () async throws -> Bool
) async throws {
    let end = ContinuousClock.now + limit
    while try await !condition() {
        guard ContinuousClock.now < end else {
            throw NeverCame(what: "\(what), at \(fileID):\(line)", evidence: evidence())
        }
        try await Task.sleep(for: .milliseconds(10))
    }
}

/// The same on a thread that may be blocked, for what is no part of Swift's concurrency.
///
/// - Returns: whether it holds, or the wait has become too long.
@discardableResult
public func blockUntil(within limit: Duration = .seconds(180), _ condition: () -> Bool) -> Bool {
    let end = ContinuousClock.now + limit
    while !condition() {
        guard ContinuousClock.now < end else { return false }
        usleep(1_000)
    }
    return true
}

/// Something that was waited for in vain.
public struct NeverCame: Error, CustomStringConvertible {
    private let what: String
    private let evidence: String

    /// Names what did not come, with what may tell why.
    public init(what: String, evidence: String) {
        self.what = what
        self.evidence = evidence
    }

    /// Both of them.
    public var description: String { "waited in vain for \(what)\n\(evidence)" }
}
