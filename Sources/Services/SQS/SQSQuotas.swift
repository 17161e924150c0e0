/// How much of what there may be.
///
/// https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-quotas.html
package struct SQSQuotas: Sendable {
    /// Bytes of a message with its attributes, and of all messages of a batch together.
    package var messageBytes = 1_048_576
    package var batchEntries = 10
    /// Messages that consumers of a queue have received and not deleted yet.
    package var inFlight = 120_000
    package var tags = 50
    package var attributesOfMessage = 10
    /// Move tasks of an account and region that run at one time.
    package var moveTasks = 100

    package init() {}
}

/// Spans, in milliseconds.
enum Span {
    /// For which a FIFO queue knows deduplication ids and attempts to receive.
    static let deduplication: Int64 = 300_000
    /// Between two purges of a queue, and between a queue's end and another of its name.
    static let pause: Int64 = 60_000
    /// For which a move task may run.
    static let moving: Int64 = 36 * 3_600_000
}
