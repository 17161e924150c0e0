/// An event that was just stored.
struct StoredEvent: Sendable {
    var position: EventPosition
    var message: ArraySlice<UInt8>
}

/// What a transaction stored, as far as anything is to be done about it after its commit.
struct WrittenEvents: Sendable {
    /// Where the last event stands; nil when there is none.
    var last: EventPosition?
    /// Milliseconds since 1970.
    var ingested: Int64 = 0
    /// How much each group got.
    var intakes: [GroupKey: IntakeMeters.Intake] = [:]
    /// Functions that subscribed and get something.
    var targets: Set<String> = []
    /// The events of groups that somebody tails.
    var tailed: [StreamKey: [StoredEvent]] = [:]
    /// The events of groups that have metric filters.
    var measured: [(stream: StreamKey, events: [StoredEvent], filters: [MetricFilterRecord])] = []
    /// Events that may embed metrics.
    var embedding: [GroupKey: [StoredEvent]] = [:]
    /// What ``MeasureJournal`` has of these two; nil when there is nothing to measure.
    var note: Int64?
    /// The notes that the transaction forgot.
    var forgotten: [Int64] = []
}

/// All who want events besides the store: subscribers, sessions of Live Tail, and what makes metrics of them.
struct EventFollowers: Sendable {
    let forwarder: SubscriptionForwarder
    let tails: LiveTails
    let meters: EventMeters
    let intake: IntakeMeters

    /// Called after the commit.
    func settle(_ written: WrittenEvents) {
        forwarder.wake(written.targets)
        intake.count(written.intakes, at: written.ingested)
        for (stream, events) in written.tailed { tails.take(events, of: stream, at: written.ingested) }
        meters.measure(written)
    }
}
