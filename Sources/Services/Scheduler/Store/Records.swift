/// A group as it is stored, as JSON. A member that a later version adds must be optional.
struct GroupRecord: Codable, Hashable, Sendable {
    struct Tag: Codable, Hashable, Sendable {
        var key: String
        var value: String
    }

    /// Milliseconds since 1970.
    var created: Int64
    var modified: Int64
    /// In the order in which they came.
    var tags: [Tag] = []
}

/// A schedule as it is stored, as JSON. A member that a later version adds must be optional.
struct ScheduleRecord: Codable, Hashable, Sendable {
    struct Target: Codable, Hashable, Sendable {
        var arn: String
        var role: String
        var input: String?
        /// Of an SQS FIFO queue's messages.
        var messageGroup: String?
        /// Of events for a bus.
        var detailType: String?
        var source: String?
        /// A queue's ARN.
        var deadLetters: String?
        var retries: Int
        /// How long after its time it is tried, in seconds.
        var maximumAge: Int64
    }

    var description: String?
    var expression: String
    var zone: String
    /// Seconds since 1970, as they were given.
    var start: Double?
    var end: Double?
    /// When a rate began, in seconds since 1970.
    var anchor: Int64
    /// How many minutes after its time it may be late, on purpose; nil: none.
    var window: Int?
    var isEnabled: Bool
    var isDeletedAtTheEnd: Bool
    var target: Target
    /// Milliseconds since 1970.
    var created: Int64
    var modified: Int64
}
