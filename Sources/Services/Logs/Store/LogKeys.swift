import AWSWire

/// Which group: names count per account and region.
struct GroupKey: Sendable, Hashable {
    var account: String
    var region: String
    var name: String

    /// `arn:aws:logs:REGION:ACCOUNT:log-group:NAME`.
    var arn: String {
        ARN(service: "logs", region: region, account: account, resource: "log-group:\(name)").description
    }
}

/// Which stream of which group.
struct StreamKey: Sendable, Hashable {
    var group: GroupKey
    var name: String
}

/// Where an event stands among all events of its group: by time, and within a millisecond in the order of arrival.
struct EventPosition: Sendable, Hashable, Comparable {
    /// Milliseconds since 1970.
    var time: Int64
    /// From 1; 0 stands before every event of the millisecond.
    var sequence: Int64

    static func < (one: EventPosition, other: EventPosition) -> Bool {
        (one.time, one.sequence) < (other.time, other.sequence)
    }

    private static let width = 28

    /// 56 digits whose order as text is the order of the events.
    var id: String { Self.digits(time) + Self.digits(sequence) }

    init(time: Int64, sequence: Int64) {
        self.time = time
        self.sequence = sequence
    }

    /// - Returns: nil unless `id` has the form of ``id``.
    init?(id: some StringProtocol) {
        let digits = Array(id.utf8)
        guard digits.count == 2 * Self.width, digits.allSatisfy({ (0x30...0x39).contains($0) }),
            let time = Int64(String(decoding: digits[..<Self.width], as: UTF8.self)),
            let sequence = Int64(String(decoding: digits[Self.width...], as: UTF8.self))
        else { return nil }
        self.init(time: time, sequence: sequence)
    }

    private static func digits(_ number: Int64) -> String {
        let text = String(max(0, number))
        return String(repeating: "0", count: width - text.utf8.count) + text
    }
}
