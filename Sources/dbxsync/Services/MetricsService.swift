import Configuration
import Dropbox
import Engine
import Glibc
import Logging
import MirrorFS
import ServiceLifecycle
import SyncModel

/// Tells other processes what is counted, and keeps the file for node_exporter.
struct MetricsService: Service {
    let metrics: Metrics
    let sampler: StatusSampler
    let board: StatusBoard
    let connection: Connection
    let freeSpace: FreeSpace
    /// The threads of the mirror's disk, and those that read it, by what they are called.
    let pools: [(name: String, pool: DiskPool)]
    let place: StatusPlace
    let config: CurrentConfig
    /// The name of the instance.
    let mirror: String
    let file: MetricsTextFile

    /// Between looks at whether something has changed.
    private static let pause = Duration.seconds(5)
    /// Between two files for node_exporter while something changes, and while nothing does: staleness grows all the same.
    private static let (textPause, longestTextPause) = (Duration.seconds(15), Duration.seconds(60))
    /// The same for the word on a disk, which is not to be kept awake.
    private var wordPause: Duration { place.every == StatusPlace.beatInMemory ? Self.pause : .seconds(60) }
    private var longestWordPause: Duration { max(.seconds(60), .seconds(place.every)) }

    func run() async throws {
        await cancelWhenGracefulShutdown { await tell() }
        unlink(MetricsWord.path(beside: place.path))
        await sayGoodbye()
    }

    /// What was told, and when.
    private struct Told {
        var changes: UInt64
        var live: LiveStatus
        /// The file, if that is where.
        var path: String?
        var at: ContinuousClock.Instant

        /// Whether it is to be told again.
        func isDue(_ new: Told, after pause: Duration, atLeastEvery longest: Duration) -> Bool {
            let age = new.at - at
            return new.path != path || age >= longest || age >= pause && (new.changes != changes || new.live != live)
        }
    }

    private func tell() async {
        var (word, text): (Told?, Told?)
        freeSpace.ask()
        while !Task.isCancelled {
            var new = Told(changes: metrics.changes, live: LiveStatus(board.now, downloads: [], now: .now), at: .now)
            let isDue = word?.isDue(new, after: wordPause, atLeastEvery: longestWordPause) ?? true
            if isDue, await sayWord() { word = new }
            new.path = config.value.metrics.textfile
            if text?.isDue(new, after: Self.textPause, atLeastEvery: Self.longestTextPause) ?? true {
                let isWritten = if let path = new.path { await write(to: path) } else { true }
                text = isWritten ? new : nil
            }
            try? await Task.sleep(for: Self.pause)  // cancelled: the loop ends
        }
    }

    private func sayWord() async -> Bool {
        let extents = await sampler.extents()
        let word = MetricsWord(
            pid: getpid(), state: config.value.state.directory, time: LockHolder.monotonicSeconds(),
            every: longestWordPause.components.seconds, counters: counters, extents: extents)
        freeSpace.ask()
        return word.write(MetricsWord.path(beside: place.path))
    }

    private var counters: DaemonCounters {
        var counters = metrics.counters
        (counters.bytesDown, counters.bytesUp) = connection.traffic
        let status = board.now
        counters.queues["files"] = max(0, status.filesTotal - status.filesDone)
        for (name, pool) in pools { counters.queues[name] = pool.waiting }
        counters.freeBytes = freeSpace.bytes
        counters.process = .now()
        return counters
    }

    /// What cannot be read now is told later: the file grows old, and says so by its time.
    ///
    /// - Returns: whether it was written.
    private func write(to path: String) async -> Bool {
        guard let sample = try? await sampler.sample() else { return false }
        return await write(facts(sample, isUp: true), to: path)
    }

    private func write(_ facts: MetricsFacts, to path: String) async -> Bool {
        await file.write(MetricsText.of(facts, .prometheus), to: path)
    }

    /// From now on nobody keeps the mirror in step, and nobody writes the file.
    private func sayGoodbye() async {
        guard let path = config.value.metrics.textfile, var sample = try? await sampler.sample() else { return }
        sample.report.inStep = false
        sample.report.daemon = nil
        _ = await write(facts(sample, isUp: false), to: path)  // told already, if it cannot be
    }

    private func facts(_ sample: StatusSampler.Sample, isUp: Bool) -> MetricsFacts {
        let counters = counters
        return MetricsFacts(
            mirror: mirror, now: .now, isUp: isUp, report: sample.report, trash: sample.trash, counters: counters,
            freeBytes: counters.freeBytes, isSignedIn: !counters.isSignedOut, limits: MetricsFacts.Limits(config.value))
    }
}

extension MetricsService {
    /// Leaves nothing in the file for node_exporter that an earlier daemon has written and nobody keeps true.
    ///
    /// It stays as it is where another daemon works on the mirror, which writes it.
    static func tellEnd(_ error: any Error, _ config: Config, mirror: String, _ logger: Logger) async {
        let code = Failure.of(error).exitCode
        guard let path = config.metrics.textfile, code != .held else { return }
        let families = MetricFamilies.unknown + [MetricFamilies.signedIn(code == .signedOut ? false : nil)]
        let text = MetricsText.of(families, mirror: mirror, .prometheus)
        _ = await MetricsTextFile(logger: logger).write(text, to: path)  // told already, if it cannot be
    }
}
