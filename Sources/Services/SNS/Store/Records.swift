/// A topic as it is stored, as JSON. A member that a later version adds must be optional.
struct TopicRecord: Codable, Hashable, Sendable {
    struct Tag: Codable, Hashable, Sendable {
        var key: String
        var value: String
    }

    /// What was set, by AWS's names.
    var attributes: [String: String] = [:]
    /// In the order in which they came.
    var tags: [Tag] = []
    /// How many subscriptions were cancelled.
    var deleted = 0
}

/// A subscription as it is stored, as JSON.
struct SubscriptionRecord: Codable, Hashable, Sendable {
    enum State: String, Codable, Sendable {
        case pending, confirmed
        /// Its endpoint may restore it with a token for a while.
        case cancelled
    }

    /// `sqs`, `lambda`, `http`, `https`, `email`, `email-json`.
    var delivery: String
    var endpoint: String
    /// Twelve digits: whose it is, not always the topic's.
    var owner: String
    /// The ARN of who subscribed.
    var principal: String
    var state: State
    /// Milliseconds since 1970: when its state began.
    var since: Int64
    /// Whether its confirmation was signed, and whether only its owner may cancel it.
    var isAuthenticated = false
    var needsOwner = false
    var token: String?
    /// What was set, by AWS's names.
    var attributes: [String: String] = [:]

    var isRaw: Bool { attributes["RawMessageDelivery"]?.lowercased() == "true" }
    var isWeb: Bool { delivery == "http" || delivery == "https" }
    var isMail: Bool { delivery == "email" || delivery == "email-json" }
}
