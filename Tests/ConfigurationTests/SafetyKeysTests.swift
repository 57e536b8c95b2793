import SyncModel
import Testing

@testable import Configuration

/// A text with what has to be there, and `more` from its third line on.
private func parse(_ more: String) -> Result<Config, ConfigProblems> {
    let needed = "account.app_key = \"k\"\nmirror.directory = \"/m\"\n"
    return ConfigFile.parse(Array((needed + more + "\n").utf8), file: "F")
}

/// What the problems of such a text are, as lines without the file's name.
private func problems(_ more: String) -> [String] {
    switch parse(more) {
    case .success: []
    case .failure(let problems): problems.problems.map { String($0.description.dropFirst(2)) }
    }
}

@Suite(.timeLimit(.minutes(5)))
struct SafetyKeysTests {
    @Test("brake, trash and history have the defaults of the contract")
    func defaults() throws {
        let config = try parse("").get()
        #expect(config.brake.removals == 1000 && config.brake.sharePercent == 20 && config.brake.overwrites == nil)
        #expect(config.brake.window == .seconds(3600) && config.brake.releaseAfter == nil)
        #expect(config.trash.keep == .seconds(30 * 86_400) && config.trash.limit == .share(percent: 10))
        #expect(config.history.keep == .seconds(90 * 86_400) && config.history.rows == 1_000_000)
        #expect(config.onChange.isEmpty)
    }

    @Test("every key of the brake, the trash and the history is read into its place")
    func values() throws {
        let config = try parse(
            """
            [guard]
            removals = 0
            share = "12.5%"
            overwrites = 500
            window = "2h"
            release_after = "3d"
            [trash]
            keep = "1d"
            size = "5GiB"
            [history]
            keep = "1h"
            rows = 1000
            """
        ).get()
        #expect(
            config.brake
                == GuardSettings(
                    removals: 0, sharePercent: 12.5, overwrites: 500, window: .seconds(7_200),
                    releaseAfter: .seconds(3 * 86_400)))
        #expect(config.trash == TrashSettings(keep: .seconds(86_400), limit: .bytes(5 << 30)))
        #expect(config.history == HistorySettings(keep: .seconds(3600), rows: 1000))
    }

    @Test("what is off is off")
    func off() throws {
        let config = try parse(
            """
            guard = {removals = "off", share = "off", overwrites = "off", release_after = "0"}
            trash.keep = "0"
            """
        ).get()
        #expect(config.brake == GuardSettings(removals: nil, sharePercent: nil))
        #expect(config.trash == TrashSettings(keep: nil))
        #expect(try ConfigFile.parse(Array(config.toml.utf8), file: "F").get() == config)
    }

    @Test(
        "a wrong value is refused with its line and column",
        arguments: [
            ("guard", "removals = -1", "4:12: guard.removals: -1 is out of range: at least 0"),
            ("guard", "removals = \"1000\"", "4:12: guard.removals: must be a number or \"off\", found a string"),
            ("guard", "removals = false", "4:12: guard.removals: must be a number or \"off\", found false"),
            (
                "guard", "share = 20",
                "4:9: guard.share: must be a share such as \"20%\", or \"off\", found the number 20"
            ),
            ("guard", "share = \"20\"", "4:9: guard.share: \"20\" is not a share such as \"20%\" or \"0.5%\""),
            ("guard", "share = \"%\"", "4:9: guard.share: \"%\" is not a share such as \"20%\" or \"0.5%\""),
            ("guard", "share = \"1.%\"", "4:9: guard.share: \"1.%\" is not a share such as \"20%\" or \"0.5%\""),
            ("guard", "share = \"-5%\"", "4:9: guard.share: \"-5%\" is not a share such as \"20%\" or \"0.5%\""),
            ("guard", "share = \"1e1%\"", "4:9: guard.share: \"1e1%\" is not a share such as \"20%\" or \"0.5%\""),
            (
                "guard", "share = \"100%\"",
                "4:9: guard.share: \"100%\" would never hold anything; write \"off\" if that is meant"
            ),
            ("guard", "overwrites = \"on\"", "4:14: guard.overwrites: must be a number or \"off\", found a string"),
            ("guard", "window = \"0\"", "4:10: guard.window: \"0\" is out of range: \"1s\" to \"365d\""),
            ("guard", "removal = 1", "4:1: guard.removal: unknown key, did you mean guard.removals?"),
            ("trash", "keep = 30", "4:8: trash.keep: must be a duration such as \"5min\", found the number 30"),
            (
                "trash", "size = 10",
                "4:8: trash.size: must be a share such as \"10%\" or a size such as \"5GiB\", found the number 10"
            ),
            (
                "trash", "size = \"101%\"",
                "4:8: trash.size: \"101%\" is more than the whole file system; at most \"100%\""
            ),
            (
                "trash", "size = \"0.0%\"",
                "4:8: trash.size: \"0.0%\" would keep nothing; to have no trash write trash.keep = \"0\""
            ),
            (
                "trash", "size = \"0\"",
                "4:8: trash.size: \"0\" would keep nothing; to have no trash write trash.keep = \"0\""
            ),
            ("trash", "size = \"5 gig\"", "4:8: trash.size: \"5 gig\" is not a size such as \"500MB\" or \"1GiB\""),
            (
                "history", "keep = \"0\"",
                "4:8: history.keep: \"0\" is not possible: \"dbxsync run-on-change\" needs the history; "
                    + "for little of it write \"1h\", and fewer rows in history.rows"
            ),
            ("history", "keep = \"1min\"", "4:8: history.keep: \"1min\" is out of range: \"1h\" to \"3650d\""),
            ("history", "rows = 999", "4:8: history.rows: 999 is out of range: 1000 to 1000000000"),
        ])
    func refused(table: String, line: String, problem: String) {
        #expect(problems("[\(table)]\n\(line)") == [problem])
    }

    @Test(
        "values that mean nothing together are refused",
        arguments: [
            ("guard.release_after = \"1d\"", "6:23: guard.release_after: "),
            ("guard.window = \"2h\"", "6:16: guard.window: "),
        ])
    func brakeOff(line: String, beginning: String) {
        let allOff = "guard.removals = \"off\"\nguard.share = \"off\"\nguard.overwrites = \"off\"\n"
        let found = problems(allOff + line)
        let reason = "means nothing while guard.removals, guard.share and guard.overwrites are all \"off\""
        #expect(found == [beginning + reason])
        #expect(problems(allOff.replacing("overwrites = \"off\"", with: "overwrites = 5") + line).isEmpty)
    }

    @Test("a size of no trash is refused")
    func noTrash() {
        let reason = "means nothing while trash.keep is \"0\": then there is no trash"
        #expect(problems("[trash]\nsize = \"5GiB\"\nkeep = \"0\"") == ["4:8: trash.size: \(reason)"])
        #expect(problems("[trash]\nsize = \"10%\"\nkeep = \"0\"").isEmpty)
    }
}

@Suite(.timeLimit(.minutes(5)))
struct OnChangeKeysTests {
    @Test("any number of tables, each with its name")
    func tables() throws {
        let text = """
            [on_change.index]
            command = ["/opt//index/run", "--fast", ""]
            settle = "1min"
            events = ["file_removed", "file_placed", "file_placed"]
            [on_change]
            "B_2-x".command = ["/bin/true"]
            """
        let config = try parse(text).get()
        #expect(
            config.onChange == [
                "index": OnChangeSettings(
                    command: ["/opt/index/run", "--fast", ""], settle: .seconds(60),
                    events: [.filePlaced, .fileRemoved]),
                "B_2-x": OnChangeSettings(command: ["/bin/true"]),
            ])
        #expect(config.onChange["B_2-x"]?.settle == .seconds(5))
        #expect(config.onChange["B_2-x"]?.events == Set(ChangeKind.allCases))
        #expect(try parse("[on_change]").get().onChange.isEmpty)
    }

    @Test(
        "a wrong table is refused with its name and its place",
        arguments: [
            ("[on_change.a]", "3:1: on_change.a.command: is missing, and there is no default"),
            (
                "[on_change.a]\ncommand = []",
                "4:11: on_change.a.command: is empty; its first element must be the absolute path of a program"
            ),
            (
                "[on_change.a]\ncommand = \"/bin/true\"",
                "4:11: on_change.a.command: must be a list of strings such as [\"/usr/local/bin/index\", \"--quick\"], "
                    + "found a string"
            ),
            (
                "[on_change.a]\ncommand = [\"true\"]",
                "4:12: on_change.a.command: \"true\" is not an absolute path; no shell and no PATH look for the program"
            ),
            (
                "[on_change.a]\ncommand = [\"/bin/sh\",\n\"a\\u0000\"]",
                "5:1: on_change.a.command: \"a\\u0000\" holds a NUL byte"
            ),
            (
                "[on_change.a]\ncommand = [\"/x\"]\nevents = [\"moved\", \"file_place\"]",
                "5:20: on_change.a.events: \"file_place\" is no event, did you mean \"file_placed\"?"
            ),
            (
                "[on_change.a]\ncommand = [\"/x\"]\nevents = [\"all\"]",
                "5:11: on_change.a.events: \"all\" is no event; there are file_placed, file_removed, folder_made, "
                    + "folder_removed, link_made, link_removed, moved, set_aside, trashed, restored, held, released, rejected, folder_filled, pass_done"
            ),
            (
                "[on_change.a]\ncommand = [\"/x\"]\nevents = []",
                "5:10: on_change.a.events: is empty: the command would never run; leave it out for all events"
            ),
            (
                "[on_change.a]\ncommand = [\"/x\"]\nsettle = \"1ms\"",
                "5:10: on_change.a.settle: \"1ms\" is out of range: \"100ms\" to \"1d\""
            ),
            (
                "[on_change.a]\ncommands = [\"/x\"]\ncommand = [\"/x\"]",
                "4:1: on_change.a.commands: unknown key, did you mean on_change.a.command?"
            ),
            (
                "[on_change.\"a b\"]\ncommand = [\"/x\"]",
                "3:12: on_change.a b: the name may hold only letters from a to z, digits, \"-\" and \"_\""
            ),
            (
                "[on_change.-a]\ncommand = [\"/x\"]",
                "3:12: on_change.-a: the name must not begin with \"-\": on a command line it would be an option"
            ),
            (
                "[on_change]\ncommand = [\"/x\"]",
                "4:1: on_change.command: is a table: write [on_change.NAME] with a name of your choice, found a list"
            ),
            (
                "on_change = true",
                "3:1: on_change: holds tables: write [on_change.NAME] with a name of your choice, found true"
            ),
        ])
    func refused(text: String, problem: String) {
        #expect(problems(text) == [problem])
    }

    @Test("very many tables are read")
    func many() throws {
        let text = (0..<5_000).map { "[on_change.a\($0)]\ncommand = [\"/x\"]" }.joined(separator: "\n")
        #expect(try parse(text).get().onChange.count == 5_000)
    }
}
