import AWSWire
import Delivery
import Metrics
import NIOCore

/// What the outbox is told of an occasion beside its parcel.
struct OccasionNote: Sendable, Hashable {
    var schedule: String
    /// As the schedule has it.
    var target: String
    /// Seconds since 1970.
    var time: Int64
    /// The queue's ARN; nil: what does not arrive is dropped.
    var deadLetters: String?
    /// Whether the number of the try is in the body.
    var countsAttempts: Bool

    init(schedule: String, target: String, time: Int64, deadLetters: String?, countsAttempts: Bool) {
        self.schedule = schedule
        self.target = target
        self.time = time
        self.deadLetters = deadLetters
        self.countsAttempts = countsAttempts
    }

    /// A line for each; ARNs have no ends of lines.
    var text: String { "\(schedule)\n\(target)\n\(time)\n\(deadLetters ?? "")\n\(countsAttempts)" }

    init?(_ text: String) {
        let lines = text.split(separator: "\n", omittingEmptySubsequences: false).map(String.init)
        guard lines.count == 5, let time = Int64(lines[2]) else { return nil }
        self.init(
            schedule: lines[0], target: lines[1], time: time, deadLetters: lines[3].isEmpty ? nil : lines[3],
            countsAttempts: lines[4] == "true")
    }
}

/// What becomes of occasions: they count for their groups, and those that targets did not take go to their schedule's
/// dead-letter queue.
///
/// https://docs.aws.amazon.com/scheduler/latest/UserGuide/configuring-schedule-dlq.html
struct DeadLetters: OutboxOwner {
    /// Of dead letters, about which ``receipts`` is told.
    static let nameForReceipts = "scheduler-letters"
    /// How long a queue is tried; AWS does not say.
    private static let policy = RetryPolicy(maximumAttempts: 185, maximumAge: 86_400_000)

    let meters: Meters
    /// Milliseconds since 1970.
    let clock: @Sendable () -> Int64

    func attempted(_ entry: OutboxEntry, _ attempt: DeliveryAttempt) {
        guard let group = GroupMeters(of: entry, meters) else { return }
        group.count("InvocationAttemptCount", at: attempt.ended)
        guard let failure = attempt.failure else { return }
        group.count("TargetErrorCount", at: attempt.ended)
        if failure.isThrottling { group.count("TargetErrorThrottledCount", at: attempt.ended) }
    }

    func parcel(_ entry: OutboxEntry, attempt: Int) -> Parcel {
        guard OccasionNote(entry.note)?.countsAttempts == true else { return entry.parcel }
        var parcel = entry.parcel
        let body = String(buffer: parcel.body).replacing(ContextAttribute.attempt, with: String(attempt))
        parcel.body = ByteBuffer(string: body)
        return parcel
    }

    func givenUp(_ entry: OutboxEntry, _ failure: DeliveryFailure, attempts: Int) -> [OutboxEntry] {
        GroupMeters(of: entry, meters)?.count("InvocationDroppedCount", at: clock())
        guard let note = OccasionNote(entry.note), let queue = note.deadLetters else { return [] }
        var texts = [
            "ERROR_CODE": failure.code, "ERROR_MESSAGE": failure.message,
            "EXECUTION_ID": ContextAttribute.executionID(entry.parcel.id), "IS_PAYLOAD_TRUNCATED": "false",
            "RETRY_ATTEMPTS": String(attempts - 1), "SCHEDULED_TIME": SigV4Time(secondsSince1970: note.time).extended,
            "SCHEDULE_ARN": note.schedule, "TARGET_ARN": note.target,
        ]
        if !failure.isFinal {
            let isTriedOut = attempts >= entry.policy.maximumAttempts
            texts["EXHAUSTED_RETRY_CONDITION"] = isTriedOut ? "MaximumRetryAttempts" : "MaximumEventAgeInSeconds"
        }
        // A queue takes no attribute without a value.
        for (name, text) in texts where text.isEmpty { texts[name] = "-" }
        let body = parcel(entry, attempt: attempts).body
        var parcel = Parcel(id: RequestID.make(), to: queue, from: entry.parcel.sender, body)
        parcel.attributes = texts.mapValues { Parcel.Attribute(.text($0)) }
        return [OutboxEntry(parcel, policy: Self.policy, owner: Self.nameForReceipts)]
    }

    var receipts: DeadLetterReceipts {
        DeadLetterReceipts { entry, failure in
            guard let group = GroupMeters(of: entry, meters) else { return }
            let now = clock()
            guard let failure else { return group.count("InvocationsSentToDeadLetterCount", at: now) }
            let name = "InvocationsFailedToBeSentToDeadLetterCount"
            group.count(name, at: now)
            group.count("\(name)_\(failure.code)", at: now)
        }
    }
}
