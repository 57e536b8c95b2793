import Outbox
import TextFormatting

/// Where an outbox may be.
package enum OutboxPlaces {
    /// Why two folders cannot be beside each other; nil if they can.
    package static func overlap(_ outbox: String, what: String, other: String) -> String? {
        if PathText.lies(outbox, in: other) { return "\(quoted(outbox)) lies in \(what) \(quoted(other))" }
        if PathText.lies(other, in: outbox) { return "\(what) \(quoted(other)) lies in \(quoted(outbox))" }
        return nil
    }

    /// What is wrong with an outbox that is to lie in the mirror: the key, and why; nil if nothing is.
    static func misplaced(_ outbox: Config.OutboxTable, _ mirror: Config.MirrorSettings) -> (String, String)? {
        guard let directory = outbox.directory, let remoteFolder = outbox.remoteFolder else { return nil }
        let below = PathText.relative(directory, to: mirror.directory)
        guard PathText.lies(directory, in: mirror.directory), !below.isEmpty else {
            return (
                "outbox.inside_mirror", "\(quoted(directory)) does not lie in the mirror \(quoted(mirror.directory))"
            )
        }
        if below.hasPrefix(".dbxsync") { return ("outbox.directory", "\(quoted(directory)) is dbxsync's own") }
        let wanted = mirror.remoteRoot + "/" + below
        guard remoteFolder.utf8.elementsEqual(wanted.utf8) else {
            return (
                "outbox.remote_folder", "in the mirror \(quoted(directory)) is \(quoted(wanted)): no other can be set"
            )
        }
        guard outbox.after == .keep else { return ("outbox.after", "in the mirror only \"keep\" is possible") }
        return nil
    }
}
