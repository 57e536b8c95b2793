import SyncModel

extension MetricFamilies {
    /// How the mirror stands: the same as in `dbxsync status --json`.
    static func mirror(_ report: StatusReport, _ facts: MetricsFacts) -> [MetricFamily] {
        inStep(report, facts) + backlog(report) + work(report) + extent(report, facts) + outbox(report)
    }

    private static func inStep(_ report: StatusReport, _ facts: MetricsFacts) -> [MetricFamily] {
        [
            inStep(report.inStep),
            .gauge(
                "dbxsync_in_step_timestamp_seconds", unit: "seconds",
                "The time for which the mirror is known to equal the account, and the disk what is recorded."
            )
            .with(report.inStepAsOf?.time.seconds, Label("side", "account"))
            .with(report.diskAsOf?.time.seconds, Label("side", "disk")),
            .gauge(
                "dbxsync_staleness_seconds", unit: "seconds",
                "How long ago the mirror was known to equal the account."
            ).with(report.inStepAsOf.map { max(0, facts.now.seconds(since: $0.time)) }),
            .gauge(
                "dbxsync_stale",
                "Whether that is longer ago than the schedule allows, or never was, or Dropbox or the mirror cannot be "
                    + "reached."
            ).with(flag(report.stale)),
            .gauge("dbxsync_checked_timestamp_seconds", unit: "seconds", "When Dropbox was last asked for changes.")
                .with(report.checkedAt?.time.seconds),
            .gauge("dbxsync_listed_timestamp_seconds", unit: "seconds", "When the account was last listed whole.")
                .with(report.listedAt?.time.seconds),
            .gauge("dbxsync_listing", "Whether a full listing is under way.").with(known(flag(report.listing), report)),
        ]
    }

    /// What is told of the account; nil before Dropbox was asked for the first time.
    private static func known(_ value: Int64, _ report: StatusReport) -> Int64? {
        report.checkedAt == nil ? nil : value
    }

    private static func backlog(_ report: StatusReport) -> [MetricFamily] {
        let backlog = report.backlog
        return [
            .gauge("dbxsync_backlog_files", "Files to be placed.").with(known(Int64(backlog.files), report)),
            .gauge("dbxsync_backlog_bytes", unit: "bytes", "Bytes of the files to be placed.")
                .with(known(backlog.bytes, report)),
            .gauge("dbxsync_backlog_folders", "Folders to be made.").with(known(Int64(backlog.folders), report)),
            .gauge("dbxsync_backlog_removals", "Entries to be removed.").with(known(Int64(backlog.removals), report)),
        ]
    }

    private static func work(_ report: StatusReport) -> [MetricFamily] {
        [
            phases(report),
            .gauge("dbxsync_paths", "Paths that are not as in the account, or not from there.")
                .with(Int64(report.failing), Label("state", "failing"))
                .with(Int64(report.parked), Label("state", "parked"))
                .with(Int64(report.accepted), Label("state", "accepted"))
                .with(Int64(report.held?.paths ?? 0), Label("state", "held"))
                .with(Int64(report.strangers), Label("state", "stranger"))
                .with(Int64(report.unread), Label("state", "unread"))
                .with(Int64(report.leftOut), Label("state", "left_out")),
            .gauge("dbxsync_held_files", "Files whose removal or replacement is held.")
                .with(Int64(report.held?.removals ?? 0), Label("kind", "removal"))
                .with(Int64(report.held?.replacements ?? 0), Label("kind", "replacement")),
            .gauge(
                "dbxsync_last_pass_timestamp_seconds", unit: "seconds",
                "When the last pass that did something ended."
            ).with(report.lastPass?.ended.time.seconds),
            .gauge("dbxsync_last_pass_failed", "Files that failed in the last pass that did something.")
                .with((report.lastPass?.failed).map { Int64($0) }),
        ]
    }

    /// What the daemon does: one of them is 1.
    private static func phases(_ report: StatusReport) -> MetricFamily {
        let family = MetricFamily.gauge("dbxsync_phase", "What the daemon does: 1 for that, 0 for all else.")
        guard let now = report.daemon?.now else { return family }
        let names = ["starting", "sweeping", "listing", "applying", "removing", "idle", "waiting"]
        return names.reduce(family) { $0.with(flag(now.phase == $1), Label("phase", $1)) }
    }

    private static func extent(_ report: StatusReport, _ facts: MetricsFacts) -> [MetricFamily] {
        [
            .gauge("dbxsync_entries", "Entries of the account that are mirrored or are to be.")
                .with(known(Int64(report.mirror.files), report), Label("kind", "file"))
                .with(known(Int64(report.mirror.folders), report), Label("kind", "folder")),
            .gauge("dbxsync_entries_bytes", unit: "bytes", "Bytes of the files among them.")
                .with(known(report.mirror.bytes, report)),
            .gauge("dbxsync_trash_items", "What was removed or replaced and is kept.")
                .with((facts.trash?.items).map { Int64($0) }),
            .gauge("dbxsync_trash_bytes", unit: "bytes", "Its bytes.").with(facts.trash?.bytes),
            .gauge(
                "dbxsync_oldest_scrub_timestamp_seconds", unit: "seconds",
                "When the bytes of the file that was not read for longest were seen to be right."
            ).with(report.proofs.oldest?.time.seconds),
            .gauge("dbxsync_unscrubbed_files", "Files whose bytes were seen to be right at a time that is not known.")
                .with(Int64(report.proofs.unknown)),
            .gauge("dbxsync_state_damaged", "Whether a damaged state file is kept.")
                .with(flag(report.damagedState != nil)),
        ]
    }

    private static func outbox(_ report: StatusReport) -> [MetricFamily] {
        guard let outbox = report.outbox else { return [] }
        return [
            .gauge("dbxsync_outbox_backlog_files", "Files of the outbox that wait for their upload.")
                .with(Int64(outbox.waiting)),
            .gauge("dbxsync_outbox_backlog_bytes", unit: "bytes", "Their bytes.").with(outbox.waitingBytes),
            .gauge("dbxsync_outbox_files", "Files of the outbox.")
                .with(Int64(outbox.uploaded), Label("state", "uploaded"))
                .with(Int64(outbox.failing), Label("state", "failing"))
                .with(Int64(outbox.parked), Label("state", "parked")),
        ]
    }
}
