import AWSWire
import Delivery
import Identity
import NIOCore

/// Who is told of an asynchronous invocation's outcome: the destination of the qualifier that was invoked, and the
/// function's dead-letter queue. What they are told lies in the outbox by the commit that ends the event.
struct AsyncOutcomes: Sendable {
    let outbox: Outbox

    /// How long an outcome is tried to be delivered: as long as an event is kept.
    private static let policy = RetryPolicy(maximumAttempts: 1_000, maximumAge: 21_600_000)

    func entries(
        _ record: OutcomeRecord, _ function: ResolvedFunction, _ version: ResolvedVersion
    ) -> [OutboxEntry] {
        let config = function.eventInvokeConfig
        let destination = record.condition == .success ? config?.onSuccess : config?.onFailure
        var entries: [OutboxEntry] = []
        if let destination {
            entries.append(
                entry(.destination, parcel(record, to: destination, version, body: record.document), record))
        }
        if record.condition != .success, let queue = version.deadLetterARN {
            var parcel = parcel(record, to: queue, version, body: record.event.payload)
            parcel.attributes = [
                "RequestID": Parcel.Attribute(.text(record.event.id.request)),
                "ErrorCode": Parcel.Attribute(type: "Number", .text(String(record.errorCode))),
                "ErrorMessage": Parcel.Attribute(.text(record.errorMessage)),
            ]
            entries.append(entry(.deadLetters, parcel, record))
        }
        return entries
    }

    private func entry(_ kind: OutcomeReceipts.Kind, _ parcel: Parcel, _ record: OutcomeRecord) -> OutboxEntry {
        OutboxEntry(
            parcel, policy: Self.policy, owner: OutcomeReceipts.name,
            note: OutcomeReceipts.note(kind, record.event.target))
    }

    /// The event's end, with what is told of it.
    func verdict(_ entries: [OutboxEntry], wasRun: Bool) -> AsyncAttempt.Verdict {
        if entries.isEmpty { return .over({ _ in }, then: {}, wasRun: wasRun) }
        return .over(
            { try outbox.add(entries, to: $0) }, then: { outbox.wake(entries.map(\.parcel.target)) }, wasRun: wasRun)
    }

    private func parcel(
        _ record: OutcomeRecord, to target: String, _ version: ResolvedVersion, body: ByteBuffer
    ) -> Parcel {
        let function = record.event.function
        let sender = ServiceCaller(
            "lambda.amazonaws.com", for: function.arn, of: AccountID(function.account) ?? .standard,
            as: version.roleARN)
        var parcel = Parcel(id: RequestID.make(), to: target, from: sender, body)
        parcel.trace = record.event.traceID
        return parcel
    }
}
