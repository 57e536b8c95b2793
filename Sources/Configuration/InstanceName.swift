/// Names of instances: what stands for `NAME` in `dbxsync@NAME` and `/etc/dbxsync/NAME.conf`; pure.
package enum InstanceName {
    /// Unit names have at most 255 bytes (systemd.unit(5)), of which the longest other one here takes some.
    private static let longest = 100

    /// What an instance's state directory, `/var/lib/dbxsync/NAME`, would be mistaken for: it lies in that of
    /// `dbxsync.service`.
    private static let taken = ["credentials.json", "ended.json", "lock", "on-change", "state.db", "status.json"]

    /// What is wrong with a name; nil if nothing is.
    ///
    /// Such a name is the same in a unit's name, in `%i`, in the settings of a unit, in a path and in a URL.
    package static func problem(_ name: String) -> String? {
        if name.isEmpty { return "is empty" }
        guard name.utf8.allSatisfy(isPlain) else {
            return "may have letters and digits of ASCII, \"-\", \"_\" and \".\", and nothing else"
        }
        if name.hasPrefix("-") || name.hasPrefix(".") { return "begins with \"\(name.prefix(1))\"" }
        if name.utf8.count > longest { return "has more than \(longest) characters" }
        if name == "dbxsync" { return "is the name of the mirror of /etc/dbxsync.conf; choose another" }
        if taken.contains(where: name.hasPrefix) {
            return
                "is that of a file in /var/lib/dbxsync, where the instance's state directory would be; choose another"
        }
        return nil
    }

    private static func isPlain(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
            UInt8(ascii: "a")...UInt8(ascii: "z"):
            true
        default: "-_.".utf8.contains(byte)
        }
    }
}
