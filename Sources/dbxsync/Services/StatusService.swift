import CLinux
import Dropbox
import Engine
import Glibc
import Logging
import MirrorFS
import ServiceLifecycle
import SyncModel

/// Tells the service manager, the terminal and `dbxsync status` how the engine gets on.
struct StatusService: Service {
    let board: StatusBoard
    let notifier: SystemdNotifier
    let progress: ProgressLine
    let place: StatusPlace
    let stateDirectory: String
    let diskStall: DiskStallMonitor
    let limits: TransferLimits
    let freshness: FreshnessWatch
    let metrics: Metrics
    let logger: Logger

    /// Between looks, with somebody in front of a terminal and without.
    private var pause: Duration { progress.isVisible ? .milliseconds(250) : .seconds(2) }
    /// The number of refreshes after which systemd and the status file are updated.
    private var reportEvery: Int { progress.isVisible ? 8 : 1 }

    func run() async throws {
        await cancelWhenGracefulShutdown { await report() }
        progress.finish()
        unlink(place.path)
    }

    /// Seconds after which an idle daemon releases memory again.
    private static let releaseInterval: Int64 = 60

    /// Looks until it is cancelled.
    private func report() async {
        var last: StatusWord?
        var lastLimit = limits.told(at: .now)
        var lastPhase = EngineStatus.Phase.starting
        var looks = 0
        var released = LockHolder.monotonicSeconds()
        var (meter, start) = (RateMeter(), ContinuousClock.now)
        var journal = ProgressJournal()
        while !Task.isCancelled {
            let now = Timestamp.now
            diskStall.look(now: now)
            let status = board.now
            progress.show(status)
            let time = LockHolder.monotonicSeconds()
            if status.phase == .idle, lastPhase != .idle || time - released >= Self.releaseInterval {
                dbx_release_memory()  // of the pass that has ended, and of looks at the disk since
                released = time
            }
            lastPhase = status.phase
            let (staleSince, transition) = freshness.look(status.inStepAsOf, now: now)
            report(transition, status: status, now: now)
            let limit = limits.told(at: now)
            if limit != lastLimit {
                report(limit, now: now)
                lastLimit = limit
            }
            let isReporting = looks.isMultiple(of: reportEvery)
            if isReporting {
                notifier.status(
                    StatusLine.text(status, now: now, pause: board.allowedQuietTime, staleSince: staleSince))
                var live = LiveStatus(status, downloads: board.downloads, limit: limit, now: now)
                live.heartbeat = metrics.heartbeatProblem
                let isTransferring = live.bytesTotal > 0 && !live.isWaiting && live.pausedUntil == nil
                if !isTransferring { (meter, start) = (RateMeter(), .now) }
                meter.note(bytes: status.bytesDone - status.bytesResumed, at: .now - start)
                live.bytesPerSecond = meter.rate.flatMap { $0 >= 1 ? Int64(min($0, 1e18)) : nil }
                last = say(live, after: last)
                if !progress.isVisible, let line = journal.line(status, live, at: time) {
                    logger.info("\(line)", metadata: ["event": "progress"])
                }
            }
            looks += 1
            try? await Task.sleep(for: pause)  // cancelled: the loop ends
            if isReporting && status.phase == .idle && !diskStall.isBusy { await waitForChange() }
        }
    }

    /// Says how it gets on, if that has changed or it is time for a heartbeat.
    ///
    /// - Returns: what was said last.
    private func say(_ live: LiveStatus, after last: StatusWord?) -> StatusWord? {
        let time = LockHolder.monotonicSeconds()
        if let last, last.now == live, time - last.heartbeat < place.every { return last }
        let word = StatusWord(
            pid: getpid(), state: stateDirectory, directory: diskStall.directory, heartbeat: time, every: place.every,
            now: live)
        return word.write(place.path) ? word : last
    }

    /// How long nothing is looked at when nothing happens: the time alone can make the mirror stale, and a disk may stop
    /// answering.
    private static let longestPause = Duration.seconds(10)

    private func waitForChange() async {
        await withTaskGroup(of: Void.self) { [board] race in
            race.addTask { try? await board.waitForChange() }
            race.addTask { try? await Task.sleep(for: Self.longestPause) }
            await race.next()
            race.cancelAll()
        }
    }

    private func report(_ limit: TransferLimit?, now: Timestamp) {
        let text = limit?.text(now: WallTime(now)) ?? "unlimited"
        logger.info("the limit on bandwidth is now \(text)", metadata: ["event": "limit_changed"])
    }

    private func report(_ transition: FreshnessWatch.Transition?, status: EngineStatus, now: Timestamp) {
        switch transition {
        case .stale(let moment):
            logger.warning(
                """
                the mirror has not been known to be in step since \(TimeText.local(moment)), longer than \
                schedule.max_staleness: \(StatusLine.text(status, now: now)) (see: dbxsync status)
                """, metadata: ["event": "stale"])
        case .fresh(let moment):
            logger.notice("in step again, as of \(TimeText.local(moment))", metadata: ["event": "fresh"])
        case nil: break
        }
    }
}

extension ProgressLine {
    /// Shows what a pass is at, if there is something to count.
    func show(_ status: EngineStatus) {
        guard isVisible else { return }
        switch status.phase {
        case .applying where status.filesTotal > 0, .listing where status.filesTotal > 0:
            update(
                Progress(
                    activity: "placed", filesDone: status.filesDone, filesTotal: status.filesTotal,
                    bytesDone: status.bytesDone, bytesTotal: status.bytesTotal, bytesResumed: status.bytesResumed,
                    isGrowing: status.isListing))
        case .starting, .sweeping, .listing, .applying, .removing, .idle, .waiting: finish()
        }
    }
}
