extension Int64 {
    /// Seconds since 1970, as requests may have them, as the whole number above or below: of what lies beyond any date
    /// that one can write, the nearest that does not. Other numbers that requests have end the process that converts
    /// them.
    package init(secondsSince1970 seconds: Double, _ rounding: FloatingPointRoundingRule) {
        // Of the years 0001 and 9999.
        let (first, last) = (-62_135_596_800.0, 253_402_300_799.0)
        self.init((seconds > first ? Swift.min(seconds, last) : first).rounded(rounding))
    }
}
