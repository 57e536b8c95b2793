extension Int64 {
    /// The sum, or the nearest number that 64 bits hold: sizes come from outside.
    public func saturatingSum(_ other: Int64) -> Int64 {
        let (sum, overflow) = addingReportingOverflow(other)
        return overflow ? (other < 0 ? .min : .max) : sum
    }
}
