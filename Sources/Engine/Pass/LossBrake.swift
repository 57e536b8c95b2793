import Logging
import Store
import SyncModel

/// Holds removals and replacements that are more than the guard allows, before any of them is done.
struct LossBrake: Sendable {
    let store: StateStore
    let settings: GuardSettings
    let pass: Int
    let events: EventLog
    let lastSweep: LastSweep
    let now: @Sendable () -> Timestamp

    init(_ context: PassContext) {
        (store, settings, pass) = (context.store, context.settings.brake, context.pass)
        (events, lastSweep, now) = (context.events, context.lastSweep, context.environment.now)
    }

    /// Takes what was decided meanwhile; what was rejected belongs to the strangers, whom a sweep counts.
    func takeDecisions() async throws {
        for (hold, verdict) in try await store.takeDecisions(pass: pass, now: now()) {
            let begin = "hold \(hold.id), \(hold.counts), is "
            switch verdict {
            case .approve: events.note(.notice, begin + "approved", event: "released")
            case .reject:
                lastSweep.forget()
                events.note(
                    .notice, begin + "rejected: what was to be removed stays, and is not ours any more",
                    event: "rejected")
            }
        }
    }

    /// Takes decisions, forgets what is held and no longer to be done, and approves what was held long enough.
    func begin() async throws {
        try await takeDecisions()
        for hold in try await store.tidyHolds(settings, pass: pass, now: now()) {
            events.note(
                .notice, "hold \(hold.id), \(hold.counts), is approved because of guard.release_after",
                event: "released")
        }
    }

    /// Whether the guard has to look before `item` is put in place.
    func counts(_ item: PendingItem) -> Bool {
        if item.kindFlips { return settings.countsRemovals }
        guard settings.overwrites != nil, let held = item.entry?.version, let wanted = item.want?.version else {
            return false
        }
        return held.hash != wanted.hash
    }

    /// Holds what is too much, and tells of shared folders that were left or taken away.
    func check(_ moment: GuardMoment) async throws {
        let found = try await store.guardAgainstLoss(moment, settings, pass: pass, now: now())
        if let shares = found.shares {
            events.note(.notice, "\(shares): what was in it is no longer in the account", event: "access_lost")
        }
        for hold in found.holds {
            events.count { $0.held += hold.files }
            events.note(
                .warning,
                "\(hold.counts) \(hold.files == 1 ? "is" : "are") held, below \(hold.folder): \(hold.reason); `dbxsync held` lists them, and approves or rejects them "
                    + "(hold \(hold.id))",
                event: "held")
        }
    }
}

extension Hold {
    /// "1,200 removals", "3 replacements".
    var counts: String {
        let parts = [(removals, "removal"), (replacements, "replacement")].filter { $0.0 > 0 }.map {
            "\($0.0) \($0.1)\($0.0 == 1 ? "" : "s")"
        }
        return parts.isEmpty ? "nothing" : parts.joined(separator: " and ")
    }
}
