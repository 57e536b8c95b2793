import Testing

@testable import Sandbox

/// Random histories in a small name space, where everything collides with everything.
@Suite(.timeLimit(.minutes(5)))
struct HistoryTests {
    @Test("a client that applies entries in order ends with the account's tree", arguments: UInt64(1)...60)
    func converges(seed: UInt64) throws {
        var random = SplitMix(state: seed)
        let account = Account()
        account.configure { settings in
            settings.pageSize = Int.random(in: 1...5, using: &random)
            settings.emptyPageEvery = Int.random(in: 0...3, using: &random) == 0 ? 2 : 0
            settings.childrenBeforeParents = Bool.random(using: &random)
            settings.deletesListChildren = Bool.random(using: &random)
            settings.movesMakeRevisions = Bool.random(using: &random)
            settings.ancestorCase = .allCases.randomElement(using: &random) ?? .exact
        }
        for _ in 0..<10 { change(account, &random) }
        var replica = try Replica(of: account)
        for _ in 0..<60 {
            change(account, &random)
            guard Int.random(in: 0..<4, using: &random) == 0 else { continue }
            _ = try replica.readPage(of: account)
        }
        try replica.catchUp(with: account)
        #expect(replica.nodes == Replica.truth(account))
        #expect(account.tree().count == account.entryCount)
        #expect(account.usedBytes == account.tree().reduce(0) { $0 + $1.size })
    }

    /// One change; those that the account refuses are part of the game.
    private func change(_ account: Account, _ random: inout SplitMix) {
        let from = path(&random)
        switch Int.random(in: 0..<14, using: &random) {
        case 0..<4: _ = try? account.put(from, "\(Int.random(in: 0..<4, using: &random))")
        case 4: _ = try? account.makeFolder(from)
        case 5: _ = try? account.delete(from)
        case 6, 7: _ = try? account.move(from, path(&random), autorename: Bool.random(using: &random))
        case 8: _ = try? account.copy(from, path(&random))
        case 9...12: changeSharing(account, from, &random)
        default: try? account.reshare(from)
        }
    }

    private func changeSharing(_ account: Account, _ path: String, _ random: inout SplitMix) {
        let id = String(Int.random(in: 1...3, using: &random))
        let mounted = account.sharedFolders[id] ?? ""
        switch Int.random(in: 0..<8, using: &random) {
        case 0: try? account.share(path, id: id)
        case 1: try? account.mount(id, at: path)
        case 2: try? account.unmount(mounted)
        case 3: try? account.loseAccess(mounted)
        case 4: try? account.loseAccess(mounted, except: ["a"])
        case 5: try? account.regainAccess(mounted)
        case 6: try? account.setReadOnly(mounted, Bool.random(using: &random))
        default: _ = try? account.seen(from: .shared(id)).put(path, "shared \(id)")
        }
    }

    private func path(_ random: inout SplitMix) -> String {
        (0..<Int.random(in: 1...3, using: &random)).reduce(into: "") { path, _ in
            path += "/" + (["a", "B", "b", "ä"].randomElement(using: &random) ?? "a")
        }
    }
}
