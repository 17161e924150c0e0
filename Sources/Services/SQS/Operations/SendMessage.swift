import AWSWire
import SQSModel
import Storage

/// A message as a sender wants it sent.
struct Draft: Sendable {
    var content: MessageContent
    /// Seconds; nil: the queue's.
    var delay: Int?
    var group: String?
    var deduplication: String?
}

extension SQSService {
    func sendMessage(_ request: ServiceRequest) async throws -> Output {
        let input = try SQS.SendMessageRequest(decoding: request)
        let queue = try queue(input.queueUrl, for: .sendMessage, request)
        let content = try MessageRules.content(
            body: input.messageBody, attributes: input.messageAttributes, system: input.messageSystemAttributes,
            requestTrace: MessageRules.kept(request.header("X-Amzn-Trace-Id")), quotas: quotas)
        let draft = try queue.draft(
            content, delay: input.delaySeconds, group: input.messageGroupId,
            deduplication: input.messageDeduplicationId)
        let sent = try await send([draft], to: queue, by: request.caller.principal.id)
        guard let message = sent?.first else { throw AWSError.noQueue(in: request) }
        return SQS.SendMessageResult(
            md5OfMessageBody: MessageDigest.of(content.body),
            md5OfMessageAttributes: MessageDigest.of(content.attributes),
            md5OfMessageSystemAttributes: content.systemDigest, messageId: message.uuid,
            sequenceNumber: message.sequence?.sequenceText)
    }

    func sendMessageBatch(_ request: ServiceRequest) async throws -> Output {
        let input = try SQS.SendMessageBatchRequest(decoding: request)
        let queue = try queue(input.queueUrl, for: .sendMessageBatch, request)
        let entries = try Batch.check(input.entries, \.id, "SendMessageBatchRequestEntry", quotas)
        try queue.checkOrder(of: entries)
        let size = entries.reduce(0) { $0 + $1.size }
        guard size <= quotas.messageBytes else {
            throw SQSError.batchRequestTooLong(
                message: "Batch requests cannot be longer than \(quotas.messageBytes) bytes. You have sent \(size) "
                    + "bytes.")
        }
        let trace = MessageRules.kept(request.header("X-Amzn-Trace-Id"))
        var batch = Batch()
        var drafts: [(id: String, draft: Draft)] = []
        for entry in entries {
            do throws(AWSError) { drafts.append((entry.id, try draft(entry, trace, for: queue))) } catch {
                batch.fail(entry.id, error)
            }
        }
        var successes: [SQS.SendMessageBatchResultEntry] = []
        if !drafts.isEmpty {
            let sent = try await send(drafts.map(\.draft), to: queue, by: request.caller.principal.id)
            guard let sent else { throw AWSError.noQueue(in: request) }
            successes = zip(drafts, sent).map { item, message in
                let content = item.draft.content
                return SQS.SendMessageBatchResultEntry(
                    id: item.id, messageId: message.uuid, md5OfMessageBody: MessageDigest.of(content.body),
                    md5OfMessageAttributes: MessageDigest.of(content.attributes),
                    md5OfMessageSystemAttributes: content.systemDigest,
                    sequenceNumber: message.sequence?.sequenceText)
            }
        }
        return SQS.SendMessageBatchResult(
            successful: successes.isEmpty ? nil : successes, failed: batch.failures)
    }

    private func draft(
        _ entry: SQS.SendMessageBatchRequestEntry, _ trace: String?, for queue: Queue
    ) throws(AWSError) -> Draft {
        let content = try MessageRules.content(
            body: entry.messageBody, attributes: entry.messageAttributes, system: entry.messageSystemAttributes,
            requestTrace: trace, quotas: quotas)
        return try queue.draft(
            content, delay: entry.delaySeconds, group: entry.messageGroupId,
            deduplication: entry.messageDeduplicationId, inBatch: true)
    }

    /// Puts messages into a queue: they are kept when this returns.
    ///
    /// - Parameter sender: What their `SenderId` is.
    /// - Returns: What became of each; nil when the queue is gone.
    func send(_ drafts: [Draft], to queue: Queue, by sender: String) async throws -> [SentMessage]? {
        let now = clock.milliseconds()
        let attributes = queue.attributes
        let messages = drafts.map { draft in
            NewMessage(
                id: numbers.next(at: now), uuid: RequestID.make(), content: draft.content, sent: now,
                visibleAt: now + Int64(draft.delay ?? attributes.delay) * 1000, sender: sender, group: draft.group,
                deduplication: draft.deduplication)
        }
        let sending = Sending(queue: queue.id, attributes: attributes, now: now)
        let sent = try await database.write { connection in try sending.run(messages, on: connection) }
        guard let sent else { return nil }
        let added = zip(messages, sent).filter { $0.uuid == $1.uuid }
        queue.meters.sent(added.map(\.0.content.size), repeated: messages.count - added.count, at: now)
        let visible = messages.count { $0.visibleAt <= now }
        if visible > 0 { queue.came(visible) }
        if let next = messages.map(\.visibleAt).filter({ $0 > now }).min() { queue.hub.expect(at: next) }
        return sent
    }
}

extension Queue {
    /// - Throws: `InvalidParameterValue`, `MissingParameter`.
    func draft(
        _ content: MessageContent, delay: Int?, group: String?, deduplication: String?, inBatch: Bool = false
    ) throws(AWSError) -> Draft {
        let attributes = attributes
        try MessageRules.check(size: content.size, limit: attributes.maximumMessageSize, inBatch: inBatch)
        let misplaced = "The request include parameter that is not valid for this queue type."
        if let delay, isFIFO, delay != 0 { throw .invalidParameter("DelaySeconds", delay, misplaced) }
        if let delay, !(0...900).contains(delay) {
            throw .invalidParameter("DelaySeconds", delay, "DelaySeconds must be >= 0 and <= 900.")
        }
        try MessageRules.check(group, "MessageGroupId")
        try MessageRules.check(deduplication, "MessageDeduplicationId")
        guard isFIFO else {
            if let deduplication { throw .invalidParameter("MessageDeduplicationId", deduplication, misplaced) }
            return Draft(content: content, delay: delay, group: group)
        }
        guard let group else { throw .missingParameter("MessageGroupId") }
        guard let id = deduplication ?? (attributes.deduplicatesByContent ? content.fingerprint : nil) else {
            throw .noDeduplicationID
        }
        return Draft(content: content, group: group, deduplication: id)
    }

    /// What an entry lacks that every entry of a FIFO queue's batch must have fails the whole batch.
    fileprivate func checkOrder(of entries: [SQS.SendMessageBatchRequestEntry]) throws(AWSError) {
        guard isFIFO else { return }
        let byContent = attributes.deduplicatesByContent
        for entry in entries {
            if entry.messageDeduplicationId == nil, !byContent { throw .noDeduplicationID }
            if entry.messageGroupId == nil {
                throw .invalidParameter("The request must contain the parameter MessageGroupId.")
            }
        }
    }
}

extension AWSError {
    fileprivate static var noDeduplicationID: AWSError {
        .invalidParameter(
            "The queue should either have ContentBasedDeduplication enabled or MessageDeduplicationId provided "
                + "explicitly")
    }
}

extension SQS.SendMessageBatchRequestEntry {
    fileprivate var size: Int {
        (messageAttributes ?? [:]).reduce(messageBody.utf8.count) { sum, attribute in
            let value = attribute.value
            return sum + attribute.key.utf8.count + value.dataType.utf8.count + (value.stringValue?.utf8.count ?? 0)
                + (value.binaryValue?.count ?? 0)
        }
    }
}
