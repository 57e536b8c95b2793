extension Array {
    /// The elements in parts of `count`, in order; the last part may have fewer.
    package func chunks(ofCount count: Int) -> [ArraySlice<Element>] {
        stride(from: 0, to: self.count, by: count).map { self[$0..<Swift.min($0 + count, self.count)] }
    }

    /// The elements that fulfil the condition, and the others, both in order.
    package func partitioned(by condition: (Element) -> Bool) -> (matching: [Element], others: [Element]) {
        var parts: (matching: [Element], others: [Element]) = ([], [])
        for element in self {
            if condition(element) { parts.matching.append(element) } else { parts.others.append(element) }
        }
        return parts
    }
}
