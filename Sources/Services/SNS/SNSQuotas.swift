/// Every limit of the service. The defaults are AWS's: https://docs.aws.amazon.com/general/latest/gr/sns.html
package struct SNSQuotas: Sendable, Hashable {
    /// Topics of an account and region.
    package var topics = 100_000
    package var fifoTopics = 1_000
    package var subscriptionsPerTopic = 12_500_000
    package var subscriptionsPerFIFOTopic = 100
    package var filterPoliciesPerTopic = 200
    package var tagsPerTopic = 50
    /// Of a message with its attributes, and of a batch of them, in bytes.
    package var messageBytes = 262_144
    package var batchEntries = 10
    /// Elements of a page of a list.
    package var pageSize = 100
    /// Statements of a topic's policy that AddPermission may make it have.
    package var policyStatements = 100
    /// How long a token confirms a subscription, in milliseconds.
    package var confirmationTime: Int64 = 2 * 86_400_000
    /// How long a message of a FIFO topic is known by its deduplication id, in milliseconds.
    package var deduplicationTime: Int64 = 300_000

    package init() {}
}
