import SyncModel
import Testing
import Transport

@testable import Dropbox

/// The forms of values on the wire.
@Suite(.timeLimit(.minutes(5)))
struct WireTests {
    @Test("arguments are ASCII JSON, fit for a header")
    func arguments() {
        let table = [
            ("/Büro/日記 🎈.txt", #""/B\u00fcro/\u65e5\u8a18 \ud83c\udf88.txt""#), ("", #""""#),
            (#"a"b\c"#, #""a\"b\\c""#), ("\u{0}\u{1F}\u{7F}\r\n", #""\u0000\u001f\u007f\u000d\u000a""#),
            ("e\u{301}", #""e\u0301""#), ("\u{10FFFF}", #""\udbff\udfff""#),
        ]
        for (text, json) in table { #expect(APIArgument.quoted(text) == json) }
        let argument = APIArgument([
            "a": .bool(true), "b": .number(-1), "c": .object(APIArgument(["d": .text("é")])), "e": .object(.null),
        ])
        #expect(argument.text == #"{"a":true,"b":-1,"c":{"d":"\u00e9"},"e":null}"#)
        #expect(PathRoot.root("1").headerValue == #"{".tag":"root","root":"1"}"#)
        #expect(PathRoot.namespace("2").headerValue == #"{".tag":"namespace_id","namespace_id":"2"}"#)
    }

    @Test("timestamps are read as RFC 3339 and written as Dropbox writes them")
    func timestamps() {
        let table: [(String, Int64?)] = [
            ("1970-01-01T00:00:00Z", 0), ("2024-02-29T23:59:59Z", 1_709_251_199), ("1969-12-31T23:59:59Z", -1),
            ("2000-03-01T00:00:00Z", 951_868_800), ("0001-01-01T00:00:00Z", -62_135_596_800),
            ("9999-12-31T23:59:59Z", 253_402_300_799), ("2024-03-01T09:30:00.123456Z", 1_709_285_400),
            ("2024-03-01t09:30:00z", 1_709_285_400), ("2024-03-01T10:30:00+01:00", 1_709_285_400),
            ("2024-03-01T04:00:00-05:30", 1_709_285_400), ("2016-12-31T23:59:60Z", 1_483_228_800),
            ("2023-02-29T00:00:00Z", nil), ("2024-13-01T00:00:00Z", nil), ("2024-00-01T00:00:00Z", nil),
            ("2024-01-01T24:00:00Z", nil), ("2024-01-01T00:00:00", nil), ("0000-01-01T00:00:00Z", nil),
            ("2024-1-1T00:00:00Z", nil), ("", nil), ("20240301T093000Z-------", nil),
            ("2024-03-01T09:30:00+99:00", nil),
        ]
        for (text, seconds) in table {
            #expect(TimestampText.parse(text)?.seconds == seconds, "\(text)")
            if let seconds, text.hasSuffix("Z"), !text.contains("."), !text.contains(":60") {
                #expect(TimestampText.text(Timestamp(seconds: seconds)) == text)
            }
        }
    }

    @Test("HTTP dates are read in their three forms")
    func httpDates() {
        let table: [(String, Int64?)] = [
            ("Sun, 06 Nov 1994 08:49:37 GMT", 784_111_777), ("Sunday, 06-Nov-94 08:49:37 GMT", 784_111_777),
            ("Sun Nov  6 08:49:37 1994", 784_111_777), ("Tue, 01 Jan 2069 00:00:00 GMT", 3_124_224_000),
            ("Tuesday, 01-Jan-69 00:00:00 GMT", 3_124_224_000), ("Sun, 06 Nov 1994 08:49:37 CET", nil),
            ("Sun, 31 Feb 1994 08:49:37 GMT", nil), ("120", nil), ("", nil), ("a b c d e f g GMT", nil),
        ]
        for (text, seconds) in table { #expect(HTTPDate.parse(text)?.seconds == seconds, "\(text)") }
    }

    @Test("content ranges")
    func ranges() {
        let table: [(String, first: Int64?, last: Int64?, total: Int64?)] = [
            ("bytes 3-4/5", 3, 4, 5), ("Bytes 0-0/*", 0, 0, nil), ("bytes 5-4/9", nil, nil, nil),
            ("bytes */5", nil, nil, nil), ("3-4/5", nil, nil, nil), ("bytes 3-4", nil, nil, nil), ("", nil, nil, nil),
            ("bytes a-b/c", nil, nil, nil), ("bytes 3-4/x", nil, nil, nil), ("bytes /", nil, nil, nil),
        ]
        for (text, first, last, total) in table {
            let range = ContentRange(text)
            #expect(range?.first == first && range?.last == last && range?.total == total, "\(text)")
        }
    }

    @Test("endpoints: a base URL loses its slashes; Dropbox has four hosts")
    func endpoints() {
        let base = Endpoints(base: "http://127.0.0.1:8080//")
        #expect(base == Endpoints(base: "http://127.0.0.1:8080"))
        #expect(Set([base.api, base.content, base.notify, base.authorize]) == ["http://127.0.0.1:8080"])
        let real = Endpoints.dropbox
        #expect(Set([real.api, real.content, real.notify, real.authorize]).count == 4)
        #expect([real.api, real.content, real.notify, real.authorize].allSatisfy { $0.hasPrefix("https://") })
    }

    @Test("account, space and check are read from what the API sends")
    func account() async throws {
        let body = #"""
            {"account_id":"dbid:AA","name":{"given_name":"A","display_name":"Ana Ruiz"},"email":"a@example.com",
            "root_info":{".tag":"team","root_namespace_id":"81924","home_namespace_id":"70011","home_path":"/Ana"}}
            """#
        let info = try await MirrorFixture(.answer(200, body)).client.account()
        #expect(
            info
                == AccountInfo(
                    accountID: "dbid:AA", displayName: "Ana Ruiz", email: "a@example.com", rootNamespace: "81924",
                    homeNamespace: "70011"))
        let space = #"{"used":7,"allocation":{".tag":"individual","allocated":9}}"#
        #expect(try await MirrorFixture(.answer(200, space)).client.spaceUsage() == SpaceUsage(used: 7, allocated: 9))
        try await MirrorFixture(.answer(200, #"{"result":"dbxsync"}"#)).client.check()
        let other = MirrorFixture(.answer(200, #"{"result":"else"}"#), settings: CallSettings(attempts: 1))
        #expect(try await refusal { try await other.client.check() }?.code == .malformedAnswer)
    }
}
