import Logging

/// What one pass has done.
public struct PassReport: Hashable, Sendable {
    /// Entries of the pages read.
    public var listed = 0
    /// Files and symbolic links put in place, whatever way.
    public var placed = 0
    /// Of these, symbolic links.
    public var links = 0
    /// Of these, files whose content was fetched.
    public var downloaded = 0
    /// Bytes fetched.
    public var bytes: Int64 = 0
    /// Files that were already there.
    public var adopted = 0
    /// Files and folders renamed instead of fetched.
    public var moved = 0
    /// Files copied from elsewhere in the mirror.
    public var copied = 0
    /// Folders made.
    public var folders = 0
    /// Entries removed.
    public var removed = 0
    /// Things that were not ours and were moved into `.dbxsync/aside`.
    public var setAside = 0
    /// Entries that failed in this pass.
    public var failed = 0
    /// Entries that were parked in this pass and are not accepted.
    public var parked = 0
    /// Entries that were parked in this pass and may be missing.
    public var accepted = 0
    /// Files whose removal or replacement is held since this pass.
    public var held = 0
    /// Paths that were found changed by others.
    public var drifted = 0
    /// Full listings begun because the cursor was of no use any more.
    public var resets = 0
    /// Lines about single paths that were not logged at their own level, because there were so many.
    public var withheld = 0
    /// How long it took so far, and what with.
    public var times = PassTimes()

    /// Creates an empty report.
    public init() {}

    /// Whether nothing was found to do.
    public var isEmpty: Bool {
        placed + folders + removed + setAside + failed + parked + accepted + resets + moved + drifted + held == 0
    }

    /// Bytes fetched for each second in which a download was under way; zero without downloads.
    public var bytesPerSecond: Int64 {
        let seconds = times[.network] / .seconds(1)
        return seconds > 0 ? Int64(min(Double(bytes) / seconds, 9e18).rounded()) : 0
    }
}

extension PassReport: CustomStringConvertible {
    /// The counts that are not zero, in words.
    public var summary: String {
        let files = placed - links
        let parts = [
            (drifted, "found changed here"),
            (files, files == 1 ? "file placed" : "files placed"), (downloaded, "of them downloaded"),
            (adopted, "already there"), (moved, "renamed"), (copied, "copied"),
            (links, links == 1 ? "link made" : "links made"), (folders, folders == 1 ? "folder made" : "folders made"),
            (removed, "removed"), (setAside, "set aside"),
            (held, "held"), (failed, "failed"), (parked, "parked"),
            (accepted, "accepted"),
            (resets, resets == 1 ? "full listing" : "full listings"),
        ]
        let words = parts.filter { $0.0 > 0 }.map { "\($0.0) \($0.1)" }
        if words.isEmpty { return "nothing to do" }
        return words.joined(separator: ", ") + (Self.withheldText(withheld).map { "; \($0)" } ?? "")
    }

    /// What is told of lines that were not logged; `nil` if there are none.
    static func withheldText(_ count: Int) -> String? {
        if count == 0 { return nil }
        let paths = count == 1 ? "1 path has" : "\(count) paths have"
        return "\(paths) no line of their own, except with log.level = \"debug\""
    }

    /// The same as `summary`.
    public var description: String { summary }
}

extension PassReport {
    /// The fields of the journal's entry.
    var metadata: Logger.Metadata {
        var fields: Logger.Metadata = [
            "event": "pass_done", "bytes": "\(bytes)", "bytes_per_second": "\(bytesPerSecond)", "placed": "\(placed)",
            "links": "\(links)", "removed": "\(removed)", "failed": "\(failed)", "parked": "\(parked)",
            "accepted": "\(accepted)",
            "withheld": "\(withheld)",
        ]
        for (name, seconds) in times.seconds { fields["seconds_\(name)"] = "\(seconds)" }
        return fields
    }
}
