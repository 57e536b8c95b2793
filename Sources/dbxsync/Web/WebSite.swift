import Configuration
import Dropbox
import Glibc
import MirrorFS
import Store
import SyncModel
import TextFormatting
import Web

/// What is answered to a request, read-only; no path of a request leads into the file system.
struct WebSite: Sendable {
    /// Whose pages these are.
    enum Scope: Sendable {
        /// Those of the mirror of one configuration file.
        case one(String)
        /// Those of all mirrors of the machine, whose configurations are in a folder; where there is only one, as if it
        /// were named.
        case all(in: String)
    }

    let scope: Scope
    let hosts: HostRule

    /// Answers on one connection, and ends it.
    func serve(_ connection: WebConnection) async {
        guard let reading = await onThread({ connection.read() }) ?? nil else { return }
        let (answer, isHead) = await answer(reading)
        let bytes = answer.bytes(isHead: isHead, date: TimeText.http(.now))
        _ = await onThread {
            connection.send(bytes)
            connection.finish()
        }
    }

    private func answer(_ reading: RequestReader.Reading) async -> (WebAnswer, isHead: Bool) {
        switch reading {
        case .request(let request): (await answer(request), request.method == .head)
        case .refused(let refusal): (WebAnswer(refusal), false)
        case .incomplete: (WebAnswer(WebRefusal(.badRequest, "the request is incomplete")), false)
        }
    }

    /// The answer to a request that is one.
    func answer(_ request: WebRequest) async -> WebAnswer {
        if let host = request.host, !hosts.allows(host) {
            return .line(.misdirected, "the page does not answer to this host name (see: dbxsync web --host)")
        }
        switch scope {
        case .one(let file): return await MirrorSite(configuration: file).answer(request)
        case .all(let folder):
            do throws(Failure) {
                let instances = try Instance.all(in: folder)
                if instances.count > 1 { return await MachineSite(instances: instances).answer(request) }
                let file = instances.first?.file ?? folder + "/dbxsync.conf"
                return await MirrorSite(configuration: file).answer(request)
            } catch {
                return .line(.unavailable, "nothing is known: \(escapingControls(error.message))")
            }
        }
    }
}

/// The pages of one mirror: four paths.
struct MirrorSite: Sendable {
    /// The configuration file, read for each request.
    let configuration: String
    /// The name of the mirror, where there are several.
    var name: String?

    /// The answer to a request, whose path begins where the mirror's own begin.
    func answer(_ request: WebRequest) async -> WebAnswer {
        switch request.path {
        case "/": return await page(request)
        case "/healthz": return await answering { try await health() }
        case "/status.json": return await answering { try await report() }
        case "/metrics": return await answering { try await metrics(request) }
        default: return .line(.notFound, "not found; there are /, /metrics, /status.json and /healthz")
        }
    }

    /// An answer, or why there is none.
    private func answering(_ work: () async throws -> WebAnswer) async -> WebAnswer {
        do {
            return try await work()
        } catch {
            return .line(.unavailable, "nothing is known: \(reason(error))")
        }
    }

    private func page(_ request: WebRequest) async -> WebAnswer {
        do {
            var facts = try await PageFacts.gather(try config(), PageFilter(request), now: .now)
            (facts.name, facts.configuration) = (name, configuration)
            return .page(.ok, StatusPage.html(facts))
        } catch {
            return .page(.unavailable, StatusPage.html(failure: reason(error), name: name))
        }
    }

    private func health() async throws -> WebAnswer {
        let config = try config()
        let report = try await config.looking { try await StatusReport.glance($0, config: config, now: .now, paths: 1) }
        guard report.isWell else {
            let why = StatusText.whyNotWell(report, now: .now)
            return .line(.unavailable, CommandText.namingAdvice(configuration, in: why))
        }
        return .line(.ok, "in step as of " + (report.inStepAsOf.map { TimeText.rfc3339($0.time) } ?? "-"))
    }

    private func report() async throws -> WebAnswer {
        let config = try config()
        let report = try await config.looking {
            try await StatusReport.glance($0, config: config, now: .now, isWhole: true)
        }
        return WebAnswer(.ok, type: "application/json", body: try JSONText.of(report) + "\n")
    }

    private func metrics(_ request: WebRequest) async throws -> WebAnswer {
        let (config, file) = (try config(), configuration)
        let facts = try await config.looking { try await MetricsFacts.gather($0, config, file: file, now: .now) }
        let format = MetricsText.Format(accepted: request.accept)
        return WebAnswer(.ok, type: format.contentType, body: MetricsText.of(facts, format))
    }

    private func config() throws -> Config {
        switch ConfigFile.load(configuration) {
        case .success(let config): return config
        case .failure:
            throw Failure(
                .badConfiguration,
                "the configuration cannot be used (see: dbxsync check-config --config \(configuration))")
        }
    }

    private func reason(_ error: any Error) -> String {
        escapingControls(Failure.of(error).naming(configuration).message.replacing("\n", with: "; "))
    }
}

extension WebAnswer {
    /// A page with the style sheet that all of them have.
    static func page(_ status: WebStatus, _ text: String) -> WebAnswer {
        WebAnswer(status, type: "text/html; charset=utf-8", body: text, styleHash: PageStyle.hash)
    }
}

extension Config {
    /// Reads the state as long as `work` takes, beside a daemon or without one, by whoever may read it.
    ///
    /// - Throws: `Failure` or `StoreError` if it cannot be read, and what `work` throws.
    func looking<Value: Sendable>(_ work: @Sendable (StateStore) async throws -> Value) async throws -> Value {
        if let found = try await StateStore.look(at: stateFile, migrating: true, work) { return found }
        return try await work(try readableState())
    }
}
