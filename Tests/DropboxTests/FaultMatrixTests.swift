import Dropbox
import NetworkSupport
import Sandbox
import SyncModel
import TestSupport
import Testing
import Transport

/// Every fault on every endpoint: what the call comes to and how often the server is asked, while the fault lasts; then
/// the fault ends, and the same call succeeds.
///
/// A call may fail twice, and may pause for 12 s. In a cell stands
///
///     ok      the right answer            retry   the same again later
///     none    no news (longpoll)          away    the same, and nothing else can be done meanwhile
///     bytes   wrong bytes (their hash     item    only this file cannot be done now
///             tells the caller)           parked  only this file, and not soon
///     -       cannot happen               reset   the cursor is of no use: list anew
///                                         gone    hold everything, remove nothing, tell
///                                         out     the sign-in has to be made anew
///                                         pass    the pass ends, the daemon tries again
///
/// and, if the server was asked more than once, how often.
@Suite(.timeLimit(.minutes(5)))
struct FaultMatrixTests {
    private static let text = """
                                               list      more      longpoll  download  segment   zip       metadata  account   space     check     token     revoke
        delay                                  ok        ok        ok        ok        ok        ok        ok        ok        ok        ok        ok        ok
        stall                                  away 2    away 2    none      away 2    away 2    away      away 2    away 2    away 2    away 2    away 2    away 2
        closed before the answer               away 2    away 2    none      away 2    away 2    away      away 2    away 2    away 2    away 2    away 2    away 2
        reset before the body                  away 2    away 2    none      away 2    away 2    away      away 2    away 2    away 2    away 2    away 2    away 2
        carried out, answer lost               away 2    away 2    none      away 2    away 2    away      away 2    away 2    away 2    away 2    away 2    away 2
        closed in the body                     away 2    away 2    none      away 2    away 2    away      away 2    away 2    away 2    away 2    away 2    away 2
        reset in the body                      away 2    away 2    none      away 2    away 2    away      away 2    away 2    away 2    away 2    away 2    away 2
        truncation                             retry 2   retry 2   retry     retry 2   retry 2   bytes     retry 2   retry 2   retry 2   retry 2   retry 2   pass 2
        one flipped byte                       apart 2   apart 2   retry     bytes     bytes     bytes     retry 2   retry 2   retry 2   retry 2   retry 2   pass 2
        length says one more                   away 2    away 2    none      ok        ok        away      away 2    away 2    away 2    away 2    away 2    away 2
        length says one less                   retry 2   retry 2   retry     retry 2   retry 2   away      retry 2   retry 2   retry 2   retry 2   retry 2   pass 2
        half of the JSON                       retry 2   retry 2   retry     ok        ok        ok        retry 2   retry 2   retry 2   retry 2   retry 2   pass 2
        invalid UTF-8                          retry 2   retry 2   retry     ok        ok        ok        retry 2   retry 2   retry 2   retry 2   retry 2   pass 2
        HTML instead of JSON                   retry 2   retry 2   retry     retry 2   retry 2   retry     retry 2   retry 2   retry 2   retry 2   retry 2   retry 2
        gigantic answer                        pass      pass 2    pass      retry 2   retry 2   retry     pass      pass      pass      pass      pass      pass
        400 text                               pass      reset     reset     item      item      item      pass      pass      pass      pass      out       out
        401 expired                            retry 4   retry 4   out       retry 4   retry 4   retry 2   retry 4   retry 4   retry 4   retry 4   retry 2   retry 2
        401 revoked                            out 2     out 2     out       out 2     out 2     out 2     out 2     out 2     out 2     out 2     out       out
        401 suspended                          out 2     out 2     out       out 2     out 2     out 2     out 2     out 2     out 2     out 2     out       out
        401 that is no JSON                    pass 2    pass 2    pass      pass 2    pass 2    pass 2    pass 2    pass 2    pass 2    pass 2    pass      pass
        403                                    out       out       out       item      item      item      out       out       out       out       out       out
        403 that is no JSON                    pass      pass      pass      item      item      item      pass      pass      pass      pass      pass      pass
        404                                    pass      pass      pass      item      item      item      pass      pass      pass      pass      pass      pass
        409 path/malformed_path                gone      gone      -         item      item      item      item      -         -         -         -         -
        409 path/not_found                     gone      gone      -         item      item      item      item      -         -         -         -         -
        409 path/not_file                      gone      gone      -         item      item      item      item      -         -         -         -         -
        409 path/not_folder                    gone      gone      -         item      item      item      item      -         -         -         -         -
        409 path/restricted_content            gone      gone      -         parked    parked    parked    item      -         -         -         -         -
        409 path/unsupported_content_type      gone      gone      -         item      item      item      item      -         -         -         -         -
        409 path/locked                        gone      gone      -         item      item      item      item      -         -         -         -         -
        409 path/other                         gone      gone      -         item      item      item      item      -         -         -         -         -
        409 template_error/template_not_found  pass      -         -         -         -         -         -         -         -         -         -         -
        409 template_error/restricted_content  pass      -         -         -         -         -         -         -         -         -         -         -
        409 reset                              -         reset     reset     -         -         -         -         -         -         -         -         -
        409 unsupported_file                   -         -         -         parked    parked    -         -         -         -         -         -         -
        409 too_large                          -         -         -         -         -         item      -         -         -         -         -         -
        409 too_many_files                     -         -         -         -         -         item      -         -         -         -         -         -
        409 other                              pass      reset     reset     item      item      item      -         -         -         -         -         -
        409 sprocket                           pass      reset     reset     item      item      item      item      item      item      item      pass      pass
        409 too_many_write_operations          away 3    away 3    retry     away 3    away 3    away 3    away 3    away 3    away 3    away 3    retry 2   retry 2
        416                                    item      item      item      item      item      item      item      item      item      item      item      item
        422                                    gone      gone      gone      gone      gone      gone      gone      gone      gone      gone      gone      gone
        429 with Retry-After                   away 2    away 2    retry     away 2    away 2    away 2    away 2    away 2    away 2    away 2    retry 2   retry 2
        429 without                            away 3    away 3    retry     away 3    away 3    away 3    away 3    away 3    away 3    away 3    retry 2   retry 2
        500                                    retry 2   retry 2   retry     retry 2   retry 2   retry     retry 2   retry 2   retry 2   retry 2   retry 2   retry 2
        503                                    retry 2   retry 2   retry     retry 2   retry 2   retry     retry 2   retry 2   retry 2   retry 2   retry 2   retry 2
        connection refused                     away 2    away 2    away      away 2    away 2    away      away 2    away 2    away 2    away 2    away 2    away 2
        DNS failure                            away 2    away 2    away      away 2    away 2    away      away 2    away 2    away 2    away 2    away 2    away 2
        TLS wrong name                         pass      pass      pass      pass      pass      pass      pass      pass      pass      pass      pass      pass
        TLS expired                            pass      pass      pass      pass      pass      pass      pass      pass      pass      pass      pass      pass
        """

    @Test("the table has a cell for every fault and every endpoint, and a dash only where nothing can happen")
    func complete() throws {
        let table = try FaultMatrix.Table(Self.text)
        for row in FaultMatrix.Row.allCases {
            for column in FaultMatrix.Column.allCases {
                let cell = table.cells[row]?[column]
                #expect(cell != nil, "\(row.rawValue), \(column)")
                #expect((cell == "-") == !row.canHappen(on: column), "\(row.rawValue), \(column)")
            }
        }
    }

    @Test(
        "each fault comes to what the table says, and is over when it is over", .needs(.openssl, .python),
        arguments: FaultMatrix.Row.allCases)
    func row(_ row: FaultMatrix.Row) async throws {
        let expected = try #require(try FaultMatrix.Table(Self.text).cells[row])
        let columns = FaultMatrix.Column.allCases.filter { row.canHappen(on: $0) }
        // A stall takes seconds to be noticed: there each call has a world of its own, and all wait at the same time.
        let worlds = row == .stall ? columns.map { [$0] } : [columns]
        let found = try await withThrowingTaskGroup(of: [FaultMatrix.Column: String].self) { group in
            for columns in worlds { group.addTask { try await Self.cells(row, columns) } }
            return try await group.reduce(into: [:]) { $0.merge($1) { one, _ in one } }
        }
        let cells = FaultMatrix.Column.allCases.map { found[$0] ?? "-" }
        #expect(
            cells == FaultMatrix.Column.allCases.map { expected[$0] },
            "\(row.rawValue)  \(cells.joined(separator: "  "))")
    }

    private static func cells(
        _ row: FaultMatrix.Row, _ columns: [FaultMatrix.Column]
    ) async throws -> [FaultMatrix.Column: String] {
        var found: [FaultMatrix.Column: String] = [:]
        try await FaultFixture.run(row) { fixture in
            for column in columns {
                found[column] = try await fixture.cell(column)
                #expect(try await fixture.afterwards(column) == "ok", "\(column) after \(row.rawValue)")
            }
        }
        return found
    }
}
