import AWSWire
import Delivery
import Identity
import Metrics
import NIOCore

/// What becomes of messages that did not arrive: they go to their subscription's dead-letter queue, as a queue that
/// was subscribed would have had them.
struct DeadLetters: OutboxOwner {
    static let name = "sns"
    /// Of what asks endpoints whether they want messages: no message of a topic, and dropped where it does not arrive.
    static let nameForQuestions = "sns-questions"

    /// Nil where nothing is counted.
    let meters: Meters?
    /// Milliseconds since 1970.
    let clock: @Sendable () -> Int64

    /// The words of an outbox entry.
    ///
    /// - Parameters:
    ///   - queue: The ARN of the queue; nil: what does not arrive is dropped.
    ///   - body: What the queue gets, where that is not the parcel's own.
    static func note(queue: String?, body: ByteBuffer? = nil) -> String {
        guard let queue else { return "" }
        return body.map { "\(queue)\n\(String(buffer: $0))" } ?? queue
    }

    /// Each failed try counts where the endpoint is a URL, elsewhere what is given up.
    func attempted(_ entry: OutboxEntry, _ attempt: DeliveryAttempt) {
        if attempt.failure == nil { topicMeters(entry)?.delivered(at: clock()) }
        if attempt.failure != nil, entry.isForWeb { topicMeters(entry)?.failed(at: clock()) }
    }

    private func topicMeters(_ entry: OutboxEntry) -> TopicMeters? {
        guard let meters, let topic = TopicID(arn: entry.parcel.sender.source) else { return nil }
        return TopicMeters(topic, meters: meters)
    }

    func givenUp(_ entry: OutboxEntry, _: DeliveryFailure, attempts _: Int) -> [OutboxEntry] {
        if !entry.isForWeb { topicMeters(entry)?.failed(at: clock()) }
        let words = entry.note.split(separator: "\n", maxSplits: 1, omittingEmptySubsequences: false)
        guard let queue = words.first, !queue.isEmpty else { return [] }
        let old = entry.parcel
        let body = words.count == 2 ? ByteBuffer(string: String(words[1])) : old.body
        var parcel = Parcel(id: RequestID.make(), to: String(queue), from: old.sender, body)
        // The attributes of what went to a URL are headers.
        if words.count == 1, ARN(old.target) != nil { parcel.attributes = old.attributes }
        parcel.trace = old.trace
        if queue.hasSuffix(".fifo") {
            parcel.group = old.group
            parcel.deduplicationID = old.deduplicationID
        }
        topicMeters(entry)?.redriven(at: clock())
        return [OutboxEntry(parcel, policy: .managedEndpoint)]
    }
}

extension OutboxEntry {
    fileprivate var isForWeb: Bool {
        parcel.target.hasPrefix("http://") || parcel.target.hasPrefix("https://")
    }
}

extension RetryPolicy {
    /// For functions and queues.
    ///
    /// https://docs.aws.amazon.com/sns/latest/dg/sns-message-delivery-retries.html
    static let managedEndpoint = RetryPolicy(
        maximumAttempts: 100_015, maximumAge: 30 * 86_400_000, firstPause: 1_000, longestPause: 20_000,
        phases: RetryPhases(immediate: 3, steady: 2, growing: 10, growth: .exponential))
    /// For mail.
    static let customerEndpoint = RetryPolicy(
        maximumAttempts: 50, maximumAge: 86_400_000, firstPause: 10_000, longestPause: 600_000,
        phases: RetryPhases(steady: 2, growing: 10, growth: .exponential))
}
