import AWSWire
import SNSModel

extension SNSService {
    func publish(_ call: Call) async throws -> Output {
        let input = try SNS.PublishInput(decoding: call.request)
        guard let arn = input.topicArn ?? input.targetArn else {
            guard let number = input.phoneNumber else {
                throw AWSError.missing("TopicArn or TargetArn")
            }
            guard Endpoint.isPhoneNumber(number) else {
                throw AWSError.invalid("PhoneNumber Reason: \(number) is not valid to publish to")
            }
            throw AWSError.unsupported("Messages to phone numbers are not implemented.")
        }
        if input.topicArn == nil, let parsed = ARN(arn), parsed.resource.hasPrefix("endpoint/") {
            throw AWSError.invalid("TargetArn Reason: No endpoint found for the target arn specified")
        }
        let draft = Draft(input)
        let id = try call.topic(arn, parameter: input.topicArn == nil ? "TargetArn" : "TopicArn")
        let topic = try await topics.topic(id)
        try require("Publish", on: id, topic, call)
        guard let topic else { throw AWSError.noTopic }
        let message = try draft.message(for: topic, now: call.now)
        guard draft.size <= quotas.messageBytes else { throw AWSError.invalid("Message too long") }
        let receipts = try await publisher.publish(
            [message], to: topic, endpoint: call.endpoint, trace: call.request.header("x-amzn-trace-id"))
        return SNS.PublishResponse(messageId: receipts.first?.messageID, sequenceNumber: receipts.first?.sequence)
    }

    /// All messages are taken in one commit. What is wrong with one is wrong with the request, as in AWS.
    func publishBatch(_ call: Call) async throws -> Output {
        let input = try SNS.PublishBatchInput(decoding: call.request)
        let entries = input.publishBatchRequestEntries
        try checkIDs(entries.map(\.id))
        let id = try call.topic(input.topicArn)
        let topic = try await topics.topic(id)
        try require("Publish", on: id, topic, call)
        guard let topic else { throw AWSError.noTopic }
        let drafts = entries.map { Draft($0) }
        guard drafts.reduce(0, { $0 + $1.size }) <= quotas.messageBytes else {
            throw SNSError.batchRequestTooLong(
                message: "The length of all the messages put together is more than the limit.")
        }
        var messages: [Message] = []
        for draft in drafts { messages.append(try draft.message(for: topic, now: call.now)) }
        let receipts = try await publisher.publish(
            messages, to: topic, endpoint: call.endpoint, trace: call.request.header("x-amzn-trace-id"))
        let results = zip(entries, receipts).map { entry, receipt in
            SNS.PublishBatchResultEntry(
                id: entry.id, messageId: receipt.messageID, sequenceNumber: receipt.sequence)
        }
        return SNS.PublishBatchResponse(successful: results, failed: [])
    }

    private func checkIDs(_ ids: [String]) throws(AWSError) {
        guard !ids.isEmpty else {
            throw SNSError.emptyBatchRequest(message: "The batch request doesn't contain any entries.")
        }
        guard ids.count <= quotas.batchEntries else {
            throw SNSError.tooManyEntriesInBatchRequest(
                message: "The batch request contains more entries than permissible.")
        }
        for id in ids {
            guard id.utf8.count <= 80 else {
                throw SNSError.invalidBatchEntryId(
                    message: "The Id of a batch entry in the batch request is too long: \(id)")
            }
            guard !id.isEmpty, id.isPlain else {
                throw SNSError.invalidBatchEntryId(
                    message: "The Id of a batch entry in the batch request contains an impermissible character: \(id)")
            }
        }
        guard Set(ids).count == ids.count else {
            throw SNSError.batchEntryIdsNotDistinct(
                message: "Two or more batch entries in the request have the same Id.")
        }
    }
}
