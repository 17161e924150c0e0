package import Metrics

/// What happens to a function beside its invocations, or seldom in them.
package final class LambdaMeters: Sendable {
    package enum Kind: String, Sendable {
        case asyncEventsReceived = "AsyncEventsReceived"
        /// Milliseconds from when an event was accepted to each try to give it to its function.
        case asyncEventAge = "AsyncEventAge"
        case asyncEventsDropped = "AsyncEventsDropped"
        case deadLetterErrors = "DeadLetterErrors"
        case destinationDeliveryFailures = "DestinationDeliveryFailures"
        case recursiveInvocationsDropped = "RecursiveInvocationsDropped"
        case provisionedInvocations = "ProvisionedConcurrencyInvocations"
        case spilloverInvocations = "ProvisionedConcurrencySpilloverInvocations"
        /// Milliseconds from the runtime's answer until all extensions ask for the next event.
        case postRuntimeExtensionsDuration = "PostRuntimeExtensionsDuration"
        case urlRequestCount = "UrlRequestCount"
        case url4xxCount = "Url4xxCount"
        case url5xxCount = "Url5xxCount"
        case urlRequestLatency = "UrlRequestLatency"

        fileprivate var unit: MetricUnit {
            switch self {
            case .asyncEventAge, .postRuntimeExtensionsDuration, .urlRequestLatency: .milliseconds
            default: .count
            }
        }
    }

    private let group: MeterGroup
    /// Milliseconds since 1970.
    package let clock: @Sendable () -> Int64

    package init(_ series: LambdaSeries, meters: Meters, clock: @escaping @Sendable () -> Int64) {
        group = MeterGroup(meters, series: series.all)
        self.clock = clock
    }

    /// Adds a sample.
    ///
    /// - Parameter time: Milliseconds since 1970; nil: now.
    package func record(_ kind: Kind, _ value: Double = 1, at time: Int64? = nil) {
        group.record(kind.rawValue, kind.unit, value, at: time ?? clock())
    }
}
