import AWSWire

/// An event bus: its account and region come first.
struct BusKey: Sendable, Hashable {
    static let standard = "default"

    /// Twelve digits.
    var account: String
    var region: String
    var name: String

    init(account: String, region: String, name: String) {
        self.account = account
        self.region = region
        self.name = name
    }

    /// - Returns: nil for what is no ARN of a bus.
    init?(arn text: String) {
        guard let arn = ARN(text), arn.service == "events", !arn.region.isEmpty, AccountID(arn.account) != nil,
            arn.resource.hasPrefix("event-bus/")
        else { return nil }
        self.init(
            account: arn.account, region: arn.region, name: String(arn.resource.dropFirst("event-bus/".count)))
    }

    /// A name, or an ARN, as requests have them; nil: the default bus.
    init(_ text: String?, of caller: Caller) {
        if let text, let key = BusKey(arn: text) {
            self = key
            return
        }
        self.init(account: caller.account.digits, region: caller.region, name: text ?? Self.standard)
    }

    var arn: String { arn("event-bus/\(name)") }
    var isStandard: Bool { name == Self.standard }

    /// The ARN of something of the same account and region.
    func arn(_ resource: String) -> String {
        ARN(
            partition: ARN.partition(of: region), service: "events", region: region, account: account,
            resource: resource
        ).description
    }
}

/// A rule of a bus.
struct RuleKey: Sendable, Hashable {
    var bus: BusKey
    var name: String

    init(_ name: String, on bus: BusKey) {
        self.name = name
        self.bus = bus
    }

    /// - Returns: nil for what is no ARN of a rule.
    init?(arn text: String) {
        guard let arn = ARN(text), arn.service == "events", !arn.region.isEmpty, AccountID(arn.account) != nil else {
            return nil
        }
        let parts = arn.resource.split(separator: "/", omittingEmptySubsequences: false).map(String.init)
        guard parts.first == "rule", parts.count > 1, let name = parts.last else { return nil }
        let bus = parts.count == 2 ? BusKey.standard : parts[1..<parts.count - 1].joined(separator: "/")
        self.init(name, on: BusKey(account: arn.account, region: arn.region, name: bus))
    }

    var arn: String { bus.arn(bus.isStandard ? "rule/\(name)" : "rule/\(bus.name)/\(name)") }
}

/// An archive, or a replay, of an account and region.
struct NamedKey: Sendable, Hashable {
    var account: String
    var region: String
    var name: String

    init(_ name: String, of caller: Caller) {
        self.init(account: caller.account.digits, region: caller.region, name: name)
    }

    init(account: String, region: String, name: String) {
        self.account = account
        self.region = region
        self.name = name
    }

    func arn(_ kind: String) -> String {
        BusKey(account: account, region: region, name: "").arn("\(kind)/\(name)")
    }
}
