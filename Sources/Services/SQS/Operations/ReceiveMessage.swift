import AWSWire
import SQSModel
import Storage

/// What a consumer wants.
struct Demand: Sendable {
    /// 1 to 10.
    var count = 1
    /// For how long what it gets is out of the others' sight, in seconds; nil: as the queue says.
    var visibilityTimeout: Int?
    /// For how long it waits where there is nothing, in seconds; nil: as the queue says.
    var wait: Int?
    var attempt: String?
}

extension SQSService {
    func receiveMessage(_ request: ServiceRequest) async throws -> Output {
        let input = try SQS.ReceiveMessageRequest(decoding: request)
        let queue = try queue(input.queueUrl, for: .receiveMessage, request)
        let demand = try Self.demand(input, of: queue)
        let view = try MessageView(input)
        guard let messages = try await receive(demand, from: queue) else { throw AWSError.noQueue(in: request) }
        queue.meters.received(messages.count, at: clock.milliseconds())
        return SQS.ReceiveMessageResult(
            messages: messages.isEmpty ? nil : messages.map { view.shape($0, of: queue.id) })
    }

    private static func demand(_ input: SQS.ReceiveMessageRequest, of queue: Queue) throws(AWSError) -> Demand {
        func check(_ name: String, _ value: Int?, _ range: ClosedRange<Int>, _ reason: String) throws(AWSError) {
            if let value, !range.contains(value) { throw .invalidParameter(name, value, reason) }
        }
        try check(
            "MaxNumberOfMessages", input.maxNumberOfMessages, 1...10, "Must be between 1 and 10, if provided.")
        try check("WaitTimeSeconds", input.waitTimeSeconds, 0...20, "Must be >= 0 and <= 20, if provided.")
        try check(
            "VisibilityTimeout", input.visibilityTimeout, 0...43_200, "Must be between 0 and 43200, if provided.")
        if let attempt = input.receiveRequestAttemptId {
            guard queue.isFIFO else {
                throw .invalidParameter(
                    "ReceiveRequestAttemptId", attempt,
                    "The request include parameter that is not valid for this queue type.")
            }
            try MessageRules.check(attempt, "ReceiveRequestAttemptId")
        }
        return Demand(
            count: input.maxNumberOfMessages ?? 1, visibilityTimeout: input.visibilityTimeout,
            wait: input.waitTimeSeconds, attempt: input.receiveRequestAttemptId)
    }

    /// Takes messages out of a queue's sight, once there are some, or none when the time to wait is over.
    ///
    /// - Returns: nil when the queue is gone.
    /// - Throws: `OverLimit`; errors of the store.
    func receive(_ demand: Demand, from queue: Queue) async throws -> [ReceivedMessage]? {
        let deadline = clock.milliseconds() + Int64(demand.wait ?? queue.attributes.wait) * 1000
        let ticket = queue.hub.ticket()
        while true {
            let generation = queue.hub.generation
            let look = try await look(demand, in: queue, mayWait: clock.milliseconds() < deadline)
            if !look.messages.isEmpty {
                // Others wait for what is left.
                if queue.hub.hasWaiters { await wakeNext(of: queue) }
                return look.messages
            }
            guard queues[queue.key]?.id == queue.id else { return nil }
            guard clock.milliseconds() < deadline, !Task.isCancelled, !polls.isClosed else { return [] }
            await queue.hub.wait(ticket, since: generation, next: look.next, until: deadline)
        }
    }

    private struct Look: Sendable {
        var messages: [ReceivedMessage] = []
        /// When the next message becomes visible, in milliseconds since 1970.
        var next: Int64?
    }

    /// Looks once: nothing is written where there is nothing.
    private func look(_ demand: Demand, in queue: Queue, mayWait: Bool) async throws -> Look {
        if !queue.isPromising {
            let next = try await database.read { try MessageTable($0).nextVisible(in: queue) }
            guard let next, next <= clock.milliseconds() else { return Look(next: next) }
        }
        // Before the look, lest what comes during it is forgotten.
        queue.isPromising = false
        let outcome = try await claim(demand, in: queue)
        if outcome.isOverLimit, !queue.isFIFO, !mayWait {
            queue.isPromising = true
            throw SQSError.overLimit(message: "Too many messages in flight")
        }
        if outcome.messages.count == demand.count { queue.isPromising = true }
        guard outcome.messages.isEmpty else { return Look(messages: outcome.messages) }
        // What is over the limit has to be looked at again when something was deleted, which nobody tells.
        if outcome.isOverLimit { return Look(next: clock.milliseconds() + 1000) }
        return Look(next: try await database.read { try MessageTable($0).nextVisible(in: queue) })
    }

    private func claim(_ demand: Demand, in queue: Queue) async throws -> Claim.Outcome {
        let now = clock.milliseconds()
        let attributes = queue.attributes
        let timeout = demand.visibilityTimeout ?? attributes.visibilityTimeout
        let deadLetterQueue = attributes.redrive.flatMap { queues.queue(arn: $0.target) }
        let deadLetters = deadLetterQueue.map { target in
            Claim.DeadLetters(
                queue: target.id, kind: target.isFIFO ? .fifo : .standard,
                maxReceives: Int64(attributes.redrive?.maxReceives ?? .max), source: queue.key.arn)
        }
        let isWithinLimit = queue.mayTake(demand.count, limit: quotas.inFlight)
        let claim = Claim(
            queue: queue, count: demand.count, now: now, visibleAt: now + Int64(timeout) * 1000,
            expiry: queue.expiry(at: now), deadLetters: deadLetters,
            inFlightLimit: isWithinLimit ? nil : quotas.inFlight, attempt: demand.attempt)
        let outcome = try await database.write { connection in try claim.run(on: connection) }
        if let inFlight = outcome.inFlight { queue.setInFlight(inFlight + outcome.messages.count) }
        if outcome.moved > 0 { deadLetterQueue?.came(outcome.moved) }
        return outcome
    }

    /// Has the next in line look when there is something to be seen.
    func wakeNext(of queue: Queue) async {
        let next = try? await database.read { try MessageTable($0).nextVisible(in: queue) }
        guard let next else { return }
        if next <= clock.milliseconds() { queue.came(1) } else { queue.hub.expectForWaiters(at: next) }
    }
}
