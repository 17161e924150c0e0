package import Metrics

/// What the invocations of one version of a function by one qualifier count for in CloudWatch. Made once, when they are
/// resolved, and handed on with each.
///
/// What a metric counts is AWS's: https://docs.aws.amazon.com/lambda/latest/dg/monitoring-metrics-types.html
package final class InvocationMeters: Sendable {
    private let invocations: Meter
    private let errors: Meter
    private let throttles: Meter
    private let duration: Meter
    private let others: LambdaMeters
    private let ofFunction: Level
    private let ofResource: Level
    private let onProvisioned: Level
    /// Milliseconds since 1970.
    private let clock: @Sendable () -> Int64

    package init(_ series: LambdaSeries, meters: Meters, clock: @escaping @Sendable () -> Int64) {
        invocations = meters.meter(series.all("Invocations"), unit: .count)
        errors = meters.meter(series.all("Errors"), unit: .count)
        throttles = meters.meter(series.all("Throttles"), unit: .count)
        duration = meters.meter(series.all("Duration"), unit: .milliseconds)
        others = LambdaMeters(series, meters: meters, clock: clock)
        ofFunction = meters.level(series.ofFunction("ConcurrentExecutions"))
        ofResource = meters.level(series.ofResource("ConcurrentExecutions"))
        onProvisioned = meters.level(
            series.ofResource("ProvisionedConcurrentExecutions"),
            shares: series.ofResource("ProvisionedConcurrencyUtilization"))
        self.clock = clock
    }

    /// An invocation was let in.
    func entered(_ permit: Permit) {
        ofFunction.up()
        ofResource.up()
        if permit.isProvisioned { onProvisioned.up(of: permit.available) }
    }

    /// It is over, or had to be let in anew.
    func left(_ permit: Permit) {
        ofFunction.down()
        ofResource.down()
        if permit.isProvisioned { onProvisioned.down() }
    }

    /// The function ran: it succeeded or failed. Samples are of the time at which it was invoked; those of what did not
    /// happen are zeros, so that averages are rates.
    ///
    /// - Parameter nanoseconds: From when the environment had the event; INIT is not part of it.
    func ended(_ permit: Permit, isError: Bool, nanoseconds: Int64) {
        let time = clock() - nanoseconds / 1_000_000
        invocations.add(at: time)
        errors.record(isError ? 1 : 0, at: time)
        throttles.record(0, at: time)
        duration.record(Double(nanoseconds) / 1_000_000, at: time)
        if permit.isProvisioned { others.record(.provisionedInvocations, at: time) }
        if permit.isSpilled { others.record(.spilloverInvocations, at: time) }
    }

    /// The function's extensions are through with an invocation.
    ///
    /// - Parameters:
    ///   - nanoseconds: From its answer.
    ///   - elapsed: Nanoseconds since the environment had the event.
    func extensionsEnded(nanoseconds: Int64, sinceInvoked elapsed: Int64) {
        others.record(
            .postRuntimeExtensionsDuration, Double(nanoseconds) / 1_000_000, at: clock() - elapsed / 1_000_000)
    }

    /// The function was not run. Of the reasons only being throttled counts.
    func refused(_ error: FleetError) {
        if case .throttled = error { throttles.add(at: clock()) }
    }
}
