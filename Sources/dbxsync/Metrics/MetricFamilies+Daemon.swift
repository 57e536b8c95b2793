import SyncModel

extension MetricFamilies {
    /// What a daemon has counted since it began, and how it stands.
    static func daemon(_ counters: DaemonCounters) -> [MetricFamily] {
        work(counters) + network(counters) + process(counters)
    }

    private static func work(_ counters: DaemonCounters) -> [MetricFamily] {
        var passes = MetricFamily.counter(
            "dbxsync_passes", "Passes, by how they ended: a failed one broke off; single paths may fail in any.")
        for (outcome, count) in sorted(counters.passes) { passes = passes.with(count, Label("outcome", outcome)) }
        var effects = MetricFamily.counter("dbxsync_effects", "What happened, by the event's name in the journal.")
        for (event, count) in sorted(counters.effects) { effects = effects.with(count, Label("event", event)) }
        var queues = MetricFamily.gauge("dbxsync_queue_length", "What waits, by what it waits for.")
        for (queue, length) in counters.queues.sorted(by: { $0.key < $1.key }) {
            queues = queues.with(Int64(length), Label("queue", queue))
        }
        return [
            passes,
            .histogram("dbxsync_pass_duration_seconds", unit: "seconds", "How long passes took.")
                .with(counters.passDurations),
            effects, queues,
            .gauge("dbxsync_mirror_away", "Whether the mirror's disk is not there, or does not answer.")
                .with(flag(counters.isMirrorAway)),
        ]
    }

    private static func network(_ counters: DaemonCounters) -> [MetricFamily] {
        var requests = MetricFamily.counter(
            "dbxsync_requests", "Requests to Dropbox, by endpoint and class of their answer's status.")
        for item in counters.requests {
            requests = requests.with(item.count, Label("endpoint", item.endpoint), Label("status", item.status))
        }
        var retries = MetricFamily.counter("dbxsync_retries", "Requests that were made again, by endpoint.")
        for (endpoint, count) in sorted(counters.retries) { retries = retries.with(count, Label("endpoint", endpoint)) }
        var downloads = MetricFamily.histogram(
            "dbxsync_download_duration_seconds", unit: "seconds",
            "How long downloads took, from the request to the last byte.")
        for (kind, histogram) in counters.downloads.sorted(by: { $0.key < $1.key }) {
            downloads = downloads.with(histogram, Label("kind", kind))
        }
        var heartbeats = MetricFamily.counter("dbxsync_heartbeats", "Heartbeats, by whether they arrived.")
        for (outcome, count) in sorted(counters.heartbeats) {
            heartbeats = heartbeats.with(count, Label("outcome", outcome))
        }
        return [
            requests, heartbeats,
            .gauge("dbxsync_requests_under_way", "Requests without an answer yet.")
                .with(Int64(counters.requestsUnderWay)),
            retries,
            .counter("dbxsync_pause_seconds", unit: "seconds", "Time for which Dropbox asked for no requests.")
                .with(.real(counters.pauseSeconds)),
            .counter("dbxsync_bytes", unit: "bytes", "Bytes of bodies that came down, and of files that went up.")
                .with(counters.bytesDown, Label("direction", "down"))
                .with(counters.bytesUp, Label("direction", "up")),
            downloads,
        ]
    }

    private static func process(_ counters: DaemonCounters) -> [MetricFamily] {
        [
            .gauge("dbxsync_process_start_time_seconds", unit: "seconds", "When the daemon began, and its counters.")
                .with(counters.began.seconds),
            .counter("dbxsync_process_cpu_seconds", unit: "seconds", "Time that the daemon had on a processor.")
                .with(.real(counters.process.cpuSeconds)),
            .gauge("dbxsync_process_resident_memory_bytes", unit: "bytes", "Memory that the daemon uses.")
                .with(counters.process.residentBytes),
            .gauge("dbxsync_process_open_fds", "Descriptors that the daemon has open.")
                .with(Int64(counters.process.descriptors)),
        ]
    }

    private static func sorted(_ counts: [String: Int64]) -> [(key: String, value: Int64)] {
        counts.sorted { $0.key < $1.key }
    }
}
