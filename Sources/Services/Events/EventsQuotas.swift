/// Every limit of the service. The defaults are AWS's:
/// https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-quota.html
package struct EventsQuotas: Sendable, Hashable {
    /// Of an account and region, with the default one.
    package var buses = 100
    package var rulesPerBus = 300
    package var targetsPerRule = 5
    /// Of one request's entries together.
    package var requestBytes = 1_048_576
    package var policyBytes = 10_240
    package var tagsPerResource = 50
    /// Of an account and region.
    package var activeReplays = 10
    /// Elements of a page of a list.
    package var pageSize = 100
    /// How often an event is passed on from bus to bus.
    package var hops = 1
    /// Archived events that a replay puts into one commit.
    package var replayBatch = 100
    /// How many bytes of events, and of what targets get of them, make a replay begin another commit.
    package var replayBytes = 4_194_304
    /// Archived events that one commit deletes.
    package var expiryBatch = 1_000

    package init() {}
}
