import ServiceLifecycle

/// Hears first that the group shuts down, and sees to its end.
///
/// Services are shut down one after the other, from the last of the group to the first: whoever comes after one that hangs
/// would never hear of it.
struct StoppingService: Service {
    let notifier: SystemdNotifier

    func run() async throws {
        try? await gracefulShutdown()  // cancelled: the group is at its end as well
        notifier.stopping(status: "stopping")
        LastResort.arm()
    }
}
