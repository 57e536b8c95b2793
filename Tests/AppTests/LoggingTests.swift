import Configuration
import Foundation
import Glibc
import Logging
import TestSupport
import Testing
import TextFormatting

@testable import dbxsync

/// What a terminal handler or progress line writes, through a real pipe.
private final class Capture {
    let terminal: Terminal
    private var ends: [Int32] = [-1, -1]

    init(interactive: Bool, colour: Bool = false) {
        pipe(&ends)
        terminal = Terminal(ends[1], isInteractive: interactive, hasColour: colour)
    }

    /// Everything written so far; ends the capture.
    func finish() -> String {
        close(ends[1])
        defer { close(ends[0]) }
        var bytes: [UInt8] = []
        var chunk = [UInt8](repeating: 0, count: 4_096)
        while case let count = read(ends[0], &chunk, chunk.count), count > 0 { bytes += chunk[..<count] }
        return String(decoding: bytes, as: UTF8.self)
    }
}

@Suite(.timeLimit(.minutes(5)))
struct LogTextTests {
    @Test("a line is the message, the path, and what else is known")
    func line() {
        #expect(LogText.line("started", [:]) == "started")
        #expect(
            LogText.line("placed", ["event": "file_placed", "path": "/a/b.txt", "bytes": "1234567", "rev": "5e"])
                == "placed: /a/b.txt (1.2 MB)")
        #expect(
            LogText.line("1 file placed", ["bytes": "5000", "bytes_per_second": "9", "seconds_network": "1.5"])
                == "1 file placed (5.0 kB)")
        #expect(LogText.line("/a/b.txt is parked", ["path": "/a/b.txt"]) == "/a/b.txt is parked")
        #expect(
            LogText.line("refused", ["status": "\(429)", "endpoint": "list_folder", "list": ["x", "y"]])
                == "refused (endpoint list_folder, list x y, status 429)")
    }

    @Test("nothing that a terminal obeys or that breaks a line comes through")
    func escaped() {
        #expect(LogText.line("placed", ["path": "a\nb\u{1B}[2J"]) == "placed: a\\nb\\u{1b}[2J")
        #expect(escapingControls("\u{9B}31m\u{202E}gpj\u{2028}\t") == "\\u{9b}31m\\u{202e}gpj\\u{2028}\\t")
        #expect(escapingControls("Grüße, 世界 👩‍👧") == "Grüße, 世界 👩‍👧")
    }

    @Test("what shows nothing is made visible, so that no two names look the same; joiners stay where they join")
    func invisible() throws {
        for scalar in ["\u{200B}", "\u{FEFF}", "\u{AD}", "\u{2060}", "\u{180E}", "\u{E0041}", "\u{200D}", "\u{200C}"] {
            let digits = String(scalar.unicodeScalars.first?.value ?? 0, radix: 16)
            #expect(escapingControls("a\(scalar)b") == "a\\u{\(digits)}b")
            let document = try JSONText.of(["a": "a\(scalar)"])
            #expect(!document.contains(scalar))
            #expect(try JSONDecoder().decode([String: String].self, from: Data(document.utf8)) == ["a": "a\(scalar)"])
        }
        #expect(escapingControls("می‌خواهم") == "می‌خواهم")
        #expect(escapingControls("\u{5d0}\u{200F}\u{200D}x") == "\u{5d0}\\u{200f}\\u{200d}x")
        #expect(escapingControls("\u{0600}12") == "\u{0600}12")
    }

    @Test("a JSON document obeys the same rule, and means the same")
    func escapedJSON() throws {
        let text = "a\n\u{1B}\u{7F}\u{9B}31m\u{202E}gpj\u{2028}\u{200F}ü"
        let document = try JSONText.of(["text": text])
        #expect(
            document.unicodeScalars.allSatisfy { $0 == "\n" || escapingControls("\($0)") == "\($0)" }, "\(document)")
        #expect(try JSONDecoder().decode([String: String].self, from: Data(document.utf8)) == ["text": text])
    }

    @Test("what ends a command is a line for each problem of ours, and one for whatever a server says")
    func failures() {
        struct Told: Error, CustomStringConvertible { let description = "no\ndbxsync: all is well\u{1B}[2J" }
        #expect(Failure.of(Told()).text == "dbxsync: no\\ndbxsync: all is well\\u{1b}[2J")
        #expect(Failure(.usage, "one\u{1B}\ntwo").text == "dbxsync: one\\u{1b}\ndbxsync: two")
    }
}

@Suite(.timeLimit(.minutes(5)))
struct JournalEntryTests {
    @Test("metadata becomes fields, the event its message ID, the level a priority")
    func fields() {
        let entry = JournalEntry(
            level: .warning, message: "parked",
            metadata: ["event": "parked", "path": "/x/ü.pdf", "bytes": "12", "request-id": "r1"])
        let sent = entry.encoded.map { String(decoding: $0, as: UTF8.self) }
        #expect(
            sent == [
                "MESSAGE=parked: /x/ü.pdf (12 B, request-id r1)", "PRIORITY=4", "SYSLOG_IDENTIFIER=dbxsync",
                "MESSAGE_ID=\(JournalEntry.messageIDs["parked"] ?? "")", "DBXSYNC_BYTES=12", "DBXSYNC_EVENT=parked",
                "DBXSYNC_PATH=/x/ü.pdf", "DBXSYNC_REQUEST_ID=r1",
            ])
    }

    @Test("field values keep their line feeds and control characters, the message does not")
    func intact() {
        let entry = JournalEntry(level: .info, message: "placed", metadata: ["path": "a\nPRIORITY=0\u{1B}"])
        let sent = entry.encoded.map { String(decoding: $0, as: UTF8.self) }
        #expect(sent.contains("DBXSYNC_PATH=a\nPRIORITY=0\u{1B}"))
        #expect(sent.contains("MESSAGE=placed: a\\nPRIORITY=0\\u{1b}"))
    }

    @Test("levels are syslog's priorities")
    func priorities() {
        #expect(Logger.Level.allCases.map(JournalEntry.priority) == [7, 7, 6, 5, 4, 3, 2])
    }

    @Test("field names are what the journal takes")
    func names() {
        #expect(JournalEntry.name("path") == "DBXSYNC_PATH")
        #expect(JournalEntry.name("request-id ß=") == "DBXSYNC_REQUEST_ID_SS_")
        #expect(JournalEntry.name(String(repeating: "x", count: 99)).count == 64)
    }

    @Test("the promised events have message IDs of 32 hex digits, all different")
    func messageIDs() {
        #expect(
            Set(JournalEntry.messageIDs.keys) == [
                "pass_done", "parked", "failed", "reset", "damaged", "held", "mirror_away",
            ])
        #expect(Set(JournalEntry.messageIDs.values).count == JournalEntry.messageIDs.count)
        for id in JournalEntry.messageIDs.values {
            #expect(id.count == 32 && id.allSatisfy { $0.isHexDigit && !$0.isUppercase })
        }
    }

    @Test("the journal is used only when standard error is the stream that it names")
    func stream() throws {
        var ends: [Int32] = [-1, -1]
        pipe(&ends)
        defer { ends.forEach { close($0) } }
        var status = stat()
        fstat(ends[1], &status)
        let stream = "\(status.st_dev):\(status.st_ino)"
        #expect(LogOutput.isJournalStream(stream, descriptor: ends[1]))
        #expect(!LogOutput.isJournalStream(stream, descriptor: 0))
        #expect(!LogOutput.isJournalStream("\(status.st_dev):\(status.st_ino + 1)", descriptor: ends[1]))
        for text in [nil, "", "1", "a:b", "1:2:3"] {
            #expect(!LogOutput.isJournalStream(text, descriptor: ends[1]))
        }
    }
}

@Suite(.timeLimit(.minutes(5)))
struct LogFormatTests {
    @Test("a JSON line has time, level and message first, then all fields with lower-case names and numbers as such")
    func json() {
        let line = JSONLogLine.text(
            .info, "1 file placed",
            [
                "event": "pass_done", "bytes": "12", "pass": "3", "seconds_total": "1.5", "Request-ID": "r1",
                "path": "/a\n\u{202E}\"b", "level": "x", "rev": "015",
            ], at: 1_700_000_000)
        #expect(
            line == """
                {"time":"2023-11-14T22:13:20Z","level":"info","message":"1 file placed","request_id":"r1","bytes":12,\
                "event":"pass_done","level_":"x","pass":3,"path":"/a\\n\\u202e\\"b","rev":"015","seconds_total":1.5}
                """)
        struct Trouble: Error, CustomStringConvertible { let description = "no\u{1B}" }
        let failed = JSONLogLine.text(.error, "x", ["bytes": "many", "seconds_total": "nan"], error: Trouble(), at: 0)
        #expect(
            failed == """
                {"time":"1970-01-01T00:00:00Z","level":"error","message":"x","bytes":"many","seconds_total":"nan",\
                "error":"no\\u001b"}
                """)
    }

    @Test("a change of the format reaches every logger; the journal is given the priority of each line")
    func formats() throws {
        let (plain, journal) = (Capture(interactive: false), Capture(interactive: false))
        let control = LogControl(.info, format: .text)
        let loggers = [(plain, false), (journal, true)].map { capture, isJournal in
            Logger(label: "t") { _ in
                OutputLogHandler(control: control, terminal: capture.terminal, isJournal: isJournal)
            }
        }
        for logger in loggers { logger.warning("one", metadata: ["path": "p"]) }
        control.change(to: Config.LogSettings(level: .warning, format: .json))
        for logger in loggers {
            logger.info("two")
            logger.error("three", metadata: ["bytes": "5"])
        }
        let lines = plain.finish().split(separator: "\n")
        #expect(lines.first?.hasSuffix(" warning one: p") == true && lines.count == 2)
        let object = try JSONSerialization.jsonObject(with: Data(try #require(lines.last).utf8)) as? [String: Any]
        #expect(object?["message"] as? String == "three" && object?["bytes"] as? Int == 5)
        let sent = journal.finish().split(separator: "\n")
        #expect(sent.first == "<4>one: p" && sent.last?.hasPrefix("<3>{\"time\":") == true && sent.count == 2)
    }
}

@Suite(.timeLimit(.minutes(5)))
struct TerminalTests {
    @Test("on a terminal a line has the time of day, in a file the whole time in UTC")
    func times() {
        let text = TerminalLogLine.text(.info, "x", at: 1_700_000_000, interactive: false, colour: false)
        #expect(text == "2023-11-14T22:13:20Z info    x")
        let short = TerminalLogLine.text(.error, "x", at: 1_700_000_000, interactive: true, colour: true)
        #expect(short.hasSuffix(" \u{1B}[31merror  \u{1B}[0m x"))
        #expect(short.prefix { $0 != " " }.count == 8)
    }

    @Test("a logger writes what the threshold lets through, and a change of it reaches every copy")
    func threshold() {
        let capture = Capture(interactive: false)
        let control = LogControl(.warning)
        var logger = Logger(label: "t") { _ in
            OutputLogHandler(control: control, terminal: capture.terminal, isJournal: false)
        }
        logger[metadataKey: "pass"] = "7"
        logger[metadataKey: "endpoint"] = "list"
        logger.info("one")
        logger.warning("two", metadata: ["path": "p"])
        control.level = .debug
        logger.debug("three")
        let lines = capture.finish().split(separator: "\n").map { $0.dropFirst(21) }
        #expect(lines == ["warning two: p (endpoint list)", "debug   three (endpoint list)"])
    }

    @Test("what a line advises names the configuration in use")
    func advice() {
        let capture = Capture(interactive: false)
        let log = LogOutput(level: .info, terminal: capture.terminal, config: "/etc/dbxsync/work.conf")
        log.logger().warning("3 files are held; `dbxsync held` lists them")
        #expect(
            capture.finish().hasSuffix("3 files are held; `dbxsync held --config /etc/dbxsync/work.conf` lists them\n"))
    }

    @Test("a log line goes above the progress line, which stays")
    func aboveProgress() {
        let capture = Capture(interactive: true)
        capture.terminal.write(line: "a")
        capture.terminal.show(progress: "50 %")
        capture.terminal.show(progress: "50 %")
        capture.terminal.write(line: "b")
        capture.terminal.show(progress: "")
        capture.terminal.write(line: "c")
        #expect(capture.finish() == "a\n\r\u{1B}[K50 %\r\u{1B}[Kb\n50 %\r\u{1B}[Kc\n")
    }

    @Test("progress is drawn at most five times a second, and never where nobody looks")
    func progress() {
        let start = ContinuousClock.now
        let (seen, unseen) = (Capture(interactive: true), Capture(interactive: false))
        for capture in [seen, unseen] {
            let line = ProgressLine(terminal: capture.terminal, start: start)
            for tick in 0..<100 {
                let progress = Progress(filesDone: tick, filesTotal: 100)
                line.update(progress, now: start + .milliseconds(10 * tick))
            }
            line.finish()
        }
        #expect(unseen.finish() == "")
        // Behind the bar stands the share in percent.
        let drawn = seen.finish().components(separatedBy: "\r\u{1B}[K").dropFirst()
            .map { $0.split(separator: " ").dropFirst().first ?? "" }
        #expect(drawn == ["0", "20", "40", "60", "80", ""])
    }
}
