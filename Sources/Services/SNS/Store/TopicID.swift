import AWSWire

/// What a topic is known by.
struct TopicID: Sendable, Hashable {
    /// Twelve digits.
    var account: String
    var region: String
    var name: String

    var arn: String {
        ARN(
            partition: ARN.partition(of: region), service: "sns", region: region, account: account, resource: name
        ).description
    }

    /// A FIFO topic has it in its name.
    var isFIFO: Bool { name.hasSuffix(".fifo") }

    func subscription(_ id: String) -> String { "\(arn):\(id)" }

    init(account: String, region: String, name: String) {
        self.account = account
        self.region = region
        self.name = name
    }

    /// - Returns: nil for what is no topic's ARN.
    init?(arn text: String) {
        guard let arn = ARN(text), arn.service == "sns", AccountID(arn.account) != nil, !arn.region.isEmpty,
            !arn.resource.contains(":")
        else { return nil }
        self.init(account: arn.account, region: arn.region, name: arn.resource)
    }

    /// - Parameters:
    ///   - parameter: The parameter that has the ARN, as messages name it.
    ///   - region: Where the topic has to be.
    init(_ text: String, parameter: String = "TopicArn", in region: String) throws(AWSError) {
        let count = text.split(separator: ":", omittingEmptySubsequences: false).count
        guard count >= 6 else { throw .shortARN(parameter, count) }
        guard let id = TopicID(arn: text), id.region == region else { throw .invalid("\(parameter)") }
        self = id
    }
}

/// What a subscription is known by.
struct SubscriptionID: Sendable, Hashable {
    var topic: TopicID
    var id: String

    var arn: String { topic.subscription(id) }

    init(topic: TopicID, id: String) {
        self.topic = topic
        self.id = id
    }

    /// - Parameter region: Where it has to be; nil: anywhere.
    init(_ text: String, in region: String?) throws(AWSError) {
        let parts = text.split(separator: ":", omittingEmptySubsequences: false)
        guard parts.count >= 6 else { throw .shortARN("SubscriptionArn", parts.count) }
        guard parts.count == 7, let topic = TopicID(arn: parts[..<6].joined(separator: ":")),
            Self.isUUID(parts[6])
        else { throw .invalid("SubscriptionId") }
        guard region == nil || topic.region == region else { throw .invalid("SubscriptionArn") }
        self.init(topic: topic, id: String(parts[6]))
    }

    private static func isUUID(_ text: Substring) -> Bool {
        let lengths = text.split(separator: "-", omittingEmptySubsequences: false).map(\.utf8.count)
        return lengths == [8, 4, 4, 4, 12] && text.allSatisfy { $0 == "-" || $0.isHexDigit }
    }
}
