/// Every limit of the service. The defaults are AWS's:
/// https://docs.aws.amazon.com/scheduler/latest/UserGuide/scheduler-quotas.html
package struct SchedulerQuotas: Sendable, Hashable {
    /// Of an account and region.
    package var groups = 500
    package var tagsPerGroup = 50
    /// Of a target's input, in bytes.
    package var inputBytes = 262_144
    /// Elements of a page, where the request does not say.
    package var pageSize = 100
    /// How long before now a recurring schedule may begin, in seconds.
    package var earliestStart: Int64 = 300
    /// How long a client token is known, in milliseconds. AWS does not say.
    package var tokenTime: Int64 = 8 * 3_600_000

    package init() {}
}
