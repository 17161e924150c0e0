package import AWSWire
package import NIOCore
package import NIOHTTP1
import SQSModel

/// What the audit tells of requests to SQS: what was done to queues; of messages that somebody sent or took them.
extension SQSService {
    /// What senders say is nobody's business.
    package var secretMembers: Set<String> { ["MessageBody", "MessageAttributes", "MessageAttribute"] }

    package func isDataPlane(_ head: HTTPRequestHead, path _: String, body: ByteBuffer) -> Bool {
        if let target = head.headers.first(name: "x-amz-target") {
            return Self.data.contains(String(target.dropFirst(SQS.Operation.targetPrefix.count)))
        }
        // The action comes early, whatever else a form holds.
        let start = body.getSlice(at: body.readerIndex, length: min(2_048, body.readableBytes)) ?? ByteBuffer()
        let query = head.uri.split(separator: "?", maxSplits: 1).dropFirst().first.map(String.init)
        let action =
            QueryParameters(query)["Action"]
            ?? QueryParameters(String(buffer: start))["Action"]
        return action.map(Self.data.contains) ?? false
    }

    /// https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/logging-using-cloudtrail.html
    private static let data: Set<String> = [
        "SendMessage", "SendMessageBatch", "ReceiveMessage", "DeleteMessage", "DeleteMessageBatch",
        "ChangeMessageVisibility", "ChangeMessageVisibilityBatch",
    ]

    package func audited(_ request: ServiceRequest) -> AuditedCall? {
        guard var call = namedCall(request) else { return nil }
        if Self.data.contains(call.eventName) {
            call.category = .data
            call.tellsAnswer = false
        }
        var key = call.parameters["queueName"]?.text.map { QueueKey($0, of: request.caller) }
        if let url = call.parameters["queueUrl"]?.text { key = try? QueueURL.queue(url, request) }
        if let key { call.resources = [AuditedCall.Resource(type: "AWS::SQS::Queue", arn: key.arn)] }
        return call
    }
}
