import TextFormatting

/// The metrics as text; pure.
enum MetricsText {
    /// How it is written.
    enum Format: String, Sendable, CaseIterable {
        /// OpenMetrics 1.0.
        case openmetrics
        /// The text format of Prometheus, version 0.0.4, which the textfile collector of node_exporter reads.
        case prometheus

        /// What to answer to who accepts something: OpenMetrics to who names it, as Prometheus does, and to all others what
        /// they can read as text.
        init(accepted: String) {
            self = accepted.lowercased().contains("application/openmetrics-text") ? .openmetrics : .prometheus
        }

        /// What HTTP calls it.
        var contentType: String {
            switch self {
            case .openmetrics: "application/openmetrics-text; version=1.0.0; charset=utf-8"
            case .prometheus: "text/plain; version=0.0.4; charset=utf-8"
            }
        }
    }

    /// All metrics that are known.
    static func of(_ facts: MetricsFacts, _ format: Format = .openmetrics) -> String {
        of(MetricFamilies.all(facts), mirror: facts.mirror, format)
    }

    /// Those of them that have samples.
    static func of(_ families: [MetricFamily], mirror: String, _ format: Format) -> String {
        let label = MetricFamily.Label("mirror", mirror)
        return families.filter { !$0.samples.isEmpty }.map { lines($0, label, format) }.joined() + closing(format)
    }

    /// All metrics of several mirrors, as a document of each was printed; of what is not known, that it is not.
    ///
    /// What a metric is stands once, before the samples of all of them: a document in which it is repeated is none.
    static func of(_ runs: [InstanceRun], _ format: Format) -> String {
        let documents = runs.map { run in
            run.trouble == nil ? run.output : of(MetricFamilies.unknown, mirror: run.instance.name, format)
        }
        var heads: [String] = []
        var samples: [String: String] = [:]
        for document in documents {
            var (head, isInHead) = ("", false)
            for line in document.split(separator: "\n") where line != end {
                if line.hasPrefix("#") {
                    head = isInHead ? "\(head)\(line)\n" : "\(line)\n"
                    isInHead = true
                    continue
                }
                if isInHead, samples[head] == nil { heads.append(head) }
                isInHead = false
                samples[head, default: ""] += "\(line)\n"
            }
        }
        return heads.map { $0 + (samples[$0] ?? "") }.joined() + closing(format)
    }

    /// What ends a document of OpenMetrics.
    private static let end = "# EOF"

    private static func closing(_ format: Format) -> String { format == .openmetrics ? end + "\n" : "" }

    private static func lines(_ family: MetricFamily, _ mirror: MetricFamily.Label, _ format: Format) -> String {
        var text = head(family, format)
        for sample in family.samples {
            let labels = ([mirror] + sample.labels).map { "\($0.name)=\"\(escaped($0.value))\"" }
            text += "\(family.name)\(sample.suffix){\(labels.joined(separator: ","))} \(number(sample.value))\n"
        }
        return text
    }

    private static func head(_ family: MetricFamily, _ format: Format) -> String {
        switch format {
        case .openmetrics:
            let unit = family.unit.map { "# UNIT \(family.name) \($0)\n" } ?? ""
            return "# TYPE \(family.name) \(family.kind.rawValue)\n\(unit)# HELP \(family.name) \(family.help)\n"
        case .prometheus:
            // There the name of a counter has its end, and what is told by labels is a gauge.
            let (suffix, kind) =
                switch family.kind {
                case .counter: ("_total", MetricFamily.Kind.counter)
                case .info: ("_info", .gauge)
                case .gauge, .histogram: ("", family.kind)
                }
            let name = family.name + suffix
            return "# HELP \(name) \(family.help)\n# TYPE \(name) \(kind.rawValue)\n"
        }
    }

    /// In a label `\`, `"` and line breaks are escaped, and what no terminal should see is written in words before.
    private static func escaped(_ text: String) -> String {
        var result = ""
        for scalar in escapingControls(text).unicodeScalars {
            switch scalar {
            case "\\": result += "\\\\"
            case "\"": result += "\\\""
            default: result.unicodeScalars.append(scalar)
            }
        }
        return result
    }

    private static func number(_ value: MetricFamily.Value) -> String {
        switch value {
        case .integer(let number): return "\(number)"
        case .real(let number):
            if number.isNaN { return "NaN" }
            if number.isInfinite { return number < 0 ? "-Inf" : "+Inf" }
            return "\(number)"
        }
    }
}
