import ServiceLifecycle

/// Announces the shutdown, and limits how long it may take.
///
/// Has to be the last service of its group: a `ServiceGroup` shuts its services down one at a time, from the last to the
/// first, and waits for each. Those before a service that hangs are never told.
struct StoppingService: Service {
    let notifier: SystemdNotifier

    func run() async throws {
        try? await gracefulShutdown()  // cancelled: the group is at its end as well
        notifier.stopping(status: "stopping")
        LastResort.arm()
    }
}
