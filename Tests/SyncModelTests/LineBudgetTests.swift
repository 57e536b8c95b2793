import SyncModel
import Testing

@Suite(.timeLimit(.minutes(5)))
struct LineBudgetTests {
    @Test("each kind has its lines, and what exceeds them is counted until the budget is renewed")
    func kinds() {
        var budget = LineBudget()
        let first = (0..<150).count { _ in budget.admits("failed") }
        let second = (0..<50).count { _ in budget.admits("parked") }
        #expect(first == LineBudget.linesOfAKind && second == 50)
        #expect(budget.withheld == 50)
        budget.renew("failed")
        let again = budget.admits("failed")
        #expect(again && budget.withheld == 50)
        #expect(budget.renew() == 50)
        #expect(budget == LineBudget())
    }
}
