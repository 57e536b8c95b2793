/// All metrics, from what is known; pure.
enum MetricFamilies {
    typealias Label = MetricFamily.Label

    /// Those with samples and those without.
    static func all(_ facts: MetricsFacts) -> [MetricFamily] {
        about(facts) + (facts.report.map { mirror($0, facts) } ?? []) + (facts.counters.map(daemon) ?? [])
    }

    /// Where nothing can be known: nobody keeps the mirror in step.
    static var unknown: [MetricFamily] { [build, up(false), inStep(false)] }

    private static var build: MetricFamily {
        .info("dbxsync_build", "The version of dbxsync.", [Label("version", Dbxsync.version)])
    }

    private static func up(_ isUp: Bool) -> MetricFamily {
        .gauge("dbxsync_up", "Whether the daemon runs and says how it gets on.").with(flag(isUp))
    }

    static func signedIn(_ isSignedIn: Bool?) -> MetricFamily {
        .gauge("dbxsync_signed_in", "Whether the sign-in is good, as far as is known.").with(isSignedIn.map(flag))
    }

    static func inStep(_ isInStep: Bool) -> MetricFamily {
        .gauge("dbxsync_in_step", "Whether the mirror equals the account, and that is known of late.")
            .with(flag(isInStep))
    }

    /// What is always known.
    private static func about(_ facts: MetricsFacts) -> [MetricFamily] {
        [
            build, up(facts.isUp),
            signedIn(facts.isSignedIn),
            .gauge("dbxsync_free_bytes", unit: "bytes", "Space on the mirror's disk that dbxsync can use.")
                .with(facts.freeBytes),
            .gauge("dbxsync_min_free_bytes", unit: "bytes", "Free space below which downloads wait.")
                .with(facts.limits.freeBytes),
            .gauge(
                "dbxsync_max_staleness_seconds", unit: "seconds",
                "How long ago the mirror may have been known to be in step."
            ).with(facts.limits.staleness?.components.seconds),
        ]
    }

    static func flag(_ value: Bool) -> Int64 { value ? 1 : 0 }
}
