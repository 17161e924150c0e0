import AWSWire

/// Where a subscription's messages go, checked.
struct Endpoint: Sendable, Hashable {
    /// As ``SubscriptionRecord/delivery``.
    var delivery: String
    var address: String

    /// - Throws: `InvalidParameter`; `NotImplementedException` for those to whom nothing is brought here.
    init(_ delivery: String, _ address: String?, to topic: TopicID) throws(AWSError) {
        let known = [
            "http", "https", "email", "email-json", "sms", "sqs", "application", "lambda", "firehose",
        ]
        guard known.contains(delivery) else {
            throw .invalid("Amazon SNS does not support this protocol string: \(delivery)")
        }
        let address = address ?? ""
        switch delivery {
        case "sms":
            guard Self.isPhoneNumber(address) else {
                throw AWSError(code: "InvalidParameter", message: "Invalid SMS endpoint: \(address)", status: 400)
            }
            throw .unsupported("Subscriptions of the protocol sms are not implemented.")
        case "application", "firehose":
            throw .unsupported("Subscriptions of the protocol \(delivery) are not implemented.")
        case "http", "https":
            guard address.hasPrefix("\(delivery)://"), Self.isURL(address) else {
                throw .invalid("Endpoint must match the specified protocol")
            }
        case "email", "email-json":
            guard Self.isMailAddress(address) else { throw .invalid("Email address") }
        case "sqs": try Self.require(address, of: "sqs", "SQS endpoint ARN")
        default: try Self.require(address, of: "lambda", "Lambda endpoint ARN")
        }
        if topic.isFIFO, delivery != "sqs" {
            throw .invalid("Invalid parameter: Endpoint Reason: Please use FIFO SQS queue")
        }
        if !topic.isFIFO, delivery == "sqs", address.hasSuffix(".fifo") {
            throw .invalid(
                "Invalid parameter: Endpoint Reason: FIFO SQS Queues can not be subscribed to standard SNS topics")
        }
        self.delivery = delivery
        self.address = address
    }

    /// The account of a queue or a function; nil for what AWS does not run.
    var account: String? { delivery == "sqs" || delivery == "lambda" ? ARN(address)?.account : nil }

    private static func require(_ address: String, of service: String, _ words: String) throws(AWSError) {
        guard let arn = ARN(address), arn.service == service, !arn.region.isEmpty, AccountID(arn.account) != nil,
            service == "sqs" ? !arn.resource.contains(":") : arn.resource.hasPrefix("function:")
        else { throw .invalid(words) }
    }

    /// E.164, with the marks that people put into numbers.
    static func isPhoneNumber(_ text: String) -> Bool {
        guard text.first == "+" || text.first?.isNumber == true else { return false }
        var last: Character = "+"
        for character in text.dropFirst(text.first == "+" ? 1 : 0) {
            let isMark = "-. ()".contains(character)
            guard character.isASCII, character.isNumber || isMark, !(isMark && "-. +".contains(last)) else {
                return false
            }
            last = character
        }
        return last.isNumber
    }

    private static func isURL(_ text: String) -> Bool {
        guard text.utf8.count <= 2_048, text.utf8.allSatisfy({ (0x21...0x7E).contains($0) }),
            let start = text.firstRange(of: "://")?.upperBound
        else { return false }
        let host = text[start...].prefix { $0 != "/" && $0 != "?" && $0 != "#" }
        return !host.isEmpty && host.split(separator: "@").last?.first != ":"
    }

    private static func isMailAddress(_ text: String) -> Bool {
        let parts = text.split(separator: "@", omittingEmptySubsequences: false)
        return parts.count == 2 && parts.allSatisfy { !$0.isEmpty } && text.utf8.count <= 320
            && text.utf8.allSatisfy { (0x21...0x7E).contains($0) && !"<>(),;:\"\\".utf8.contains($0) }
    }
}
