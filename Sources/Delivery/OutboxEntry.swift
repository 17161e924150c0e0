/// A parcel in the outbox.
package struct OutboxEntry: Sendable, Hashable {
    package var parcel: Parcel
    package var policy: RetryPolicy
    /// Who is asked what becomes of it when it is given up; nil: nobody is, it is dropped.
    package var owner: String?
    /// The owner's own words for that, such as a dead-letter queue's ARN.
    package var note: String

    package init(_ parcel: Parcel, policy: RetryPolicy, owner: String? = nil, note: String = "") {
        self.parcel = parcel
        self.policy = policy
        self.owner = owner
        self.note = note
    }
}

/// A try to deliver a parcel, and what came of it.
package struct DeliveryAttempt: Sendable, Hashable {
    /// Which one it is, from 1.
    package var number: Int
    /// When the parcel was accepted, and when the try began and ended, in milliseconds since 1970.
    package var accepted: Int64
    package var begun: Int64
    package var ended: Int64
    /// Nil: the parcel arrived.
    package var failure: DeliveryFailure?

    package init(number: Int, accepted: Int64, begun: Int64, ended: Int64, failure: DeliveryFailure?) {
        self.number = number
        self.accepted = accepted
        self.begun = begun
        self.ended = ended
        self.failure = failure
    }
}

/// Who puts parcels into the outbox, as it is asked about those that do not arrive.
package protocol OutboxOwner: Sendable {
    /// The parcel as this try is to send it.
    ///
    /// - Parameter attempt: Which one it is, from 1.
    func parcel(_ entry: OutboxEntry, attempt: Int) -> Parcel

    /// A parcel was tried. Told of every try, and not kept: it must not wait.
    func attempted(_ entry: OutboxEntry, _ attempt: DeliveryAttempt)

    /// What takes the place of a parcel that is given up, in the same commit: the same event for a dead-letter queue.
    ///
    /// - Parameter attempts: How often it was tried.
    func givenUp(_ entry: OutboxEntry, _ failure: DeliveryFailure, attempts: Int) -> [OutboxEntry]
}

extension OutboxOwner {
    package func parcel(_ entry: OutboxEntry, attempt _: Int) -> Parcel { entry.parcel }

    package func attempted(_: OutboxEntry, _: DeliveryAttempt) {}
}
