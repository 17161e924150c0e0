import AWSWire
import Delivery
import Identity
import Metrics
import NIOCore

/// Where an event goes that does not reach a target, and what is told of it.
///
/// https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-rule-dlq.html
struct DeadLetter: Sendable {
    /// The ARN of the queue; nil: what does not arrive is dropped.
    var queue: String?
    var rule: String
    /// With the first.
    var maximumAttempts: Int
    /// The event, where the target gets something else.
    var event: String?

    /// - Returns: nil where it is dropped.
    func entry(
        _ event: ByteBuffer, to target: String, from sender: ServiceCaller, _ failure: DeliveryFailure, attempts: Int
    ) -> OutboxEntry? {
        guard let queue else { return nil }
        // Queues let the service itself in, whatever role the target has.
        var caller = sender
        caller.role = nil
        var parcel = Parcel(id: RequestID.make(), to: queue, from: caller, event)
        var attributes = [
            "RULE_ARN": rule, "TARGET_ARN": target, "ERROR_CODE": failure.category, "ERROR_MESSAGE": failure.message,
        ]
        if !failure.isFinal {
            attributes["EXHAUSTED_RETRY_CONDITION"] =
                attempts >= maximumAttempts ? "MaximumRetryAttempts" : "MaximumEventAgeInSeconds"
        }
        parcel.attributes = attributes.filter { !$0.value.isEmpty }.mapValues { Parcel.Attribute(.text($0)) }
        parcel.attributes["RETRY_ATTEMPTS"] = Parcel.Attribute(
            type: "Number", .text(String(max(0, attempts - 1))))
        return OutboxEntry(
            parcel, policy: RetryPolicy(maximumAttempts: 186, maximumAge: 86_400_000),
            owner: DeadLetters.nameForReceipts)
    }

    // MARK: As the note of an outbox entry

    var note: String {
        guard let queue else { return "" }
        let head = "\(queue)\n\(rule)\n\(maximumAttempts)"
        return event.map { "\(head)\n\($0)" } ?? head
    }

    init(queue: String?, rule: String, maximumAttempts: Int, event: String?) {
        self.queue = queue
        self.rule = rule
        self.maximumAttempts = maximumAttempts
        self.event = event
    }

    /// - Returns: nil for the note of an entry that is dropped.
    init?(note: String) {
        let words = note.split(separator: "\n", maxSplits: 3, omittingEmptySubsequences: false).map(String.init)
        guard words.count >= 3, let attempts = Int(words[2]) else { return nil }
        self.init(
            queue: words[0], rule: words[1], maximumAttempts: attempts, event: words.count > 3 ? words[3] : nil)
    }
}

/// What becomes of invocations of targets: they count for their rules, and those that are given up are dead letters.
struct DeadLetters: OutboxOwner {
    static let name = "events"
    /// Of dead letters, about which ``receipts`` is told.
    static let nameForReceipts = "events-letters"

    let meters: Meters
    /// Milliseconds since 1970.
    let clock: @Sendable () -> Int64

    func attempted(_ entry: OutboxEntry, _ attempt: DeliveryAttempt) {
        guard let rule = RuleMeters(of: entry, meters) else { return }
        let now = attempt.ended
        rule.record(.attempts, at: now)
        if attempt.number == 1 {
            rule.record(.startLatency, Double(attempt.begun - attempt.accepted), at: now)
            rule.record(.completeLatency, Double(now - attempt.accepted), at: now)
        } else {
            rule.record(.retries, at: now)
        }
        if attempt.failure == nil {
            rule.record(.invocations, at: now)
            rule.record(.successfulAttempts, at: now)
            rule.record(.successLatency, Double(now - attempt.accepted), at: now)
        }
    }

    func givenUp(_ entry: OutboxEntry, _ failure: DeliveryFailure, attempts: Int) -> [OutboxEntry] {
        RuleMeters(of: entry, meters)?.recordFailure(at: clock())
        guard let letter = DeadLetter(note: entry.note) else { return [] }
        let parcel = entry.parcel
        let event = letter.event.map { ByteBuffer(string: $0) } ?? parcel.body
        return letter.entry(event, to: parcel.target, from: parcel.sender, failure, attempts: attempts).map { [$0] }
            ?? []
    }

    var receipts: DeadLetterReceipts {
        DeadLetterReceipts { entry, failure in
            RuleMeters(of: entry, meters)?.record(failure == nil ? .sentToLetters : .lostLetters, at: clock())
        }
    }
}

extension RuleMeters {
    /// Those of the rule on whose behalf a parcel is sent.
    fileprivate init?(of entry: OutboxEntry, _ meters: Meters) {
        guard let rule = RuleKey(arn: entry.parcel.sender.source) else { return nil }
        self.init(rule, meters: meters)
    }
}

extension DeliveryFailure {
    static let invalidJSON = "INVALID_JSON"

    /// As EventBridge sorts the errors of targets.
    fileprivate var category: String {
        if code.hasSuffix("HOP_DETECTED") || code == Self.invalidJSON { return code }
        let code = code.lowercased()
        if code.contains("accessdenied") || code.contains("authorization") { return "NO_PERMISSIONS" }
        if code.contains("notfound") || code.contains("nonexistent") { return "NO_RESOURCE" }
        if isThrottling { return "THROTTLING" }
        return "SDK_CLIENT_ERROR"
    }
}
