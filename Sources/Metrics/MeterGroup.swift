import Synchronization

/// The meters of one resource, such as a queue, by their names. Each is made when it is first needed.
package final class MeterGroup: Sendable {
    private let series: @Sendable (String) -> [MetricKey]
    /// Gone only when the server is.
    private weak let meters: Meters?
    private let made = Mutex<[String: Meter]>([:])

    /// - Parameter series: What a meter of that name feeds.
    package init(_ meters: Meters, series: @escaping @Sendable (_ name: String) -> [MetricKey]) {
        self.meters = meters
        self.series = series
    }

    /// A resource whose metrics have one set of dimensions.
    package convenience init(_ meters: Meters, of subject: MetricSubject) {
        self.init(meters) { [subject.key($0)] }
    }

    /// Adds a sample, or several of the same value.
    ///
    /// - Parameters:
    ///   - unit: The same each time.
    ///   - time: Milliseconds since 1970.
    package func record(_ name: String, _ unit: MetricUnit, _ value: Double, count: Double = 1, at time: Int64) {
        let meter = made.withLock { made -> Meter? in
            if let meter = made[name] { return meter }
            let meter = meters?.meter(series(name), unit: unit)
            made[name] = meter
            return meter
        }
        meter?.record(value, count: count, at: time)
    }
}
