import Concurrency
import Dispatch
import TestSupport
import Testing

@testable import dbxsync

/// A disk that may not answer is asked, and waited for only so long.
@Suite(.timeLimit(.minutes(5)))
struct DiskInquiryTests {
    /// More than any test takes.
    private static let ages = Duration.seconds(3_600)

    @Test("what the disk answers is the answer, also that there is nothing")
    func answers() async {
        let disk = DiskInquiry(of: "/answering")
        #expect(await disk.answer(within: Self.ages) { 7 } == 7)
        let nothing: Int?? = await disk.answer(within: Self.ages) { () -> Int? in nil }
        #expect(nothing == .some(nil))
    }

    @Test("a disk that does not answer is not waited for, nor asked again before it does")
    func silent() async throws {
        let (disk, gate) = (DiskInquiry(of: "/hung"), DispatchSemaphore(value: 0))
        let isSilent = await disk.answer(within: .milliseconds(1)) { gate.wait() } == nil
        #expect(isSilent && disk.silence == "the disk of /hung does not answer")
        #expect(await disk.answer(within: Self.ages) { 7 } == nil)
        #expect(await DiskInquiry(of: "/other").answer(within: Self.ages) { 7 } == 7)
        gate.signal()
        try await eventually("an answer") { await disk.answer(within: Self.ages) { 7 } == 7 }
    }
}
