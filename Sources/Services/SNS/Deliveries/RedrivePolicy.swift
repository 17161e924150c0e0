import AWSWire
import NIOCore

/// Where messages go that do not arrive.
struct RedrivePolicy: Sendable, Hashable {
    /// The queue's ARN.
    var queue: String

    /// - Returns: nil for what names no queue.
    init?(_ text: String) {
        guard let value = try? JSONValue(parsing: ByteBuffer(string: text)) else { return nil }
        self.init(value)
    }

    init?(_ value: JSONValue) {
        guard let text = value["deadLetterTargetArn"]?.string, let arn = ARN(text), arn.service == "sqs",
            !arn.region.isEmpty, AccountID(arn.account) != nil
        else { return nil }
        queue = text
    }
}
