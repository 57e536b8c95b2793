/// Samples of one metric; pure.
struct MetricFamily: Equatable, Sendable {
    /// The kinds of metrics in use.
    enum Kind: String, Sendable {
        case gauge, counter, histogram, info
    }

    /// Its name, without what its samples have at the end.
    let name: String
    let kind: Kind
    /// What is measured in; the name ends in it.
    let unit: String?
    /// What it means, in a sentence.
    let help: String
    private(set) var samples: [Sample] = []

    /// One value.
    struct Sample: Equatable, Sendable {
        /// What the name of the metric has at its end here, such as `_total`.
        var suffix = ""
        var labels: [Label] = []
        var value: Value
    }

    /// What tells a sample from others of its metric.
    struct Label: Equatable, Sendable {
        let name, value: String

        init(_ name: String, _ value: String) {
            self.name = name
            self.value = value
        }
    }

    /// A number.
    enum Value: Equatable, Sendable {
        case integer(Int64)
        case real(Double)
    }

    private init(_ name: String, _ kind: Kind, unit: String? = nil, _ help: String) {
        self.name = name
        self.kind = kind
        self.unit = unit
        self.help = help
    }

    /// What goes up and down.
    static func gauge(_ name: String, unit: String? = nil, _ help: String) -> MetricFamily {
        MetricFamily(name, .gauge, unit: unit, help)
    }

    /// What only grows, until the daemon begins anew.
    static func counter(_ name: String, unit: String? = nil, _ help: String) -> MetricFamily {
        MetricFamily(name, .counter, unit: unit, help)
    }

    /// How many were how large.
    static func histogram(_ name: String, unit: String, _ help: String) -> MetricFamily {
        MetricFamily(name, .histogram, unit: unit, help)
    }

    /// What is told by labels alone.
    static func info(_ name: String, _ help: String, _ labels: [Label]) -> MetricFamily {
        var family = MetricFamily(name, .info, help)
        family.samples = [Sample(suffix: "_info", labels: labels, value: .integer(1))]
        return family
    }

    /// The same with a sample more; the same if there is nothing to be told.
    func with(_ value: Value?, _ labels: Label...) -> MetricFamily { adding(value, labels) }

    /// The same with a number more.
    func with(_ value: Int64?, _ labels: Label...) -> MetricFamily { adding(value.map { .integer($0) }, labels) }

    private func adding(_ value: Value?, _ labels: [Label]) -> MetricFamily {
        guard let value else { return self }
        var family = self
        family.samples.append(Sample(suffix: kind == .counter ? "_total" : "", labels: labels, value: value))
        return family
    }

    /// The same with the samples of a histogram; without, if it is none.
    func with(_ histogram: Histogram, _ labels: Label...) -> MetricFamily {
        guard let buckets = histogram.cumulated else { return self }
        var family = self
        for (bound, count) in buckets {
            let label = Label("le", bound.isFinite ? "\(bound)" : "+Inf")
            family.samples.append(Sample(suffix: "_bucket", labels: labels + [label], value: .integer(count)))
        }
        family.samples.append(Sample(suffix: "_count", labels: labels, value: .integer(buckets.last?.count ?? 0)))
        family.samples.append(Sample(suffix: "_sum", labels: labels, value: .real(histogram.sum)))
        return family
    }
}
