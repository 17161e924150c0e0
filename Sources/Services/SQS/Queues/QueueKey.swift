import AWSWire

/// What names a queue.
struct QueueKey: Sendable, Hashable {
    /// Twelve digits.
    var account: String
    var region: String
    var name: String

    init(account: String, region: String, name: String) {
        self.account = account
        self.region = region
        self.name = name
    }

    init(_ name: String, of caller: Caller) {
        self.init(account: caller.account.digits, region: caller.region, name: name)
    }

    /// - Returns: nil unless `text` is the ARN of a queue.
    init?(arn text: String) {
        guard let arn = ARN(text), arn.service == "sqs", AccountID(arn.account) != nil, !arn.region.isEmpty,
            !arn.resource.isEmpty, !arn.resource.contains(":"), !arn.resource.contains("/")
        else { return nil }
        self.init(account: arn.account, region: arn.region, name: arn.resource)
    }

    var arn: String {
        ARN(
            partition: ARN.partition(of: region), service: "sqs", region: region, account: account, resource: name
        ).description
    }
}
