import SyncModel
import TextFormatting

/// `dbxsync explain` for people; pure.
enum ExplainText {
    /// The whole report.
    static func lines(_ report: ExplainReport, now: Timestamp) -> [String] {
        let facts: [(String, String?)] = [
            ("Dropbox", dropbox(report, now)), ("made of", report.document.flatMap { $0.isFile ? nil : $0.path }),
            ("asked now", asked(report)), ("here", here(report)),
            ("selected", selected(report)), (pendingName(report), pending(report, now)), ("held", held(report, now)),
            ("below", below(report)), ("last look", report.unproven), ("unreadable", report.unread),
            ("changed", report.lastChange.map { change($0, report.path, now) }),
            ("looked at", lookedAt(report, now)),
            ("hashed", report.hashedAt.map { "its bytes were seen to be right \(time($0, now))" }),
        ]
        return [escapingControls("\(report.path): \(heading(report))")]
            + facts.compactMap { name, text in text.map { escapingControls("  \(padded(name))\($0)") } }
            + report.above.filter { $0.path.pathKey != report.selection.about.pathKey }.map {
                escapingControls("  \(padded("above"))\($0.path) \($0.why)")
            } + kept(report, now)
            + report.similar.map { escapingControls("  \(padded("similar"))\($0)") }
    }

    static func heading(_ report: ExplainReport) -> String {
        let what = report.dropbox?.kind == "folder" ? "folder" : "file"
        switch report.state {
        case "in_step": return "in step: what stands here is what Dropbox has"
        case "left_out":
            if report.dropbox == nil { return "left alone here: Dropbox has it no more" }
            return report.mirror == nil && !report.fileStands
                ? "left out, by \(report.selection.words)" : "left alone, by \(report.selection.words)"
        case "held":
            if report.hold == nil { return "not in step: something below it is held" }
            return report.dropbox == nil
                ? "held: Dropbox has it no more, and its removal waits for approval"
                : report.hold?.status == "rejected"
                    ? "kept as it is: Dropbox has another version, which was rejected"
                    : "held: Dropbox has another version, which waits for approval"
        case "parked": return "not in step: it cannot be mirrored as it is"
        case "accepted": return "cannot be mirrored as it is, and may be missing"
        case "exported":
            let name = report.document?.path ?? ""
            return report.asWanted && report.fileStands
                ? "an online document; it stands here as \(name)"
                : "an online document, which is to stand here as \(name): \(report.fileHeading)"
        case "failing": return "not in step: it failed, and is tried again"
        case "waiting":
            if report.pending == nil { return "not in step: something below it is still to be done" }
            return
                "not in step: it is still to be \(report.dropbox == nil ? "removed" : report.mirror == nil ? "placed" : "updated")"
        case "drift": return "not in step: it \(Drift(rawValue: report.disk)?.description ?? "differs here")"
        case "unproven": return "not known to be in step: it could not be looked at"
        case "unread": return "not in step: what Dropbox says of it cannot be read; what stands here stays as it is"
        case "changed": return "not in step: Dropbox has changed it since it was asked last"
        case "removed": return gone(report)
        case "stranger": return "not from Dropbox: somebody else put it here, and it is in nobody's way"
        case "unknown" where report.checkedAt == nil: return "nothing is known of it: no pass has been made yet"
        case "unknown": return "neither Dropbox nor the mirror has it, and nothing is known of a \(what) there before"
        default: return report.state
        }
    }

    /// What became of something that is nowhere any more.
    private static func gone(_ report: ExplainReport) -> String {
        if let change = report.lastChange, change.event == "moved", change.oldPath?.pathKey == report.path.pathKey {
            return "moved to \(change.path)"
        }
        return report.kept == 0
            ? "Dropbox has nothing there any more, and nothing stands here"
            : "Dropbox has nothing there any more; \"dbxsync restore\" brings back what is in the trash"
    }

    // MARK: Lines

    private static func dropbox(_ report: ExplainReport, _ now: Timestamp) -> String {
        guard let checkedAt = report.checkedAt else { return report.dropbox.map(content) ?? "was not asked yet" }
        return (report.dropbox.map(content) ?? "nothing") + ", as of \(time(checkedAt, now))"
    }

    private static func asked(_ report: ExplainReport) -> String? {
        guard let asked = report.asked else { return nil }
        if let failure = asked.failure { return "could not be asked: \(failure)" }
        if asked.content == report.dropbox { return "the same" }
        return asked.content.map(content) ?? "nothing"
    }

    private static func here(_ report: ExplainReport) -> String {
        if report.document?.isFile == true {
            return "\(report.local): \(report.fileStands ? "its export" : "nothing of Dropbox's")"
        }
        let recorded =
            report.mirror.map { $0 == report.dropbox ? "the same" : content($0) } ?? "nothing of Dropbox's"
        let disk =
            switch report.disk {
            case _ where report.isDiskUnknown: "; the disk could not be looked at: \(report.disk)"
            case "as_recorded", "nothing": ""
            case "stranger": "; something of somebody else stands there"
            default: Drift(rawValue: report.disk).map { " was put there, and it \($0.description)" } ?? ""
            }
        return "\(report.local): \(recorded)\(disk)"
    }

    private static func content(_ content: ExplainReport.Content) -> String {
        guard content.kind == "file" else {
            return content.kind == "folder" ? "a folder" : content.kind + (content.rev.map { ", rev \($0)" } ?? "")
        }
        return [
            "a file", content.size.map(HumanText.bytes), content.rev.map { "rev \($0)" },
            content.modified.map { "modified \(TimeText.local($0.time))" },
            content.contentHash.map { "hash \($0.prefix(12))…" },
        ].compactMap(\.self).joined(separator: ", ")
    }

    private static func selected(_ report: ExplainReport) -> String? {
        let selection = report.selection
        let new = selection.isNew ? "; the patterns have changed, and take effect with the next pass" : ""
        guard selection.key != nil || selection.verdict != "selected" || selection.isNew else { return nil }
        let about = selection.about.pathKey == report.path.pathKey ? "" : ", which is about \(selection.about)"
        let verdict =
            switch selection.verdict {
            case "outside": "no"
            case "on_the_way": "only as far as something below it is"
            default: "yes"
            }
        return "\(verdict), by \(selection.words)\(selection.key == nil ? "" : about)"
            + (selection.place.map { " (\($0))" } ?? "") + new
    }

    private static func pendingName(_ report: ExplainReport) -> String { report.pending?.state ?? "pending" }

    private static func pending(_ report: ExplainReport, _ now: Timestamp) -> String? {
        guard let pending = report.pending else { return nil }
        let noun = pending.attempts == 1 ? "try" : "tries"
        let tries = pending.attempts > 0 ? " (\(HumanText.count(pending.attempts)) \(noun))" : ""
        let next = pending.nextTry.map { "; next try \(TimeText.distance(max($0.time, now), from: now))" } ?? ""
        return "\(pending.reason ?? whatItWaitsFor(report))\(tries)\(next)"
    }

    private static func whatItWaitsFor(_ report: ExplainReport) -> String {
        switch report.hold?.status {
        case "held": "not before that is decided"
        case "rejected": "not before Dropbox has something else there"
        default: "with the next pass"
        }
    }

    private static func held(_ report: ExplainReport, _ now: Timestamp) -> String? {
        if let hold = report.hold {
            let what =
                switch hold.status {
                case "approved": ", approved, done with the next pass"
                case "rejected": ", rejected: it stays as it is"
                default: "; decide with \"dbxsync held --approve \(hold.id)\" or \"--reject \(hold.id)\""
                }
            return "hold \(hold.id) since \(time(hold.since, now)): \(hold.reason)\(what)"
        }
        return report.heldBelow > 0
            ? "\(HumanText.count(report.heldBelow, "path")) below it; see \"dbxsync held\"" : nil
    }

    private static func below(_ report: ExplainReport) -> String? {
        report.pendingBelow > 0
            ? "\(HumanText.count(report.pendingBelow, "path")) not as in Dropbox; see \"dbxsync status\"" : nil
    }

    private static func change(_ change: ExplainReport.Change, _ path: String, _ now: Timestamp) -> String {
        let isHere = change.path.pathKey == path.pathKey
        let what = change.event.split(separator: "_").joined(separator: " ")
        let place = isHere ? "" : " \(change.path)"
        let from = change.oldPath.map { $0.pathKey == path.pathKey ? " from here" : " from \($0)" } ?? ""
        let rev = change.rev.map { ", rev \($0)" } ?? ""
        return
            "\(time(change.time, now)): \(what)\(from)\(place.isEmpty ? "" : (change.oldPath == nil ? " of" : " to") + place)\(rev)"
            + (change.reason.map { "; \($0)" } ?? "")
    }

    private static func lookedAt(_ report: ExplainReport, _ now: Timestamp) -> String? {
        let swept = report.sweptAt.map { "the whole disk was last compared \(time($0, now))" }
        if report.watched { return (swept.map { $0 + ", and " } ?? "") + "the daemon watches all folders" }
        return swept
    }

    private static func kept(_ report: ExplainReport, _ now: Timestamp) -> [String] {
        let lines = report.lastKept.map { item in
            let place = item.path.pathKey == report.path.pathKey ? "" : "  \(item.path)"
            return escapingControls(
                "  \(padded("in trash"))\(item.reason) \(time(item.at, now)), \(HumanText.bytes(item.size))"
                    + (item.rev.map { ", rev \($0)" } ?? "") + place)
        }
        let more = report.kept - report.lastKept.count
        return lines
            + (more > 0 ? ["  \(padded("in trash"))and \(HumanText.count(more)) more; see \"dbxsync trash\""] : [])
    }

    private static func time(_ moment: Moment, _ now: Timestamp) -> String {
        TimeText.localAndDistance(moment.time, from: now)
    }

    private static func padded(_ word: String) -> String { StatusText.padded(word) }
}

extension ExplainReport.Selected {
    /// The pattern that decides, in words.
    fileprivate var words: String {
        if let key, let pattern { return "\(key) \(quoted(pattern))" }
        return verdict == "selected" ? "no pattern" : "mirror.include, which does not ask for it"
    }
}
