import Store
import SyncModel
import TestSupport
import Testing

@testable import dbxsync

/// What is said of an account before it is mirrored.
@Suite(.timeLimit(.minutes(5)))
struct AccountSurveyTests {
    private func document(_ name: String, _ formats: [String]) -> RemoteChange {
        let document = OnlineDocument(
            name: FileName(name.nameOfPath), rev: Rev("1"), modified: 5,
            formats: ExportFormats(exportAs: formats.first, options: formats))
        return .put(
            RemoteKey(name.lowercased()), .unavailable(name: document.name, .document(document, nil), rev: Rev("1")),
            parents: name.pathComponents.dropLast().map { FileName($0) })
    }

    private func extent(_ selection: Selection) throws -> AccountExtent {
        var extent = AccountExtent()
        let changes = [
            document("/D/a.gdoc", ["docx"]), document("/D/b.paper", ["md"]), document("/c.paper", ["md"]),
            document("/D/link.web", []),
        ]
        let files = try TreeText("D/ D/x=1").changes
        extent.take(ChangePage(changes: files + changes, cursor: Cursor("c"), hasMore: false), selection)
        return extent
    }

    @Test("documents that are exported are counted apart: their bytes nobody knows")
    func documents() throws {
        var extent = try extent(.everything)
        #expect(extent.total.files == 1 && extent.total.documents == 3)
        #expect(extent.part("D").total.documents == 2)
        extent.isComplete = true
        let forecast = Forecast(extent: extent, free: nil, reserve: 0, rate: nil)
        #expect(forecast.lines.first?.hasSuffix("3 documents to export") == true, "\(forecast.lines)")
        #expect(forecast.lines.count == 2)
    }

    @Test("what stands in the mirror already is not forecast to come")
    func standing() throws {
        var extent = AccountExtent()
        let changes = try TreeText("a=1 b=2 c=3").changes
        extent.take(ChangePage(changes: changes, cursor: Cursor("c"), hasMore: false), .everything)
        extent.isComplete = true
        let size = extent.total.bytes
        var forecast = Forecast(extent: extent, free: size - 1, reserve: 0, rate: 1)
        #expect(forecast.isTooLarge && forecast.missing == size && forecast.lines.count == 3)
        (forecast.standing.files, forecast.standing.bytes) = (2, 2)
        #expect(!forecast.isTooLarge && forecast.missing == size - 2)
        #expect(forecast.lines[1] == "2 files, 2 B, stand in the mirror already")
        (forecast.standing.files, forecast.standing.bytes) = (9, size + 9)
        #expect(forecast.missing == 0 && !forecast.lines.contains { $0.contains("at 1 B/s") })
    }

    @Test("what is left out, or comes as a link, is not counted")
    func leftOut() throws {
        var exports = ExportSettings()
        exports[.gdoc] = .link
        #expect(try extent(Selection(exports: exports)).total.documents == 2)
        exports[.paper] = .off
        #expect(try extent(Selection(exports: exports)).total.documents == 0)
        #expect(try extent(Selection(exclude: [try SelectionPattern("*.paper")])).total.documents == 1)
        #expect(try extent(Selection(include: [try SelectionPattern("*.md")])).total.documents == 2)
    }
}
