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

/// Who puts parcels into the outbox, as it is asked about those that do not arrive.
package protocol OutboxOwner: Sendable {
    /// The parcel as this try is to send it.
    ///
    /// - Parameter attempt: Which one it is, from 1.
    func parcel(_ entry: OutboxEntry, attempt: Int) -> Parcel

    /// A parcel was tried; nil: it arrived. Told of every try, and not kept: it must not wait.
    func attempted(_ entry: OutboxEntry, _ failure: DeliveryFailure?)

    /// What takes the place of a parcel that is given up, in the same commit: the same event for a dead-letter queue.
    ///
    /// - Parameter attempts: How often it was tried.
    func givenUp(_ entry: OutboxEntry, _ failure: DeliveryFailure, attempts: Int) -> [OutboxEntry]
}

extension OutboxOwner {
    package func parcel(_ entry: OutboxEntry, attempt _: Int) -> Parcel { entry.parcel }

    package func attempted(_: OutboxEntry, _: DeliveryFailure?) {}
}
