/// A bus as it is stored, as JSON. A member that a later version adds must be optional, here and below.
struct BusRecord: Codable, Hashable, Sendable {
    /// Milliseconds since 1970, as all times.
    var created: Int64
    var modified: Int64
    var description: String?
    /// JSON.
    var policy: String?
    /// The ARN of a queue.
    var deadLetters: String?
    var tags: [TagRecord] = []
}

struct TagRecord: Codable, Hashable, Sendable {
    var key: String
    var value: String
}

/// A rule with its targets.
struct RuleRecord: Codable, Hashable, Sendable {
    var created: Int64
    var pattern: String?
    var schedule: String?
    /// As AWS names it.
    var state: String
    var description: String?
    var role: String?
    /// In the order of their ids.
    var targets: [TargetRecord] = []
    var tags: [TagRecord] = []

    var isEnabled: Bool { state != "DISABLED" }
}

struct TargetRecord: Codable, Hashable, Sendable {
    struct Transformer: Codable, Hashable, Sendable {
        var paths: [String: String]?
        var template: String
    }

    struct Retries: Codable, Hashable, Sendable {
        var attempts: Int?
        /// In seconds.
        var age: Int?
    }

    var id: String
    var arn: String
    var role: String?
    var input: String?
    var inputPath: String?
    var transformer: Transformer?
    /// Of messages to a FIFO queue.
    var group: String?
    var retries: Retries?
    /// The ARN of a queue.
    var deadLetters: String?
    /// Whether AWS is to show the parameters of queues and dead letters though they say nothing.
    var hasQueueParameters: Bool?
    var hasDeadLetters: Bool?
}

struct ArchiveRecord: Codable, Hashable, Sendable {
    var created: Int64
    /// The ARN of the bus.
    var source: String
    var description: String?
    var pattern: String?
    /// 0: for ever.
    var days: Int
}

struct ReplayRecord: Codable, Hashable, Sendable {
    var created: Int64
    /// The ARN of the archive.
    var source: String
    var description: String?
    /// The ARN of the bus.
    var destination: String
    /// The ARNs of rules; nil: all rules.
    var rules: [String]?
    /// The window, both ends in it.
    var from: Int64
    var to: Int64
    /// As AWS names it.
    var state: String
    var ended: Int64?
    /// What was replayed last.
    var lastTime: Int64?
    var lastID: String?

    var isActive: Bool { ["STARTING", "RUNNING", "CANCELLING"].contains(state) }
}
