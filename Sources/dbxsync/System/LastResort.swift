import CLinux

/// The end of a process that was asked to stop and cannot: a thread hangs in the kernel, or waits for a name look-up.
///
/// Nothing is lost by it: whatever was being done is settled at the next start, as after a crash.
enum LastResort {
    /// How long a stop may take, in milliseconds; the batch that is being published is usually finished long before.
    private static let patience: Int32 = 4_000
    /// How long the network may take to let go when all work is done, in milliseconds.
    private static let parting: Int32 = 500

    /// Ends the process cleanly, with a last line, if it has not ended by itself before long.
    static func arm() {
        dbx_exit_after(
            patience, 0,
            "<4>dbxsync: stopped, although something is still waiting for the disk or the network; the next start settles "
                + "what it was at\n")
    }

    /// Ends the process with `code` if what is left of the network does not let go.
    static func armForParting(code: ExitCode = .done) { dbx_exit_after(parting, code.rawValue, nil) }

    /// Ends the process as the signal it got would have, if it does not get so far by itself.
    static func arm(signal number: Int32) { dbx_exit_after(patience, 128 + number, nil) }
}
