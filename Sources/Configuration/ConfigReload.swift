extension Config {
    /// What a reload changes.
    package struct Change: Equatable, Sendable {
        /// The running configuration with every new value that counts at once.
        package let config: Config
        /// Keys whose new value counts at once.
        package let live: [String]
        /// Keys whose new value counts from the next pass on; one that is under way keeps to the old value.
        package let nextPass: [String]
        /// Keys whose new value waits for a restart; the running configuration keeps the old one.
        package let afterRestart: [String]

        /// True when the file says what is running already.
        package var isEmpty: Bool { live.isEmpty && nextPass.isEmpty && afterRestart.isEmpty }
    }

    /// This running configuration beside a newly read one.
    package func change(to new: Config) -> Change {
        var config = self
        let changed = Self.keys.filter { !$0.isSame(self, new) }
        for key in changed where key.reload != .restart { key.copy(new, &config) }
        // Not the daemon's: `dbxsync run-on-change` reads it when it starts.
        config.onChange = new.onChange
        func paths(_ reload: ConfigKey.Reload) -> [String] { changed.filter { $0.reload == reload }.map(\.path) }
        return Change(
            config: config, live: paths(.live), nextPass: paths(.nextPass), afterRestart: paths(.restart))
    }
}
