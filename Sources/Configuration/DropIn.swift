import SyncModel
import Outbox
import TextFormatting

/// The systemd drop-in that lets a service write to what its configuration names, and to nothing else; pure.
package struct DropIn {
    /// The unit that runs with the configuration.
    package let unit: String
    private let file: String
    /// What the service has to be able to write to.
    package let written: [String]
    /// What has to be mounted.
    private let mounts: [String]
    /// What has to be writable beside the service's own state directory.
    private let granted: [String]
    /// What would hide it.
    private let lifted: [Shield]
    /// The group of mirrored files, which the service has to be a member of.
    private let group: String?

    /// A setting of the unit that hides directories.
    private struct Shield {
        let setting: String
        let folders: [String]

        func hides(_ path: String) -> Bool { folders.contains { PathText.lies(path, in: $0) } }
    }

    private static let shields = [
        Shield(setting: "ProtectHome", folders: ["/home", "/root", "/run/user"]),
        Shield(setting: "PrivateTmp", folders: ["/tmp", "/var/tmp"]),
    ]

    /// The setting of the units that hides a path from a service, and the folder that it empties; nil if none does.
    package static func shield(over path: String) -> (setting: String, folder: String)? {
        for shield in shields {
            if let folder = shield.folders.first(where: { PathText.lies(path, in: $0) }) {
                return (shield.setting, folder)
            }
        }
        return nil
    }

    /// What `config`, read from `file`, asks for.
    package init(_ config: Config, file: String) {
        self.file = file
        let mirror = config.mirror.directory
        mounts = [mirror, config.outbox.directory].compactMap(\.self)
        let name = Self.instance(file)
        unit = Self.unit(of: file)
        // The sign-in is renewed by a new file beside the old one.
        let wanted =
            [mirror, config.state.directory, Self.parent(config.account.credentials)] + Self.outbox(config)
            // The file for node_exporter is replaced by a new one beside it.
            + [config.metrics.textfile.map(Self.parent)].compactMap(\.self)
        written = wanted
        var covered = ["/var/lib/dbxsync" + (name.map { "/\($0)" } ?? "")]
        for path in wanted where !covered.contains(where: { PathText.lies(path, in: $0) }) { covered.append(path) }
        granted = Array(covered.dropFirst())
        let seen = wanted + [config.outbox.directory].compactMap(\.self)
        lifted = Self.shields.filter { seen.contains(where: $0.hides) }
        group = config.mirror.group
    }

    /// The drop-in as a file.
    ///
    /// - Throws: `ConfigValueError` for a path that no unit file can name.
    package func text() throws(ConfigValueError) -> String {
        let folder = "/etc/systemd/system/\(unit).d"
        var lines = [
            "# What \(unit) may write to, made from \(escapingControls(file)). To put it in force, as root:",
            "#   mkdir -p \(folder)",
            "#   dbxsync check-config --drop-in --config \(escapingControls(file)) > \(folder)/directories.conf",
            "#   systemctl daemon-reload",
            "#   systemctl restart \(unit)",
            "[Unit]",
            "# Not before these file systems are mounted.",
            "RequiresMountsFor=\(try mounts.map(Self.word).joined(separator: " "))",
            "",
            "[Service]",
            "# These, and its own state directory; no longer /srv, /mnt, /media and /data as a whole. \"-\": what is not",
            "# there is passed over, and dbxsync itself says so.",
            "ReadWritePaths=",
        ]
        for path in granted { lines.append("ReadWritePaths=\(try Self.word("-" + path))") }
        for shield in lifted {
            lines += ["# Would hide what is below \(shield.folders.joined(separator: ", ")).", "\(shield.setting)=no"]
        }
        if let group {
            lines += [
                "# mirror.group, which would be unknown to the service among users of its own (PrivateUsers=).",
                "SupplementaryGroups=\(try Self.word(group))", "PrivateUsers=no",
            ]
        }
        return lines.joined(separator: "\n") + "\n"
    }

    /// The unit that runs with the configuration of `file`.
    package static func unit(of file: String) -> String {
        instance(file).map { "dbxsync@\($0).service" } ?? "dbxsync.service"
    }

    /// The file that the drop-in is put into, by which it is found again.
    package var path: String { "/etc/systemd/system/\(unit).d/directories.conf" }

    /// The configuration of the service, or of an instance of it.
    package static func file(ofInstance name: String?) -> String {
        name.map { "/etc/dbxsync/\($0).conf" } ?? "/etc/dbxsync.conf"
    }

    /// `NAME` of `/etc/dbxsync/NAME.conf`.
    package static func instance(_ file: String) -> String? {
        let (folder, suffix) = ("/etc/dbxsync/", ".conf")
        guard file.hasPrefix(folder), file.hasSuffix(suffix) else { return nil }
        let name = file.dropFirst(folder.count).dropLast(suffix.count)
        return name.isEmpty || name.contains("/") ? nil : String(name)
    }

    /// Files of the outbox are removed or moved; where they stay they are only read.
    private static func outbox(_ config: Config) -> [String] {
        guard let directory = config.outbox.directory else { return [] }
        switch config.outbox.after {
        case .keep: return []
        case .delete: return [directory]
        case .move(let folder): return folder.hasPrefix("/") ? [directory, folder] : [directory]
        }
    }

    private static func parent(_ path: String) -> String {
        "/" + path.pathComponents.dropLast().joined(separator: "/")
    }

    /// A path as one word of a unit file (systemd.syntax(7)): quoted where it has to be, `%` doubled.
    private static func word(_ path: String) throws(ConfigValueError) -> String {
        guard path.unicodeScalars.allSatisfy({ $0.value >= 0x20 && $0.value != 0x7F }) else {
            throw ConfigValueError(
                "\(quoted(path)) holds a control character, which a unit file cannot name; choose another")
        }
        var text = ""
        var isPlain = true
        for scalar in path.unicodeScalars {
            switch scalar {
            case "%": text += "%%"
            case "\"", "\\": (text, isPlain) = (text + "\\\(scalar)", false)
            case " ", "'", ";", "#", "$": (text, isPlain) = (text + "\(scalar)", false)
            default: text.unicodeScalars.append(scalar)
            }
        }
        return isPlain ? text : "\"\(text)\""
    }
}
