import Dropbox
import Testing
import Transport

@testable import dbxsync

/// What people are told to do is about the configuration that they use.
@Suite(.timeLimit(.minutes(5)))
struct CommandTextTests {
    private let work = "/etc/dbxsync/work.conf"

    @Test("the usual configuration needs no word")
    func usual() {
        #expect(
            CommandText.naming("/etc/dbxsync.conf", in: "sign in with: dbxsync auth") == "sign in with: dbxsync auth")
        #expect(CommandText.option("/etc/dbxsync.conf") == "")
    }

    @Test("another one is named behind each command, once in a line, and nowhere else")
    func named() {
        func named(_ text: String) -> String { CommandText.naming(work, in: text) }
        #expect(named("sign in with: dbxsync auth") == "sign in with: dbxsync auth --config \(work)")
        #expect(named("dbxsync held --approve 3") == "dbxsync held --config \(work) --approve 3")
        #expect(
            named("\"dbxsync run\" or dbxsync sync.")
                == "\"dbxsync run --config \(work)\" or dbxsync sync --config \(work).")
        #expect(named("to make one: dbxsync setup") == "to make one: dbxsync setup --instance work")
        #expect(
            CommandText.naming("/etc/dbxsync/a b.conf", in: "dbxsync setup")
                == "dbxsync setup --config '/etc/dbxsync/a b.conf'")
        #expect(
            CommandText.naming("/srv/x.conf", in: "to make one: dbxsync setup")
                == "to make one: dbxsync setup --config /srv/x.conf")
        let dropIn = "mkdir x\ndbxsync check-config --drop-in --config \(work) > y\ndbxsync status"
        #expect(named(dropIn) == dropIn + " --config \(work)")
        for text in ["dbxsync needs Linux", "dbxsync statuses", "a dbxsync", "dbxsync ", "", "undbxsync-status"] {
            #expect(named(text) == text)
        }
        #expect(Failure(.signedOut, "a\ndbxsync auth").naming(work).message == "a\ndbxsync auth --config \(work)")
    }

    @Test("beside names of files only what is advised is a command")
    func advised() {
        func named(_ text: String) -> String { CommandText.namingAdvice(work, in: text) }
        #expect(
            named("3 are held; `dbxsync held` lists them") == "3 are held; `dbxsync held --config \(work)` lists them")
        #expect(named("stale (see: dbxsync status)") == "stale (see: dbxsync status --config \(work))")
        #expect(named("sign in with \"dbxsync auth\"") == "sign in with \"dbxsync auth --config \(work)\"")
        for text in ["/my dbxsync status.txt is parked", "placed /dbxsync held", "dbxsync status", "in step", ""] {
            #expect(named(text) == text)
        }
        #expect(CommandText.namingAdvice("/etc/dbxsync.conf", in: "(see: dbxsync held)") == "(see: dbxsync held)")
    }

    @Test("a path stays one word of a shell")
    func quoted() {
        #expect(CommandText.option("/home/a b/it's.conf") == " --config '/home/a b/it'\\''s.conf'")
    }

    @Test("an answer of a proxy that does not come, and one without TLS, are told as what they are")
    func network() {
        func advice(
            _ code: TransportError.Code, _ proxy: String? = nil, isHandshake: Bool = false, isEncrypted: Bool = true
        )
            -> String
        {
            let error = TransportError(code: code, reason: "r", place: "p", isHandshake: isHandshake)
            let place = isEncrypted ? "https://api.dropboxapi.com" : "http://127.0.0.1:8080"
            return NetworkChecks.advice(error, proxy: proxy, place: place) ?? ""
        }
        for code in [TransportError.Code.resolve, .connect, .timeout, .cut] {
            #expect(
                advice(code, "the proxy http://p:1 (account.proxy)").contains("the proxy http://p:1 (account.proxy)"))
            #expect(!advice(code).contains("does not speak TLS") && advice(code) != "")
        }
        #expect(advice(.untrusted, "the proxy p").contains("ca-certificates"))
        #expect(advice(.connect, isHandshake: true).contains("does not speak TLS"))
        #expect(advice(.connect, "the proxy p", isHandshake: true).contains("the proxy p"))
        #expect(!advice(.connect, isHandshake: true, isEncrypted: false).contains("does not speak TLS"))
        #expect(advice(.connect).contains("port 443") && advice(.connect, isEncrypted: false).contains("port 8080"))
        for (place, port) in [
            ("https://[::1]", "443"), ("https://[::1]:8443/x:1", "8443"), ("HTTP://a", "80"), ("https://a:", "443"),
            ("", "80"),
        ] { #expect(NetworkChecks.port(of: place) == port) }
    }
}
