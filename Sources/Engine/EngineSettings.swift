import Store
public import SyncModel

/// The engine's settings; an immutable value for each pass.
public struct EngineSettings: Hashable, Sendable {
    /// Time between delta requests.
    public var interval: Duration
    /// Whether to wake as soon as Dropbox reports a change.
    public var longpoll: Bool
    /// Time between full listings; `nil` for never.
    public var relist: Duration?
    /// Downloads at once; small files that have changed may exceed it by a quarter, at least by one.
    public var parallel: Int
    /// Downloads wait while fewer bytes are free on the mirror's disk.
    public var minFreeSpace: Int64
    /// Which folders are fetched as a zip; `nil` for none.
    public var bulk: ZipGrouping?
    /// Effects published together.
    public var batch: Int
    /// Pending items read at a time.
    public var window: Int
    /// How long files arrive before changes are asked for again.
    public var listensAfter: Duration
    /// What of the account is mirrored.
    public var selection: Selection
    /// What may be missing if it cannot be mirrored as it is.
    public var acceptance: Acceptance
    /// Time between comparisons of the mirror with what was put there, by stat; `nil`: only at the start.
    public var sweep: Duration?
    /// The time in which every file's bytes are read again; `nil` for never.
    public var scrub: Duration?
    /// Whether to learn from the kernel what others do in the mirror.
    public var watch: Bool
    /// What becomes of files of others that are in nobody's way.
    public var strangers: Strangers
    /// How a listing is divided into parts that are read side by side.
    public var listing = ListingLimits()
    /// The folder of the mirror that is an outbox, where others may do as they like; `nil` for none.
    public var outbox: MirrorPath?
    /// From when on removals and replacements are held until somebody approves them.
    public var brake: GuardSettings
    /// How long and how much of what was removed or replaced is kept.
    public var trash: TrashSettings
    /// How long and how much of the history is kept.
    public var history: HistorySettings

    /// Makes settings.
    public init(
        interval: Duration = .seconds(300), longpoll: Bool = true, relist: Duration? = .seconds(7 * 86_400),
        parallel: Int = 16, minFreeSpace: Int64 = 1 << 30, bulk: ZipGrouping? = ZipGrouping(), batch: Int = 512,
        window: Int = 2048, listensAfter: Duration = .seconds(1), selection: Selection = .everything,
        acceptance: Acceptance = Acceptance(), sweep: Duration? = .seconds(3600), scrub: Duration? = nil,
        watch: Bool = true, strangers: Strangers = .keep, outbox: MirrorPath? = nil,
        brake: GuardSettings = GuardSettings(), trash: TrashSettings = TrashSettings(),
        history: HistorySettings = HistorySettings()
    ) {
        self.interval = interval
        self.longpoll = longpoll
        self.relist = relist
        self.parallel = parallel
        self.minFreeSpace = minFreeSpace
        self.bulk = bulk
        self.batch = batch
        self.window = window
        self.listensAfter = listensAfter
        self.selection = selection
        self.acceptance = acceptance
        self.sweep = sweep
        self.scrub = scrub
        self.watch = watch
        self.strangers = strangers
        self.outbox = outbox
        self.brake = brake
        self.trash = trash
        self.history = history
    }
}

/// What becomes of files of others that are in nobody's way.
public enum Strangers: String, Hashable, Sendable, CaseIterable {
    /// They stay, and are counted.
    case keep
    /// They are moved into `.dbxsync/aside`.
    case aside
}

/// Clock, time and random numbers, which tests replace, and who is told what happens.
public struct EngineEnvironment: Sendable {
    /// Measures waiting.
    public var clock: any Clock<Duration>
    /// The time of day.
    public var now: @Sendable () -> Timestamp
    /// Random numbers from 0 to 1.
    public var jitter: @Sendable () -> Double
    /// Is told what happens.
    public var meter: (any EngineMeter)?

    /// Creates an environment.
    public init(
        clock: any Clock<Duration> = ContinuousClock(), now: @escaping @Sendable () -> Timestamp,
        jitter: @escaping @Sendable () -> Double = { Double.random(in: 0...1) }, meter: (any EngineMeter)? = nil
    ) {
        self.clock = clock
        self.now = now
        self.jitter = jitter
        self.meter = meter
    }
}

/// Why a pass could not be finished.
public struct EngineError: Classified, CustomStringConvertible {
    /// How the error is handled.
    public var disposition: Disposition
    /// What happened and what to do.
    public var description: String

    /// Creates an error.
    public init(_ disposition: Disposition, _ description: String) {
        self.disposition = disposition
        self.description = description
    }
}

/// Whether the state is damaged or gone: it does not come back by itself, as a mirror that is away may.
func isLossOfState(_ error: any Error) -> Bool { (error as? StoreError)?.disposition == .fatal }
