import NIOCore

/// One invocation in the fleet, from its permit to its outcome.
struct Work: Sendable, Identifiable {
    var id: UInt64
    var invocation: Invocation
    /// Where the outcome is waited for.
    var eventLoop: any EventLoop { promise.futureResult.eventLoop }
    private let promise: EventLoopPromise<InvocationOutcome>
    private let permit: Permit
    /// Whether it is for an environment of provisioned concurrency.
    var isProvisioned: Bool { permit.isProvisioned }
    /// Nil for one that is not sampled.
    let trace: InvocationTrace?

    init(
        id: UInt64, invocation: Invocation, promise: EventLoopPromise<InvocationOutcome>, permit: Permit,
        trace: InvocationTrace? = nil
    ) {
        self.id = id
        self.invocation = invocation
        self.promise = promise
        self.permit = permit
        self.trace = trace
    }

    /// Ends the invocation. The permit is free before the caller hears of it, so its next invocation is not throttled.
    func succeed(_ outcome: InvocationOutcome) {
        permit.release()
        promise.succeed(outcome)
        trace?.answered(outcome)
    }

    func fail(_ error: FleetError) {
        permit.release()
        promise.fail(error)
        trace?.refused(error)
    }
}
