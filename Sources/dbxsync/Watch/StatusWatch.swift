import Configuration
import Dropbox
import Glibc
import Store
import SyncModel
import UnixSignals

/// `status --watch`: shows how the mirror gets on until somebody ends it.
///
/// What the daemon says of itself is read at every look; the state, which may be large, more seldom.
struct StatusWatch {
    private let config: Config
    private let file: String
    private let screen: LiveScreen
    private var view: WatchView
    private var nextGathering = ContinuousClock.now

    private enum Event: Sendable {
        case look
        case key(UInt8)
        case signal(UnixSignal)
        case end
    }

    /// Between two looks.
    private static let pause = Duration.milliseconds(500)
    /// Between two readings of the state; they take no more than a twentieth of the time.
    private static let leastPause = Duration.seconds(2)
    private static let share = 20
    /// Changes that are shown, where there is room.
    private static let mostRecent = 30

    /// Reads what is shown first.
    ///
    /// - Throws: what `status` would end with; `Failure` where there is no screen to draw on.
    init(_ config: Config, file: String) async throws {
        guard LiveScreen.isPossible, let screen = LiveScreen() else {
            throw Failure(.usage, "--watch draws on a terminal; without one, use status or status --json")
        }
        (self.config, self.file) = (config, file)
        self.screen = screen
        view = try await Self.gather(config, file)
    }

    /// Draws until somebody presses q or Ctrl-C, or ends it by a signal.
    mutating func run() async throws {
        let (events, sink) = AsyncStream.makeStream(of: Event.self)
        try LiveScreen.readKeys({ sink.yield(.key($0)) }, atEnd: { sink.yield(.end) })
        // Before the terminal is taken: no signal ends the program without its being given back.
        let signals = await UnixSignalsSequence(trapping: .sigint, .sigterm, .sighup, .sigquit, .sigwinch)
        screen.enter()
        defer { screen.leave() }
        await withTaskGroup(of: Void.self) { group in
            group.addTask {
                for await signal in signals {
                    if signal != .sigwinch { LastResort.arm() }
                    sink.yield(.signal(signal))
                }
            }
            group.addTask {
                while !Task.isCancelled {
                    try? await Task.sleep(for: Self.pause)  // cancelled: the loop ends
                    sink.yield(.look)
                }
            }
            await show(events)
            group.cancelAll()
        }
    }

    private mutating func show(_ events: AsyncStream<Event>) async {
        draw()
        for await event in events {
            switch event {
            case .look: await look()
            case .signal(.sigwinch): break
            case .key(UInt8(ascii: "q")), .key(UInt8(ascii: "Q")), .key(Self.controlC): return
            case .key(Self.controlZ): suspend()
            case .key: continue
            case .signal, .end: return
            }
            draw()
        }
    }

    private static let controlC: UInt8 = 3
    private static let controlZ: UInt8 = 26

    /// Stops as a shell expects it, and goes on when that says so.
    private func suspend() {
        screen.leave()
        raise(SIGTSTP)
        screen.enter()
    }

    private func draw() {
        let (width, height) = LiveScreen.size
        screen.draw(WatchText.lines(view, width: width, height: height), coloured: Terminal.standardOutput.hasColour)
    }

    private mutating func look() async {
        let began = ContinuousClock.now
        if began >= nextGathering {
            do {
                view = try await Self.gather(config, file)
            } catch {
                view.trouble = Failure.of(error).naming(file).message
            }
            let end = ContinuousClock.now
            nextGathering = end + max(Self.leastPause, (end - began) * Self.share)
        } else {
            view.report.daemon = StatusReport.Daemon.running(config)
            view.report.lookAround(config)
        }
        view.now = .now
    }

    private static func gather(_ config: Config, _ file: String) async throws -> WatchView {
        let store = try config.readableState()
        defer { try? store.close() }  // nothing was written
        let report = try await StatusReport.ask(store, config: config)
        var query = HistoryQuery()
        query.limit = mostRecent
        query.kinds = Set(ChangeKind.allCases).subtracting([.passDone])
        return WatchView(report: report, recent: try await store.history(query), now: .now, configuration: file)
    }
}
