import AWSWire
import Fleet
import Logging
import NIOCore
import Storage

/// One try of an asynchronous invocation: from the queue to the function, and what becomes of the event then.
struct AsyncAttempt: Sendable {
    enum Verdict: Sendable {
        /// The event has its outcome. The first is written in the commit that deletes it, the second done after that.
        case over(@Sendable (any SQLConnection) throws -> Void, then: @Sendable () -> Void, wasRun: Bool)
        /// The function failed, and gets another chance.
        case again(at: Int64)
        /// The function could not be given the event; until the time at which that is given up.
        case heldBack(AsyncEvent.Setback, until: Int64)
        case shuttingDown
    }

    let cache: FunctionCache
    let fleet: any Invoking
    let outcomes: AsyncOutcomes
    /// Milliseconds since 1970.
    let clock: @Sendable () -> Int64
    let logger: Logger

    /// Never fails.
    func run(_ event: AsyncEvent, on eventLoop: any EventLoop) -> EventLoopFuture<Verdict> {
        resolve(event, on: eventLoop).flatMap { function in
            // Whoever was given its name since is another function.
            guard let function, function.creation == event.creation else {
                logger.info("An asynchronous invocation of a function that is gone was dropped", metadata: of(event))
                return eventLoop.makeSucceededFuture(.over({ _ in }, then: {}, wasRun: false))
            }
            return run(event, function, on: eventLoop)
        }.flatMapError { error in
            // The store: the function may well be there.
            logger.error(
                "A function could not be read", metadata: ["function": "\(event.target.arn)", "error": "\(error)"])
            return eventLoop.makeSucceededFuture(.heldBack(.internal, until: .max))
        }
    }

    private func resolve(_ event: AsyncEvent, on eventLoop: any EventLoop) -> EventLoopFuture<ResolvedFunction?> {
        if let function = cache.lookup(event.target) { return eventLoop.makeSucceededFuture(function) }
        let promise = eventLoop.makePromise(of: ResolvedFunction?.self)
        promise.completeWithTask { try await cache.load(event.target) }
        return promise.futureResult
    }

    private func run(
        _ event: AsyncEvent, _ function: ResolvedFunction, on eventLoop: any EventLoop
    ) -> EventLoopFuture<Verdict> {
        let policy = AsyncRetryPolicy(function.eventInvokeConfig)
        let chosen = function.choose()
        if let condition = function.refusal(of: event, policy, now: clock()) {
            return eventLoop.makeSucceededFuture(over(event, function, chosen, condition, nil))
        }
        let version: FunctionVersion
        do throws(AWSError) {
            version = try chosen.ready()
        } catch {
            return eventLoop.makeSucceededFuture(heldBack(event, error, policy))
        }
        let invocation = Invocation(
            requestID: event.id.request, payload: event.payload, invokedARN: event.target.arn,
            clientContext: event.clientContext, traceID: event.traceID, isSampled: event.isSampled, logTail: .none,
            meters: chosen.meters)
        let now = clock()
        function.meters.record(.asyncEventAge, Double(max(0, now - event.accepted)), at: now)
        let verdict = eventLoop.makePromise(of: Verdict.self)
        fleet.invoke(version, invocation, on: eventLoop).whenComplete { result in
            switch result {
            case .success(let outcome): verdict.succeed(judge(event, function, chosen, outcome, policy))
            case .failure(FleetError.shuttingDown): verdict.succeed(.shuttingDown)
            case .failure(let error as FleetError): verdict.succeed(heldBack(event, AWSError(error), policy))
            case .failure: verdict.succeed(.heldBack(.internal, until: policy.end(accepted: event.accepted)))
            }
        }
        return verdict.futureResult
    }

    private func judge(
        _ event: AsyncEvent, _ function: ResolvedFunction, _ version: ResolvedVersion, _ outcome: InvocationOutcome,
        _ policy: AsyncRetryPolicy
    ) -> Verdict {
        guard outcome.functionError != nil else { return over(event, function, version, .success, outcome) }
        switch policy.failed(event.failures + 1, accepted: event.accepted, now: clock()) {
        case .retry(let time): return .again(at: time)
        case .giveUp(let condition): return over(event, function, version, condition, outcome)
        }
    }

    private func heldBack(_ event: AsyncEvent, _ error: AWSError, _ policy: AsyncRetryPolicy) -> Verdict {
        .heldBack(
            AsyncEvent.Setback(code: error.status, message: error.message),
            until: policy.end(accepted: event.accepted))
    }

    private func over(
        _ event: AsyncEvent, _ function: ResolvedFunction, _ version: ResolvedVersion,
        _ condition: AsyncRetryPolicy.Condition, _ outcome: InvocationOutcome?
    ) -> Verdict {
        let record = OutcomeRecord(
            event: event, condition: condition, version: version.version, response: outcome, now: clock())
        // Whoever is told of a loop's end may be part of it: that is told once.
        let isTold =
            condition != .recursiveInvocation || Lineage(of: event.traceID).times(function.arn) <= Lineage.limit + 1
        let entries = isTold ? outcomes.entries(record, function, version) : []
        if condition != .success {
            function.meters.record(.asyncEventsDropped)
            if condition == .recursiveInvocation { function.meters.record(.recursiveInvocationsDropped) }
            logger.notice(
                "An asynchronous invocation was given up",
                metadata: of(event).merging([
                    "condition": "\(condition.rawValue)", "records": "\(entries.count)",
                ]) { first, _ in first })
        }
        return outcomes.verdict(entries, wasRun: outcome != nil)
    }

    private func of(_ event: AsyncEvent) -> Logger.Metadata {
        ["function": "\(event.target.arn)", "requestId": "\(event.id.request)"]
    }
}

extension AsyncEvent.Setback {
    fileprivate static let `internal` = AsyncEvent.Setback(code: 500, message: "Internal error.")
}

extension ResolvedFunction {
    /// Why an event does not reach the function at all; nil when it may.
    fileprivate func refusal(of event: AsyncEvent, _ policy: AsyncRetryPolicy, now: Int64)
        -> AsyncRetryPolicy.Condition?
    {
        if policy.isTooOld(accepted: event.accepted, now: now) { return .eventAgeExceeded }
        if stopsLoops, Lineage.isLoop(event.traceID, of: arn) { return .recursiveInvocation }
        // Whatever is provisioned is part of what is reserved.
        return isStopped ? .zeroReservedConcurrency : nil
    }
}
