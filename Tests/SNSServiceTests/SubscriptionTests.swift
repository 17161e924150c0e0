import AWSWire
import Delivery
import NIOCore
import Testing
import TestSupport

@testable import SNSService

/// Answers and refusals are recorded ones of AWS: LocalStack's tests/aws/services/sns/test_sns.snapshot.json,
/// subscription and HTTP tests.
@Suite struct SubscriptionTests {
    @Test func ownQueuesNeedNoConfirmation() async throws {
        let rig = try Rig()
        try await rig.ask("CreateTopic", ["Name": "news"])
        let arn = try await rig.subscribe("sqs", Rig.queue, ["RawMessageDelivery": "true"])
        let shown = try await rig.ask("GetSubscriptionAttributes", ["SubscriptionArn": arn])
        let expected = [
            "ConfirmationWasAuthenticated": "true", "Endpoint": Rig.queue, "Owner": "000000000000",
            "PendingConfirmation": "false", "Protocol": "sqs", "RawMessageDelivery": "true", "SubscriptionArn": arn,
            "SubscriptionPrincipal": "arn:aws:iam::000000000000:root", "TopicArn": Rig.topic,
        ]
        for (name, value) in expected { #expect(Rig.attribute(name, shown) == value) }
        #expect(shown.split(separator: "<entry>").count == expected.count + 1)
        let listed = try await rig.ask("ListSubscriptionsByTopic", ["TopicArn": Rig.topic])
        for name in ["SubscriptionArn", "Owner", "Protocol", "Endpoint", "TopicArn"] {
            #expect(Rig.element(name, listed) != nil)
        }
        #expect(Rig.element("SubscriptionArn", try await rig.ask("ListSubscriptions")) == arn)
    }

    @Test func subscribingAgainIsAsGood() async throws {
        let rig = try Rig()
        try await rig.ask("CreateTopic", ["Name": "news"])
        let arn = try await rig.subscribe("sqs", Rig.queue, ["RawMessageDelivery": "true"])
        #expect(try await rig.subscribe("sqs", Rig.queue, ["RawMessageDelivery": "true"]) == arn)
        #expect(try await rig.subscribe("sqs", Rig.queue) == arn)
        // What is not set is what it is without: test_subscribe_idempotency.
        #expect(try await rig.subscribe("sqs", Rig.queue, ["FilterPolicyScope": "MessageAttributes"]) == arn)
        #expect(
            await rig.refusal(
                "Subscribe",
                [
                    "TopicArn": Rig.topic, "Protocol": "sqs", "Endpoint": Rig.queue,
                    "Attributes.entry.1.key": "RawMessageDelivery", "Attributes.entry.1.value": "false",
                ])
                == "InvalidParameter: Invalid parameter: Attributes Reason: Subscription already exists with different "
                + "attributes")
    }

    /// test_set_subscription_filter_policy_scope
    @Test func theScopeIsToldWithItsFilterAlone() async throws {
        let rig = try Rig()
        try await rig.ask("CreateTopic", ["Name": "news"])
        let arn = try await rig.subscribe("sqs", Rig.queue)
        func set(_ name: String, _ value: String) async throws -> String? {
            try await rig.ask(
                "SetSubscriptionAttributes",
                ["SubscriptionArn": arn, "AttributeName": name, "AttributeValue": value])
            return Rig.attribute(
                "FilterPolicyScope", try await rig.ask("GetSubscriptionAttributes", ["SubscriptionArn": arn]))
        }
        #expect(try await set("FilterPolicyScope", "MessageBody") == nil)
        #expect(try await set("FilterPolicy", #"{"k":["v"]}"#) == "MessageBody")
    }

    @Test func thereAreOnlySoManySubscriptionsAndFilters() async throws {
        var quotas = SNSQuotas()
        quotas.subscriptionsPerTopic = 2
        quotas.filterPoliciesPerTopic = 1
        let rig = try Rig(quotas: quotas)
        try await rig.ask("CreateTopic", ["Name": "news"])
        let filter = ["FilterPolicy": #"{"k":["v"]}"#]
        try await rig.subscribe("sqs", Rig.queue, filter)
        let another = await #expect(throws: AWSError.self) {
            try await rig.subscribe("sqs", Rig.queue + "2", filter)
        }
        #expect(another?.code == "FilterPolicyLimitExceeded" && another?.status == 403)
        let second = try await rig.subscribe("sqs", Rig.queue + "2")
        let set = await #expect(throws: AWSError.self) {
            try await rig.ask(
                "SetSubscriptionAttributes",
                [
                    "SubscriptionArn": second, "AttributeName": "FilterPolicy",
                    "AttributeValue": #"{"k":["v"]}"#,
                ])
        }
        #expect(set?.code == "FilterPolicyLimitExceeded")
        let third = await #expect(throws: AWSError.self) { try await rig.subscribe("sqs", Rig.queue + "3") }
        #expect(third?.code == "SubscriptionLimitExceeded" && third?.status == 403)
    }

    /// test_unsubscribe_wrong_arn_format
    @Test(arguments: [
        ("Unsubscribe", "SubscriptionArn"), ("GetSubscriptionAttributes", "SubscriptionArn"),
        ("Subscribe", "TopicArn"), ("DeleteTopic", "TopicArn"),
    ])
    func missesARNsInWordsOfItsOwn(action: String, parameter: String) async throws {
        let refusal = "InvalidParameter: Invalid parameter: \(parameter) Reason: no value for required parameter"
        let rig = try Rig()
        #expect(await rig.refusal(action) == refusal)
        #expect(await rig.refusal(action, [parameter: ""]) == refusal)
    }

    @Test func endpointsOfTheWebAreAsked() async throws {
        let rig = try Rig()
        try await rig.ask("CreateTopic", ["Name": "news"])
        let answer = try await rig.ask(
            "Subscribe", ["TopicArn": Rig.topic, "Protocol": "http", "Endpoint": Rig.url])
        #expect(Rig.element("SubscriptionArn", answer) == "pending confirmation")
        let parcel = try #require(try await rig.arrived(1, at: Rig.url).first)
        #expect(
            parcel.attributes.keys.sorted() == [
                "Accept-Encoding", "Connection", "Content-Type", "User-Agent", "x-amz-sns-message-id",
                "x-amz-sns-message-type",
                "x-amz-sns-topic-arn",
            ])
        #expect(parcel.attributes["Content-Type"] == Parcel.Attribute(.text("text/plain; charset=UTF-8")))
        let body = try #require(parcel.json)
        #expect(
            body.members.map(\.name).sorted() == [
                "Message", "MessageId", "Signature", "SignatureVersion", "SigningCertURL", "SubscribeURL", "Timestamp",
                "Token", "TopicArn", "Type",
            ])
        let token = try #require(body["Token"]?.string)
        #expect(token.utf8.count == 288)
        #expect(
            body["SubscribeURL"]?.string
                == "http://127.0.0.1:4566/?Action=ConfirmSubscription&TopicArn=\(Rig.topic)&Token=\(token)")
        try await rig.ask("Publish", ["TopicArn": Rig.topic, "Message": "too early"])
        #expect(
            Rig.element("SubscriptionArn", try await rig.ask("ListSubscriptionsByTopic", ["TopicArn": Rig.topic]))
                == "PendingConfirmation")

        // test_subscribe_external_http_endpoint, by whoever has the link
        let nobody = Principal.anonymous(.standard)
        func confirm(_ topic: String, _ token: String) async -> String? {
            await rig.refusal("ConfirmSubscription", ["TopicArn": topic, "Token": token], by: nobody)
        }
        #expect(await confirm("not-an-arn", token) == "InvalidParameter: Invalid parameter: Topic")
        #expect(await confirm(Rig.topic, "abc123") == "InvalidParameter: Invalid parameter: Token")
        #expect(await confirm(Rig.topic, "randomtoken") == "InvalidParameter: Invalid token")
        let elsewhere = Rig.topic.replacing("us-east-1", with: "eu-central-1")
        #expect(await confirm(elsewhere, token) == "InvalidParameter: Invalid parameter: Topic")
        // A topic that is not there, in the same region, is as good.
        #expect(await confirm(Rig.topic + "x", token) == nil)
        #expect(await confirm(Rig.topic, token) == nil)
        let subscription = try #require(
            Rig.element("SubscriptionArn", try await rig.ask("ListSubscriptionsByTopic", ["TopicArn": Rig.topic])))
        let shown = try await rig.ask("GetSubscriptionAttributes", ["SubscriptionArn": subscription])
        #expect(Rig.attribute("ConfirmationWasAuthenticated", shown) == "false")
        #expect(Rig.attribute("PendingConfirmation", shown) == "false")
        try await rig.ask("Publish", ["TopicArn": Rig.topic, "Message": "m"])
        let message = try #require(try await rig.arrived(2, at: Rig.url).last)
        #expect(message.json?["Message"]?.string == "m")
        #expect(message.attributes["x-amz-sns-subscription-arn"] == Parcel.Attribute(.text(subscription)))

        // Whoever follows the link at the end may have it back.
        #expect(await rig.refusal("Unsubscribe", ["SubscriptionArn": subscription], by: nobody) == nil)
        let goodbye = try #require(try await rig.arrived(3, at: Rig.url).last?.json)
        #expect(goodbye["Type"]?.string == "UnsubscribeConfirmation")
        #expect(
            await rig.refusal("GetSubscriptionAttributes", ["SubscriptionArn": subscription])
                == "NotFound: Subscription does not exist")
        #expect(await confirm(Rig.topic, goodbye["Token"]?.string ?? "") == nil)
        #expect(await rig.refusal("GetSubscriptionAttributes", ["SubscriptionArn": subscription]) == nil)
    }

    /// test_dlq_external_http_endpoint
    @Test func questionsThatDoNotArriveAreNoDeadLetters() async throws {
        let rig = try Rig(
            Sink { $0.target == Rig.url ? DeliveryFailure(code: "HTTP404", message: "", isFinal: true) : nil })
        try await rig.ask("CreateTopic", ["Name": "news"])
        try await rig.subscribe("http", Rig.url, ["RedrivePolicy": #"{"deadLetterTargetArn":"\#(Rig.queue)"}"#])
        #expect(try await eventually { try await rig.waiting() == 0 })
        #expect(rig.sink.all.isEmpty)
    }

    @Test func confirmationsHaveTheirTime() async throws {
        let rig = try Rig()
        try await rig.ask("CreateTopic", ["Name": "news"])
        try await rig.subscribe("http", Rig.url)
        let token = try #require(try await rig.arrived(1, at: Rig.url).first?.json?["Token"]?.string)
        rig.clock.now += SNSQuotas().confirmationTime
        #expect(
            await rig.refusal("ConfirmSubscription", ["TopicArn": Rig.topic, "Token": token])
                == "InvalidParameter: Invalid parameter: Token")
        #expect(!(try await rig.ask("ListSubscriptions")).contains("<member>"))
    }

    @Test func contentTypesAreThoseOfThePolicies() async throws {
        let rig = try Rig()
        try await rig.ask("CreateTopic", ["Name": "news"])
        let policy = #"{"requestPolicy":{"headerContentType":"text/csv"}}"#
        let arn = try await rig.subscribe(
            "http", Rig.url, ["DeliveryPolicy": policy, "RawMessageDelivery": "true"])
        let shown = try await rig.ask("GetSubscriptionAttributes", ["SubscriptionArn": arn])
        // test_subscribe_external_http_endpoint_content_type
        #expect(
            Rig.attribute("DeliveryPolicy", shown)
                == #"{"healthyRetryPolicy":null,"sicklyRetryPolicy":null,"throttlePolicy":null,"requestPolicy":"#
                + #"{"headerContentType":"text/csv"},"guaranteed":false}"#)
        #expect(Rig.attribute("EffectiveDeliveryPolicy", shown)?.contains(#""numRetries":3"#) == true)
        let token = try #require(try await rig.arrived(1, at: Rig.url).first?.json?["Token"]?.string)
        try await rig.ask("ConfirmSubscription", ["TopicArn": Rig.topic, "Token": token])
        try await rig.ask("Publish", ["TopicArn": Rig.topic, "Message": "a,b"])
        let message = try #require(try await rig.arrived(2, at: Rig.url).last)
        #expect(message.attributes["Content-Type"] == Parcel.Attribute(.text("text/csv")))
        #expect(message.attributes["x-amz-sns-rawdelivery"] == Parcel.Attribute(.text("true")))
        #expect(String(buffer: message.body) == "a,b")
    }

    @Test func mailIsWrittenToItsReaders() async throws {
        let rig = try Rig()
        try await rig.ask("CreateTopic", ["Name": "news"])
        try await rig.subscribe("email", "swift@example.com")
        let question = try #require(try await rig.arrived(1, at: "mailto:swift@example.com").first)
        let token = try #require(String(buffer: question.body).split(separator: "Token=").last)
        try await rig.ask(
            "ConfirmSubscription", ["TopicArn": Rig.topic, "Token": String(token.prefix { $0.isHexDigit })])
        try await rig.ask("Publish", ["TopicArn": Rig.topic, "Message": "m", "Subject": "s"])
        let letter = try #require(try await rig.arrived(2, at: "mailto:swift@example.com").last)
        #expect(letter.attributes["Subject"] == Parcel.Attribute(.text("s")))
        #expect(String(buffer: letter.body).hasPrefix("m\n"))
    }

    @Test func refusesEndpointsAndAttributes() async throws {
        let rig = try Rig()
        try await rig.ask("CreateTopic", ["Name": "news"])
        try await rig.ask(
            "CreateTopic",
            ["Name": "n.fifo", "Attributes.entry.1.key": "FifoTopic", "Attributes.entry.1.value": "true"])
        func refusal(
            _ delivery: String, _ endpoint: String, _ attribute: (String, String)? = nil, topic: String = Rig.topic
        ) async -> String? {
            var parameters = ["TopicArn": topic, "Protocol": delivery, "Endpoint": endpoint]
            parameters["Attributes.entry.1.key"] = attribute?.0
            parameters["Attributes.entry.1.value"] = attribute?.1
            return await rig.refusal("Subscribe", parameters)
        }
        let invalid = "InvalidParameter: Invalid parameter: "
        #expect(
            await refusal("test-protocol", "x")
                == invalid + "Amazon SNS does not support this protocol string: test-protocol")
        #expect(await refusal("sqs", "http://queue") == invalid + "SQS endpoint ARN")
        #expect(await refusal("http", "https://x") == invalid + "Endpoint must match the specified protocol")
        for number in ["invalid-number", "+15--551234567", "NAA+15551234567", "+15551234567.", "/+15551234567"] {
            #expect(await refusal("sms", number) == "InvalidParameter: Invalid SMS endpoint: \(number)")
        }
        #expect(await refusal("sms", "+15551234567")?.hasPrefix("NotImplementedException") == true)
        #expect(await refusal("firehose", "x")?.hasPrefix("NotImplementedException") == true)
        let reason = invalid + "Attributes Reason: "
        #expect(
            await refusal("sqs", Rig.queue, ("RawMessageDelivery", "wrongvalue"))
                == reason + "RawMessageDelivery: Invalid value [wrongvalue]. Must be true or false.")
        #expect(
            await refusal("sqs", Rig.queue, ("RedrivePolicy", #"{"deadLetterTargetArn":"x"}"#))
                == reason + "RedrivePolicy: deadLetterTargetArn is an invalid arn")
        #expect(
            await refusal("sqs", Rig.queue, ("FilterPolicy", "{")).map {
                $0.hasPrefix(reason + "FilterPolicy: failed to parse JSON.")
            } == true)
        #expect(
            await refusal("sqs", Rig.queue, ("FilterPolicy", #"{"a":{"b":["c"]}}"#))
                == reason + "Filter policy scope MessageAttributes does not support nested filter policy")
        #expect(
            await refusal("sqs", Rig.queue + ".fifo")
                == invalid
                + "Invalid parameter: Endpoint Reason: FIFO SQS Queues can not be subscribed to standard SNS "
                + "topics")
        let dead = #"{"deadLetterTargetArn":"arn:aws:sqs:us-east-1:000000000000:dead"}"#
        #expect(
            await refusal(
                "sqs", Rig.queue + ".fifo", ("RedrivePolicy", dead), topic: "arn:aws:sns:us-east-1:000000000000:n.fifo")
                == reason + "RedrivePolicy: must use a FIFO queue as DLQ for a FIFO Subscription to a FIFO Topic.")
        #expect(await refusal("sqs", Rig.queue, topic: Rig.topic + "x") == "NotFound: Topic does not exist")
        func unsubscribe(_ arn: String) async -> String? {
            await rig.refusal("Unsubscribe", ["SubscriptionArn": arn])
        }
        #expect(await unsubscribe("") == invalid + "SubscriptionArn Reason: no value for required parameter")
        #expect(
            await unsubscribe("arn:aws:sns:us-east-1:000")
                == invalid + "SubscriptionArn Reason: An ARN must have at least 6 elements, not 5")
        #expect(await unsubscribe(Rig.topic + ":x") == invalid + "SubscriptionId")
        #expect(await unsubscribe(Rig.topic + ":5f0c1c3e-8b0a-4f6e-9d0a-2b9a5c1d7e42") == nil)
    }

    @Test func othersCannotLookOrCancel() async throws {
        let rig = try Rig()
        try await rig.ask("CreateTopic", ["Name": "news"])
        let arn = try await rig.subscribe("sqs", Rig.queue)
        for action in ["GetSubscriptionAttributes", "Unsubscribe"] {
            #expect(
                await rig.refusal(action, ["SubscriptionArn": arn], by: Rig.stranger)?.hasPrefix("AuthorizationError")
                    == true)
        }
        #expect(await rig.refusal("ListTopics", by: .anonymous(.standard))?.hasPrefix("MissingAuth") == true)
    }
}
