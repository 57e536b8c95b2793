extension Config {
    /// What a reload changes.
    struct Change: Equatable, Sendable {
        /// The running configuration with every new value that counts at once.
        let config: Config
        /// Keys whose new value counts from the next pass.
        let live: [String]
        /// Keys whose new value waits for a restart; the running configuration keeps the old one.
        let afterRestart: [String]

        /// True when the file says what is running already.
        var isEmpty: Bool { live.isEmpty && afterRestart.isEmpty }
    }

    /// This running configuration beside a newly read one.
    func change(to new: Config) -> Change {
        var config = self
        let changed = Self.keys.filter { !$0.isSame(self, new) }
        let live = changed.filter { $0.reload == .live }
        for key in live { key.copy(new, &config) }
        return Change(
            config: config, live: live.map(\.path),
            afterRestart: changed.filter { $0.reload == .restart }.map(\.path))
    }
}
