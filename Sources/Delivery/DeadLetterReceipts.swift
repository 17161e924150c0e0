/// Hears of dead letters whether they arrive. Nothing takes the place of one that does not.
package struct DeadLetterReceipts: OutboxOwner {
    private let hear: @Sendable (OutboxEntry, DeliveryFailure?) -> Void

    /// - Parameter hear: Is told of a letter once: that it arrived, or why it was given up.
    package init(_ hear: @escaping @Sendable (_ letter: OutboxEntry, _ failure: DeliveryFailure?) -> Void) {
        self.hear = hear
    }

    package func attempted(_ entry: OutboxEntry, _ attempt: DeliveryAttempt) {
        if attempt.failure == nil { hear(entry, nil) }
    }

    package func givenUp(_ entry: OutboxEntry, _ failure: DeliveryFailure, attempts _: Int) -> [OutboxEntry] {
        hear(entry, failure)
        return []
    }
}
