import SyncModel

/// One key of the configuration: the only place that knows its name, its form and what a reload does with it.
struct ConfigKey: Sendable {
    /// When a changed value counts.
    enum Reload: Sendable {
        /// At once after SIGHUP, for what is under way, too.
        case live
        /// From the next pass after SIGHUP.
        case nextPass
        /// From the next start.
        case restart
    }

    /// Full name, such as `mirror.file_mode`.
    let path: String
    /// When a changed value counts.
    let reload: Reload
    /// True for values that are never shown.
    let secret: Bool
    /// Reads a literal, or what was found instead, into a configuration.
    let read: @Sendable (ConfigLiteral?, String, inout Config) throws(ConfigValueError) -> Void
    /// The value as it would be written; nil when it is not set.
    let show: @Sendable (Config) -> ConfigLiteral?
    /// Takes the value from the first into the second.
    let copy: @Sendable (Config, inout Config) -> Void
    /// Whether both hold the same value.
    let isSame: @Sendable (Config, Config) -> Bool

    /// Binds a name to a property and a form.
    init<Value>(
        _ path: String, _ property: any WritableKeyPath<Config, Value> & Sendable, _ form: ConfigForm<Value>,
        _ reload: Reload, secret: Bool = false
    ) {
        self.path = path
        self.reload = reload
        self.secret = secret
        read = { literal, found, config throws(ConfigValueError) in
            config[keyPath: property] = try form.read(literal, found)
        }
        show = { form.show($0[keyPath: property]) }
        copy = { $1[keyPath: property] = $0[keyPath: property] }
        isSame = { $0[keyPath: property] == $1[keyPath: property] }
    }

    /// The table it stands in, such as `mirror` or `on_change.index`.
    var table: String { String(path.dropLast(name.count + 1)) }
    /// Its name inside the table.
    var name: String { String(path.split(separator: ".").last ?? "") }
}

extension Config {
    /// All keys but those of `[on_change.NAME]`, in the order of the sample file.
    static let keys: [ConfigKey] = [
        ConfigKey("account.app_key", \.account.appKey, .token, .restart),
        ConfigKey("account.app_secret", \.account.appSecret, .optional(.token), .restart, secret: true),
        ConfigKey("account.credentials", \.account.credentials, .path, .restart),
        ConfigKey("account.endpoint", \.account.endpoint, .optional(.endpoint), .restart),
        ConfigKey("account.ca_file", \.account.caFile, .optional(.path), .restart),
        ConfigKey("account.proxy", \.account.proxy, .optional(.proxy), .restart),
        ConfigKey("account.team_space", \.account.teamSpace, .flag, .restart),
        ConfigKey("account.namespace", \.account.namespace, .optional(.namespace), .restart),
        ConfigKey("mirror.directory", \.mirror.directory, .path, .restart),
        ConfigKey("mirror.remote_root", \.mirror.remoteRoot, .remoteFolder, .restart),
        ConfigKey("mirror.exclude", \.mirror.exclude, .patterns, .nextPass),
        ConfigKey("mirror.include", \.mirror.include, .patterns, .nextPass),
        ConfigKey("mirror.accept", \.mirror.accept, .patterns, .nextPass),
        ConfigKey("mirror.local_changes", \.mirror.localChanges, .localChanges, .restart),
        ConfigKey("mirror.file_mode", \.mirror.fileMode, fileMode, .restart),
        ConfigKey("mirror.directory_mode", \.mirror.directoryMode, directoryMode, .restart),
        ConfigKey("mirror.group", \.mirror.group, .optional(.group), .restart),
        ConfigKey("mirror.watch", \.mirror.watch, .flag, .restart),
        ConfigKey("mirror.strangers", \.mirror.strangers, .strangers, .nextPass),
        ConfigKey("mirror.min_free_space", \.mirror.minFreeSpace, .size, .nextPass),
        ConfigKey("mirror.max_size", \.mirror.maxSize, .sizeOrNone, .nextPass),
        ConfigKey("mirror.symlinks", \.mirror.createsSymlinks, .symlinks, .nextPass),
        ConfigKey("export.paper", \.exports[.paper], .export, .nextPass),
        ConfigKey("export.gdoc", \.exports[.gdoc], .export, .nextPass),
        ConfigKey("export.gsheet", \.exports[.gsheet], .export, .nextPass),
        ConfigKey("export.gslides", \.exports[.gslides], .export, .nextPass),
        ConfigKey("export.other", \.exports[.other], .export, .nextPass),
        ConfigKey("state.directory", \.state.directory, .path, .restart),
        ConfigKey("schedule.interval", \.schedule.interval, .duration(.seconds(1)...days(30)), .live),
        ConfigKey("schedule.longpoll", \.schedule.longpoll, .flag, .live),
        ConfigKey("schedule.relist", \.schedule.relist, .durationOrNever(.seconds(1)...days(365)), .nextPass),
        ConfigKey("schedule.sweep", \.schedule.sweep, .durationOrNever(.seconds(1)...days(365)), .nextPass),
        ConfigKey("schedule.scrub", \.schedule.scrub, .durationOrNever(.seconds(1)...days(3650)), .live),
        ConfigKey(
            "schedule.max_staleness", \.schedule.maxStaleness, .durationOrNever(.seconds(1)...days(365)), .live),
        ConfigKey("transfer.parallel", \.transfer.parallel, .count(1...256), .nextPass),
        ConfigKey("transfer.bandwidth", \.transfer.bandwidth, .rateOrUnlimited(least: 1_000), .live),
        ConfigKey("transfer.bulk", \.transfer.bulk, .flag, .nextPass),
        ConfigKey(timetableKey, \.transfer.timetable, .timetable, .live),
        ConfigKey("outbox.directory", \.outbox.directory, .optional(.path), .restart),
        ConfigKey("outbox.remote_folder", \.outbox.remoteFolder, .optional(.remoteFolder), .restart),
        ConfigKey("outbox.after", \.outbox.after, .afterUpload, .restart),
        ConfigKey("outbox.settle", \.outbox.settle, .duration(.milliseconds(100)...days(1)), .restart),
        ConfigKey("outbox.exclude", \.outbox.exclude, .patterns, .restart),
        ConfigKey("outbox.inside_mirror", \.outbox.insideMirror, .flag, .restart),
        ConfigKey("guard.removals", \.brake.removals, .countOrOff, .nextPass),
        ConfigKey("guard.share", \.brake.sharePercent, .shareOrOff, .nextPass),
        ConfigKey("guard.overwrites", \.brake.overwrites, .countOrOff, .nextPass),
        ConfigKey("guard.window", \.brake.window, .duration(.seconds(1)...days(365)), .nextPass),
        ConfigKey("guard.release_after", \.brake.releaseAfter, .durationOrNever(.seconds(1)...days(365)), .nextPass),
        ConfigKey("trash.keep", \.trash.keep, .durationOrNever(.seconds(1)...days(3650)), .nextPass),
        ConfigKey("trash.size", \.trash.limit, .trashLimit, .nextPass),
        ConfigKey("history.keep", \.history.keep, .historyAge(.seconds(3600)...days(3650)), .nextPass),
        ConfigKey("history.rows", \.history.rows, .count(1_000...1_000_000_000), .nextPass),
        ConfigKey("metrics.textfile", \.metrics.textfile, .optional(.textfile), .live),
        ConfigKey("heartbeat.url", \.heartbeat.url, .optional(.heartbeat), .live, secret: true),
        ConfigKey("heartbeat.interval", \.heartbeat.interval, .duration(.seconds(15)...days(1)), .live),
        ConfigKey("log.level", \.log.level, .level, .live),
        ConfigKey("log.format", \.log.format, .choice(LogFormat.allCases.map { ($0.rawValue, $0) }), .live),
    ]

    /// The keys that have no default.
    static let requiredKeys = ["account.app_key", "mirror.directory"]

    private static let fileMode = ConfigForm<UInt32>.mode(
        needed: 0o400, allowed: 0o777, why: "the owner must be able to read, and set-id bits are refused")
    private static let directoryMode = ConfigForm<UInt32>.mode(
        needed: 0o700, allowed: 0o3777, why: "the owner needs all rights, and set-user-id is refused")

    /// That many days.
    static func days(_ count: Int64) -> Duration { .seconds(count * 86_400) }
}
