import Dropbox
import SyncModel
import TextFormatting
import Web

/// The pages of a machine with several mirrors: an overview, and those of each mirror below its name.
///
/// What is about all of them is asked by a process for each, so that a disk that does not answer holds up nothing else.
struct MachineSite: Sendable {
    /// At least two.
    let instances: [Instance]

    /// How long each of them may take; the answer is waited for.
    private static let patience = Duration.seconds(10)

    /// The answer to a request.
    func answer(_ request: WebRequest) async -> WebAnswer {
        switch request.path {
        case "/": return .page(.ok, StatusPage.html(await lines(), machine: PageFacts.machineName(), now: .now))
        case "/healthz": return health(await lines())
        case "/status.json": return await report()
        case "/metrics": return await metrics(request)
        default: return await ofOne(request)
        }
    }

    /// The answer for one of the mirrors: to `/work/healthz` that of `work` to `/healthz`.
    private func ofOne(_ request: WebRequest) async -> WebAnswer {
        for instance in instances {
            let folder = "/" + Self.word(instance.name)
            guard request.path.hasPrefix(folder + "/") else { continue }
            var rest = request
            rest.path = String(request.path.dropFirst(folder.count))
            return await MirrorSite(configuration: instance.file, name: instance.name).answer(rest)
        }
        let folders = instances.map { "/\(Self.word($0.name))/" }.joined(separator: ", ")
        return .line(
            .notFound, "not found; there are /, /metrics, /status.json, /healthz, and the same below \(folders)")
    }

    /// A name as it stands in a URL (RFC 3986, section 2.3).
    static func word(_ name: String) -> String {
        name.utf8.map { byte in
            switch byte {
            case UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
                UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "-"), UInt8(ascii: "."), UInt8(ascii: "_"),
                UInt8(ascii: "~"):
                String(UnicodeScalar(byte))
            default: "%" + (byte < 16 ? "0" : "") + String(byte, radix: 16, uppercase: true)
            }
        }.joined()
    }

    // MARK: All of them

    private func run(_ arguments: String...) async -> [InstanceRun] {
        await InstanceRun.all(instances, arguments, within: Self.patience)
    }

    /// How each of them stands, the worst first.
    private func lines() async -> [InstanceRun] { AllStatus.sorted(await run("status", "--line")) }

    private func health(_ runs: [InstanceRun]) -> WebAnswer {
        let bad = runs.filter { $0.exitCode != .done }
        if bad.isEmpty { return .line(.ok, "in step: \(HumanText.count(runs.count, "mirror"))") }
        let lines = bad.map { escapingControls("\($0.instance.name): \(AllStatus.line($0))") }
        return .line(.unavailable, lines.joined(separator: "\n"))
    }

    private func report() async -> WebAnswer {
        let status = AllStatus(await run("status", "--json", "--look"))
        guard let text = try? JSONText.of(status) else { return .line(.unavailable, "nothing is known") }
        return WebAnswer(.ok, type: "application/json", body: text + "\n")
    }

    private func metrics(_ request: WebRequest) async -> WebAnswer {
        let format = MetricsText.Format(accepted: request.accept)
        let runs = await run("metrics", "--look", "--format", format.rawValue)
        return WebAnswer(.ok, type: format.contentType, body: MetricsText.of(runs, format))
    }
}
