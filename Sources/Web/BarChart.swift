/// Numbers over time as bars, in an inline SVG that says in words what it shows.
public struct BarChart: Hashable, Sendable {
    /// One bar.
    public struct Bar: Hashable, Sendable {
        /// How high it is; what is below 0 counts as 0.
        public var value: Double
        /// What it stands for, in words.
        public var label: String

        /// Creates one.
        public init(_ value: Double, _ label: String) {
            self.value = value
            self.label = label
        }
    }

    /// What an element's `id` begins with, of its own for each chart of a page.
    public var id: String
    /// What it is about.
    public var title: String
    /// What there is to see.
    public var summary: String
    /// The bars, the earliest first.
    public var bars: [Bar]

    /// Creates a chart.
    public init(id: String, title: String, summary: String, bars: [Bar]) {
        self.id = id
        self.title = title
        self.summary = summary
        self.bars = bars
    }

    /// Units of the drawing: it is stretched to the width that there is.
    private static let (step, gap, height) = (20, 4, 100)

    /// The SVG element; colours and size are the style sheet's, by the classes `chart`, `bar` and `none`.
    public var svg: String {
        let most = bars.map(\.value).filter(\.isFinite).max() ?? 0
        let drawn = bars.enumerated().map { index, bar in Self.rect(bar, at: index, most: most) }.joined()
        return """
            <svg class="chart" role="img" aria-labelledby="\(id)-title \(id)-text" preserveAspectRatio="none" \
            viewBox="0 0 \(max(1, bars.count) * Self.step) \(Self.height)">\
            <title id="\(id)-title">\(Markup.text(title))</title><desc id="\(id)-text">\(Markup.text(summary))</desc>\
            \(drawn)</svg>
            """
    }

    /// The bar over its whole height, so that its words are found above a low one, too.
    private static func rect(_ bar: Bar, at index: Int, most: Double) -> String {
        let share = most > 0 && bar.value.isFinite ? max(0, bar.value) / most : 0
        // What is there is to be seen, however little it is.
        let drawn = share > 0 ? max(2, Int((share * Double(height)).rounded())) : 0
        let (x, width) = (index * step, step - gap)
        return """
            <g><title>\(Markup.text(bar.label))</title>\
            <rect class="none" x="\(x)" y="0" width="\(step)" height="\(height)"/>\
            <rect class="bar" x="\(x + gap / 2)" y="\(height - drawn)" width="\(width)" height="\(drawn)"/></g>
            """
    }
}
