import AWSWire
import NIOCore

/// A call of a service's API, as far as it is the sending of an event: `arn:aws:scheduler:::aws-sdk:sqs:sendMessage`,
/// with the call's parameters as its input.
///
/// https://docs.aws.amazon.com/scheduler/latest/UserGuide/managing-targets-universal.html
struct UniversalTarget: Sendable, Hashable {
    /// The resource that it is sent to.
    var arn: String
    var body: String
    var messageGroup: String?
    var deduplicationID: String?

    private static let prefix = ":scheduler:::aws-sdk:"

    static func isUniversal(_ arn: String) -> Bool { arn.contains(prefix) }

    init(_ arn: String, _ input: String, in place: GroupID) throws(AWSError) {
        let call = arn.split(separator: Self.prefix).last.map(String.init) ?? ""
        let known = ["lambda:invoke", "sqs:sendMessage", "sns:publish"]
        guard known.contains(call) else { throw .unsupported("Schedules cannot call \(call).") }
        let text = input.isEmpty ? "{}" : input
        guard let json = try? JSONValue(parsing: ByteBuffer(string: text)), json.kind == .object else {
            throw .invalidSchedule("Invalid RequestJson provided.")
        }
        switch call {
        case "lambda:invoke":
            let members = try Self.texts(json, ["FunctionName"], ["InvocationType", "Payload", "Qualifier"])
            // The answer to any other is nobody's.
            guard members["InvocationType"] == "Event" else {
                throw .unsupported("Schedules invoke functions with the InvocationType Event.")
            }
            self.arn = Self.function(members["FunctionName"] ?? "", members["Qualifier"], in: place)
            body = members["Payload"] ?? "{}"
        case "sqs:sendMessage":
            let members = try Self.texts(
                json, ["MessageBody", "QueueUrl"], ["MessageGroupId", "MessageDeduplicationId"])
            guard let queue = Self.queue(members["QueueUrl"] ?? "", in: place) else {
                throw .invalidSchedule("Invalid RequestJson provided. Reason The QueueUrl is none.")
            }
            self.arn = queue
            body = members["MessageBody"] ?? ""
            messageGroup = members["MessageGroupId"]
            deduplicationID = members["MessageDeduplicationId"]
        default:
            let members = try Self.texts(json, ["Message", "TopicArn"], ["MessageGroupId", "MessageDeduplicationId"])
            self.arn = members["TopicArn"] ?? ""
            body = members["Message"] ?? ""
            messageGroup = members["MessageGroupId"]
            deduplicationID = members["MessageDeduplicationId"]
        }
    }

    /// The members of a call, all of which are texts.
    private static func texts(
        _ json: JSONValue, _ required: [String], _ optional: [String]
    ) throws(AWSError) -> [String: String] {
        let missing = required.filter { json[$0] == nil }
        guard missing.isEmpty else { throw .missingFields(missing) }
        var texts: [String: String] = [:]
        for (name, value) in json.members {
            guard (required + optional).contains(name), let text = value.string else {
                throw .unsupported("Schedules cannot call with \(name).")
            }
            texts[name] = text
        }
        return texts
    }

    private static func function(_ name: String, _ qualifier: String?, in place: GroupID) -> String {
        let whole =
            ARN(name) != nil
            ? name
            : ARN(
                partition: ARN.partition(of: place.region), service: "lambda", region: place.region,
                account: place.account, resource: "function:\(name)"
            ).description
        return qualifier.map { "\(whole):\($0)" } ?? whole
    }

    /// The queue of a URL, which ends in its account and its name.
    private static func queue(_ url: String, in place: GroupID) -> String? {
        let parts = url.split(separator: "/")
        guard parts.count >= 2, let account = AccountID(parts[parts.count - 2]) else { return nil }
        return ARN(
            partition: ARN.partition(of: place.region), service: "sqs", region: place.region, account: account.digits,
            resource: String(parts[parts.count - 1])
        ).description
    }
}
