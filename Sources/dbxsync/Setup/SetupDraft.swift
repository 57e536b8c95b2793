import Configuration
import TextFormatting

/// The configuration that `dbxsync setup` is about to write; pure.
struct SetupDraft: Equatable, Sendable {
    /// The file.
    let file: String
    /// What stood there; nil if there was no file.
    let original: String?
    /// What will stand there.
    private(set) var text: String

    /// Begins with what stands in the file, or with next to nothing.
    init(file: String, original: String?) {
        (self.file, self.original) = (file, original)
        text = original ?? "# Configuration of dbxsync, in TOML. All keys: man dbxsync.conf\n"
    }

    /// Whether there is anything to write.
    var isChanged: Bool { text != original }

    /// Whether somebody has set something in the file, so that the old one is worth keeping.
    var isWorthKeeping: Bool {
        guard let original, isChanged else { return false }
        return original.split(separator: "\n").contains { line in
            let bare = line.drop { $0 == " " || $0 == "\t" }
            return bare.contains("=") && bare.first != "#"
        }
    }

    /// Sets a key, if the value is one that it can have.
    ///
    /// - Throws: `SetupRefusal` with what is wrong with it; nothing is changed then.
    mutating func set(_ key: String, to value: String?) throws(SetupRefusal) {
        let new: String
        do throws(ConfigValueError) {
            new = try ConfigEdit.set(key, to: value, in: text)
        } catch {
            throw SetupRefusal(error.message)
        }
        if case .failure(let problems) = ConfigFile.parse(Array(new.utf8), file: file),
            let problem = problems.problems.first(where: { $0.key == key && value != nil })
        {
            throw SetupRefusal(problem.message)
        }
        text = new
    }

    /// The configuration, when all that has to be set is set.
    ///
    /// - Throws: `Failure` with everything that is wrong.
    func checked() throws(Failure) -> Config {
        switch ConfigFile.parse(Array(text.utf8), file: file) {
        case .success(let config): return config
        case .failure(let problems): throw Failure(.badConfiguration, problems.description)
        }
    }

    /// The configuration as far as it goes: keys that have to be set and are not are made up.
    ///
    /// - Throws: `Failure` with all that is wrong with it otherwise.
    func provisional() throws(Failure) -> Config {
        var draft = self
        for (key, value) in [("account.app_key", "none"), ("mirror.directory", "/nonexistent")]
        where draft.value(key) == nil {
            try? draft.set(key, to: value)  // what is wrong with the file then, checked() says
        }
        return try draft.checked()
    }

    /// The text that a key is set to; nil if it is not set.
    func value(_ key: String) -> String? { ConfigEdit.value(of: key, in: text) }
}

/// Why an answer is not taken; a sentence for people.
struct SetupRefusal: Error, Equatable {
    let message: String

    init(_ message: String) { self.message = message }
}
