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
        invocation.meters?.entered(permit)
    }

    private func leave() {
        permit.release()
        invocation.meters?.left(permit)
    }

    /// It has to be let in once more.
    func withdraw() { leave() }

    /// Ends the invocation. The permit is free before the caller hears of it, so its next invocation is not throttled.
    ///
    /// - Parameter nanoseconds: How long the function ran.
    func succeed(_ outcome: InvocationOutcome, nanoseconds: Int64) {
        leave()
        promise.succeed(outcome)
        invocation.meters?.ended(permit, isError: outcome.functionError != nil, nanoseconds: nanoseconds)
        trace?.answered(outcome)
    }

    func fail(_ error: FleetError) {
        leave()
        promise.fail(error)
        invocation.meters?.refused(error)
        trace?.refused(error)
    }
}
