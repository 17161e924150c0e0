import AWSWire
import Policies
import SQSModel
import Storage

extension SQSService {
    func getQueueAttributes(_ request: ServiceRequest) async throws -> Output {
        let input = try SQS.GetQueueAttributesRequest(decoding: request)
        let queue = try queue(input.queueUrl, for: .getQueueAttributes, request)
        let names = (input.attributeNames ?? []).map(\.rawValue)
        for name in names where !SQS.QueueAttributeName.allValues.contains(name) {
            throw AWSError.unknownAttribute(name)
        }
        guard !names.isEmpty else { return SQS.GetQueueAttributesResult() }
        let wantsAll = names.contains("All")
        let definition = queue.definition
        var all = definition.attributes.shown
        all["QueueArn"] = queue.key.arn
        all["CreatedTimestamp"] = String(definition.created)
        all["LastModifiedTimestamp"] = String(definition.modified)
        if wantsAll || names.contains(where: { $0.hasPrefix("ApproximateNumber") }) {
            let now = clock.milliseconds()
            let counts = try await database.read { connection in
                try MessageTable(connection).counts(of: queue.id, now: now, expiry: queue.expiry(at: now))
            }
            all["ApproximateNumberOfMessages"] = String(counts.visible)
            all["ApproximateNumberOfMessagesDelayed"] = String(counts.delayed)
            all["ApproximateNumberOfMessagesNotVisible"] = String(counts.inFlight)
        }
        let shown = wantsAll ? all : all.filter { names.contains($0.key) }
        return SQS.GetQueueAttributesResult(attributes: shown.isEmpty ? nil : shown)
    }

    func setQueueAttributes(_ request: ServiceRequest) async throws -> Output {
        let input = try SQS.SetQueueAttributesRequest(decoding: request)
        let queue = try queue(input.queueUrl, for: .setQueueAttributes, request)
        let values = input.attributes
        var wanted = queue.attributes
        try wanted.set(values)
        if values["RedrivePolicy"] != nil { try requireDeadLetterQueue(wanted, of: queue.key) }
        // The delay of a FIFO queue is that of all its messages.
        let delay = queue.isFIFO && values["DelaySeconds"] != nil ? wanted.delay - queue.attributes.delay : 0
        try await change(queue, request) { definition throws(AWSError) in try definition.attributes.set(values) }
        if delay != 0 { try await shiftDelayed(of: queue, by: Int64(delay) * 1000) }
        return nil
    }

    private func shiftDelayed(of queue: Queue, by milliseconds: Int64) async throws {
        let now = clock.milliseconds()
        try await database.write { connection in
            let rows = try connection.query(
                """
                UPDATE sqs_messages SET visible_at = visible_at + ? WHERE queue = ? AND visible_at > ? AND receives = 0
                RETURNING message_group
                """,
                [.integer(milliseconds), .integer(queue.id), .integer(now)])
            for group in Set(rows.compactMap { $0.optionalText("message_group") }) {
                try GroupTable(connection).refresh(group, of: queue.id)
            }
        }
        queue.hub.signalAll()
    }

    // MARK: Tags

    func listQueueTags(_ request: ServiceRequest) throws -> Output {
        let input = try SQS.ListQueueTagsRequest(decoding: request)
        let tags = try queue(input.queueUrl, for: .listQueueTags, request).definition.tags
        return SQS.ListQueueTagsResult(tags: tags.isEmpty ? nil : tags)
    }

    func tagQueue(_ request: ServiceRequest) async throws -> Output {
        let input = try SQS.TagQueueRequest(decoding: request)
        let queue = try queue(
            input.queueUrl, for: .tagQueue, request, context: Self.context(settingTags: input.tags))
        let quotas = quotas
        try await change(queue, request, modifies: false) { definition throws(AWSError) in
            definition.tags.merge(input.tags) { $1 }
            try Tags.check(definition.tags, quotas)
        }
        return nil
    }

    func untagQueue(_ request: ServiceRequest) async throws -> Output {
        let input = try SQS.UntagQueueRequest(decoding: request)
        let queue = try queue(
            input.queueUrl, for: .untagQueue, request, context: ["aws:TagKeys": input.tagKeys])
        try await change(queue, request, modifies: false) { definition throws(AWSError) in
            for key in input.tagKeys { definition.tags[key] = nil }
        }
        return nil
    }
}

/// The tags that a queue may have.
enum Tags {
    static func check(_ tags: [String: String], _ quotas: SQSQuotas) throws(AWSError) {
        guard tags.count <= quotas.tags else {
            throw .invalidParameter("Too many tags. A queue may have \(quotas.tags) tags at most.")
        }
        for (key, value) in tags {
            guard (1...128).contains(key.unicodeScalars.count), value.unicodeScalars.count <= 256 else {
                throw .invalidParameter("Tag keys must be from 1 to 128 characters long, tag values 256 at most.")
            }
            guard !key.lowercased().hasPrefix("aws:") else {
                throw .invalidParameter("Tag keys that begin with aws: are reserved.")
            }
        }
    }
}
