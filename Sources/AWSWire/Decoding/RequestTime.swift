/// Points in time as requests have them: seconds since 1970.
package enum RequestTime {
    /// The years 1 to 9999: dates say no others.
    package static let years: Range<Double> = -62_135_596_800..<253_402_300_800

    /// A time that can be reckoned with, in any unit down to microseconds: what lies beyond ``years`` is read as
    /// the next second beyond them, and so is what is no number. Each service refuses that in its own words, or takes
    /// it for a time that nothing happened at.
    static func bounded(_ seconds: Double) -> Double {
        seconds.isNaN ? years.upperBound : max(years.lowerBound - 1, min(years.upperBound, seconds))
    }
}
