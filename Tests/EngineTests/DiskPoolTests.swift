import Engine
import Glibc
import Testing

@Suite(.timeLimit(.minutes(30)))
struct DiskPoolTests {
    @Test("tasks that prefer its threads run on them, those that they start included")
    func preferred() async throws {
        let pool = DiskPool(threads: 1)
        let own = try await pool.run { pthread_self() }
        let seen = await withTaskExecutorPreference(pool) {
            await withTaskGroup(of: pthread_t.self) { group in
                for _ in 0..<20 {
                    group.addTask {
                        await Task.yield()
                        return pthread_self()
                    }
                }
                return await group.reduce(into: []) { $0.append($1) }
            }
        }
        #expect(seen == Array(repeating: own, count: 20))
    }
}
