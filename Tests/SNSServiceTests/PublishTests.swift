import AWSWire
import Delivery
import Identity
import NIOCore
import Testing
import TestSupport

@testable import SNSService

/// Refusals, members and their absence are recorded answers of AWS: LocalStack's
/// tests/aws/services/sns/test_sns.snapshot.json.
@Suite struct PublishTests {
    @Test func queuesGetAnEnvelope() async throws {
        let rig = try Rig()
        try await rig.ask("CreateTopic", ["Name": "news"])
        let subscription = try await rig.subscribe("sqs", Rig.queue)
        let answer = try await rig.ask(
            "Publish",
            [
                "TopicArn": Rig.topic, "Message": "text", "Subject": "s",
                "MessageAttributes.entry.1.Name": "a", "MessageAttributes.entry.1.Value.DataType": "String",
                "MessageAttributes.entry.1.Value.StringValue": "v",
                "MessageAttributes.entry.2.Name": "b", "MessageAttributes.entry.2.Value.DataType": "Binary",
                "MessageAttributes.entry.2.Value.BinaryValue": "AgME",
            ])
        let id = try #require(Rig.element("MessageId", answer))
        let parcel = try #require(try await rig.arrived(1, at: Rig.queue).first)
        #expect(parcel.sender.service == "sns.amazonaws.com" && parcel.sender.source == Rig.topic)
        #expect(parcel.attributes.isEmpty)
        let body = try #require(parcel.json)
        #expect(
            body.members.map(\.name) == [
                "Type", "MessageId", "TopicArn", "Subject", "Message", "Timestamp", "SignatureVersion", "Signature",
                "SigningCertURL", "UnsubscribeURL", "MessageAttributes",
            ])
        #expect(body["Type"]?.string == "Notification" && body["MessageId"]?.string == id)
        #expect(body["Message"]?.string == "text" && body["Timestamp"]?.string == "2026-01-01T00:00:00.000Z")
        #expect(
            body["UnsubscribeURL"]?.string
                == "http://127.0.0.1:4566/?Action=Unsubscribe&SubscriptionArn=\(subscription)")
        #expect(body["MessageAttributes"]?["a"]?["Value"]?.string == "v")
        #expect(body["MessageAttributes"]?["b"]?["Type"]?.string == "Binary")
        #expect(body["MessageAttributes"]?["b"]?["Value"]?.string == "AgME")
    }

    @Test func functionsGetAnEvent() async throws {
        let rig = try Rig()
        try await rig.ask("CreateTopic", ["Name": "news"])
        let subscription = try await rig.subscribe("lambda", Rig.function)
        try await rig.ask("Publish", ["TopicArn": Rig.topic, "Message": "text"])
        let record = try #require(try await rig.arrived(1, at: Rig.function).first?.json?["Records"]?.elements.first)
        #expect(record.members.map(\.name) == ["EventSource", "EventVersion", "EventSubscriptionArn", "Sns"])
        #expect(record["EventSource"]?.string == "aws:sns" && record["EventSubscriptionArn"]?.string == subscription)
        let message = try #require(record["Sns"])
        #expect(message["Subject"]?.isNull == true && message["Message"]?.string == "text")
        #expect(message["MessageAttributes"]?.kind == .object && message["MessageAttributes"]?.members.isEmpty == true)
        #expect(message["SigningCertUrl"]?.string?.hasSuffix(".pem") == true && message["UnsubscribeUrl"] != nil)
    }

    /// test_publish_lambda_verify_signature
    @Test func functionsAreToldSignatureVersionOne() async throws {
        let rig = try Rig()
        try await rig.ask("CreateTopic", ["Name": "news"])
        try await rig.ask(
            "SetTopicAttributes",
            ["TopicArn": Rig.topic, "AttributeName": "SignatureVersion", "AttributeValue": "2"])
        try await rig.subscribe("lambda", Rig.function)
        try await rig.subscribe("sqs", Rig.queue)
        try await rig.ask("Publish", ["TopicArn": Rig.topic, "Message": "text"])
        let event = try await rig.arrived(1, at: Rig.function).first?.json?["Records"]?.elements.first?["Sns"]
        let envelope = try await rig.arrived(1, at: Rig.queue).first?.json
        #expect(event?["SignatureVersion"]?.string == "1" && envelope?["SignatureVersion"]?.string == "2")
        #expect(event?["Signature"]?.string == envelope?["Signature"]?.string)
    }

    /// test_fifo_topic_to_regular_sqs
    @Test func standardQueuesAreNotToldTheGroupsOfFIFOTopics() async throws {
        let rig = try Rig()
        let topic = "\(Rig.topic).fifo"
        try await rig.ask(
            "CreateTopic",
            ["Name": "news.fifo", "Attributes.entry.1.key": "FifoTopic", "Attributes.entry.1.value": "true"])
        try await rig.subscribe("sqs", Rig.queue, to: topic)
        try await rig.subscribe("sqs", "\(Rig.queue).fifo", to: topic)
        try await rig.ask(
            "Publish",
            ["TopicArn": topic, "Message": "m", "MessageGroupId": "g", "MessageDeduplicationId": "d"])
        #expect(try await rig.arrived(1, at: Rig.queue).map(\.group) == [nil])
        #expect(try await rig.arrived(1, at: "\(Rig.queue).fifo").map(\.group) == ["g"])
    }

    @Test func rawMessagesAreBareAndKeepTheirAttributes() async throws {
        let rig = try Rig()
        try await rig.ask("CreateTopic", ["Name": "news"])
        try await rig.subscribe("sqs", Rig.queue, ["RawMessageDelivery": "true"])
        try await rig.ask(
            "Publish",
            [
                "TopicArn": Rig.topic, "Message": "text", "MessageAttributes.entry.1.Name": "n",
                "MessageAttributes.entry.1.Value.DataType": "Number.int",
                "MessageAttributes.entry.1.Value.StringValue": "7",
            ])
        let parcel = try #require(try await rig.arrived(1, at: Rig.queue).first)
        #expect(String(buffer: parcel.body) == "text")
        #expect(parcel.attributes == ["n": Parcel.Attribute(type: "Number.int", .text("7"))])
    }

    @Test func protocolsHaveTheirOwnTexts() async throws {
        let rig = try Rig()
        try await rig.ask("CreateTopic", ["Name": "news"])
        try await rig.subscribe("sqs", Rig.queue)
        try await rig.subscribe("lambda", Rig.function)
        try await rig.ask(
            "Publish",
            [
                "TopicArn": Rig.topic, "MessageStructure": "json",
                "Message": #"{"default":"for all","sqs":"for queues","default":"really for all"}"#,
            ])
        #expect(try await rig.arrived(1, at: Rig.queue).first?.json?["Message"]?.string == "for queues")
        let event = try await rig.arrived(1, at: Rig.function).first?.json?["Records"]?.elements.first
        #expect(event?["Sns"]?["Message"]?.string == "really for all")
    }

    @Test func filtersKeepMessagesBack() async throws {
        let rig = try Rig()
        try await rig.ask("CreateTopic", ["Name": "news"])
        let subscription = try await rig.subscribe("sqs", Rig.queue, ["FilterPolicy": #"{"k":["yes"]}"#])
        func publish(_ text: String, _ value: String) async throws {
            try await rig.ask(
                "Publish",
                [
                    "TopicArn": Rig.topic, "Message": text, "MessageAttributes.entry.1.Name": "k",
                    "MessageAttributes.entry.1.Value.DataType": "String",
                    "MessageAttributes.entry.1.Value.StringValue": value,
                ])
        }
        try await publish("1", "no")
        try await publish("2", "yes")
        try await rig.ask(
            "SetSubscriptionAttributes",
            [
                "SubscriptionArn": subscription, "AttributeName": "FilterPolicyScope",
                "AttributeValue": "MessageBody",
            ])
        try await rig.ask("Publish", ["TopicArn": Rig.topic, "Message": #"{"k":"no"}"#])
        try await rig.ask("Publish", ["TopicArn": Rig.topic, "Message": #"{"k":"yes"}"#])
        let texts = Set(try await rig.arrived(2, at: Rig.queue).compactMap { $0.json?["Message"]?.string })
        #expect(texts == ["2", #"{"k":"yes"}"#])
        #expect(try await eventually { try await rig.waiting() == 0 })
        #expect(rig.sink.all.count == 2)
    }

    @Test func refusesWhatIsNoMessage() async throws {
        let rig = try Rig()
        try await rig.ask("CreateTopic", ["Name": "news"])
        func refusal(_ parameters: [String: String]) async -> String? {
            await rig.refusal("Publish", ["TopicArn": Rig.topic, "Message": "m"].merging(parameters) { $1 })
        }
        func attribute(_ name: String, _ type: String, _ value: String?, binary: String? = nil) async -> String? {
            var parameters = [
                "MessageAttributes.entry.1.Name": name, "MessageAttributes.entry.1.Value.DataType": type,
            ]
            parameters["MessageAttributes.entry.1.Value.StringValue"] = value
            parameters["MessageAttributes.entry.1.Value.BinaryValue"] = binary
            return await refusal(parameters)
        }
        #expect(await refusal(["Message": ""]) == "InvalidParameter: Invalid parameter: Empty message")
        #expect(await refusal(["Subject": ""]) == "InvalidParameter: Invalid parameter: Subject")
        #expect(
            await refusal(["Message": String(repeating: "a", count: 262_145)])
                == "InvalidParameter: Invalid parameter: Message too long")
        #expect(await refusal(["Message": String(repeating: "a", count: 262_144)]) == nil)
        #expect(
            await refusal(["MessageStructure": "json", "Message": "{\"sqs\":\"x\"}"])
                == "InvalidParameter: Invalid parameter: Message Structure - No default entry in JSON message body")
        #expect(
            await refusal(["MessageStructure": "json", "Message": "{"])
                == "InvalidParameter: Invalid parameter: Message Structure - JSON message body failed to parse")
        #expect(
            await refusal(["TopicArn": "topic"])
                == "InvalidParameter: Invalid parameter: TopicArn Reason: An ARN must have at least 6 elements, not 1")
        #expect(await refusal(["TopicArn": Rig.topic + "x"]) == "NotFound: Topic does not exist")
        #expect(
            await refusal(["MessageDeduplicationId": "d"])
                == "InvalidParameter: Invalid parameter: MessageDeduplicationId Reason: The request includes "
                + "MessageDeduplicationId parameter that is not valid for this topic type")
        #expect(
            await attribute("a", "String", "")
                == "ParameterValueInvalid: The message attribute 'a' must contain non-empty message attribute value "
                + "for message attribute type 'String'.")
        #expect(
            await attribute("a", "Number", nil, binary: "AgME")
                == "ParameterValueInvalid: The message attribute 'a' with type 'Number' must use field 'String'.")
        for type in ["String.", "Stringprefixed", "Bool"] {
            #expect(
                await attribute("a", type, "x")
                    == "ParameterValueInvalid: The message attribute 'a' has an invalid message attribute type, the "
                    + "set of supported type prefixes is Binary, Number, and String.")
        }
        #expect(await attribute("a", "String.  prefixed.", "x") == nil)
        #expect(
            await attribute("a^", "String", "x")
                == "ParameterValueInvalid: Invalid non-alphanumeric character '#x5E' was found in the message "
                + "attribute name. Can only include alphanumeric characters, hyphens, underscores, or dots.")
        #expect(
            await attribute("a..b", "String", "x")
                == "ParameterValueInvalid: Message attribute name can not have successive '.' character.")
        #expect(
            await refusal(["MessageAttributes.entry.1.Name": "a", "MessageAttributes.entry.1.Value.StringValue": "x"])
                == "ValidationError: 1 validation error detected: Value null at 'messageAttributes.a.member.dataType' "
                + "failed to satisfy constraint: Member must not be null")
        #expect(
            await rig.refusal("Publish", ["TopicArn": Rig.topic, "Message": "m"], region: "eu-west-1")
                == "InvalidParameter: Invalid parameter: TopicArn")
    }

    @Test func batchesAreTakenAsOne() async throws {
        let rig = try Rig()
        try await rig.ask("CreateTopic", ["Name": "news"])
        try await rig.subscribe("sqs", Rig.queue, ["RawMessageDelivery": "true"])
        func entries(_ ids: [String], _ text: String = "m") -> [String: String] {
            var parameters = ["TopicArn": Rig.topic]
            for (index, id) in ids.enumerated() {
                parameters["PublishBatchRequestEntries.member.\(index + 1).Id"] = id
                parameters["PublishBatchRequestEntries.member.\(index + 1).Message"] = text
            }
            return parameters
        }
        let answer = try await rig.ask("PublishBatch", entries((0..<10).map { "m-\($0)" }))
        #expect(answer.contains("<Failed></Failed>") && answer.split(separator: "<MessageId>").count == 11)
        #expect(try await rig.arrived(10, at: Rig.queue).count == 10)
        func code(_ ids: [String], _ text: String = "m") async -> Substring? {
            await rig.refusal("PublishBatch", entries(ids, text))?.prefix { $0 != ":" }
        }
        #expect(await code(["a", "a"]) == "BatchEntryIdsNotDistinct")
        #expect(await code((0..<11).map(String.init)) == "TooManyEntriesInBatchRequest")
        #expect(await code(["a.b"]) == "InvalidBatchEntryId")
        #expect(await code([String(repeating: "a", count: 81)]) == "InvalidBatchEntryId")
        #expect(await code(["a", "b"], String(repeating: "m", count: 131_073)) == "BatchRequestTooLong")
        #expect(await code(["a", "b"], "") == "InvalidParameter")
    }

    // MARK: FIFO

    private static let ordered = "arn:aws:sns:us-east-1:000000000000:news.fifo"
    private static let orderedQueue = "arn:aws:sqs:us-east-1:000000000000:queue.fifo"

    private func fifo(_ attributes: [String: String] = [:]) async throws -> Rig {
        let rig = try Rig()
        var parameters = [
            "Name": "news.fifo", "Attributes.entry.1.key": "FifoTopic", "Attributes.entry.1.value": "true",
        ]
        for (index, attribute) in attributes.enumerated() {
            parameters["Attributes.entry.\(index + 2).key"] = attribute.key
            parameters["Attributes.entry.\(index + 2).value"] = attribute.value
        }
        try await rig.ask("CreateTopic", parameters)
        try await rig.subscribe("sqs", Self.orderedQueue, to: Self.ordered)
        return rig
    }

    @Test func ordersAndNumbersMessages() async throws {
        let rig = try await fifo()
        var last = ""
        for number in 0..<20 {
            let answer = try await rig.ask(
                "Publish",
                [
                    "TopicArn": Self.ordered, "Message": "\(number)", "MessageGroupId": "g",
                    "MessageDeduplicationId": "d\(number)",
                ])
            let sequence = try #require(Rig.element("SequenceNumber", answer))
            #expect(sequence.utf8.count == 20 && sequence > last)
            last = sequence
        }
        let parcels = try await rig.arrived(20, at: Self.orderedQueue)
        #expect(parcels.compactMap { $0.json?["Message"]?.string } == (0..<20).map(String.init))
        let body = try #require(parcels.last?.json)
        // They go unsigned: test_publish_fifo_messages_to_dlq.
        #expect(
            body.members.map(\.name) == [
                "Type", "MessageId", "SequenceNumber", "TopicArn", "Message", "Timestamp", "UnsubscribeURL",
            ])
        #expect(body["SequenceNumber"]?.string == last)
        #expect(parcels.last?.group == "g" && parcels.last?.deduplicationID == "d19")
    }

    @Test func takesTheSameMessageOnceInFiveMinutes() async throws {
        let rig = try await fifo(["ContentBasedDeduplication": "true"])
        let parameters = ["TopicArn": Self.ordered, "Message": "Test single", "MessageGroupId": "g"]
        let first = try await rig.ask("Publish", parameters)
        let again = try await rig.ask("Publish", parameters.merging(["MessageGroupId": "other"]) { $1 })
        #expect(Rig.element("MessageId", first) == Rig.element("MessageId", again))
        rig.clock.now += 299_999
        try await rig.ask("Publish", parameters)
        #expect(try await rig.arrived(1, at: Self.orderedQueue).count == 1)
        rig.clock.now += 1
        let later = try await rig.ask("Publish", parameters)
        #expect(Rig.element("MessageId", first) != Rig.element("MessageId", later))
        let parcels = try await rig.arrived(2, at: Self.orderedQueue)
        #expect(
            parcels.map(\.deduplicationID)
                == Array(repeating: "2591186cff6c740cb9e0cfce1653a7e6998d57da12e1da13d85344b1c08be4cb", count: 2))
        #expect(try await eventually { try await rig.waiting() == 0 })
        #expect(rig.sink.all.count == 2)
    }

    @Test func groupsMayCountEachForItself() async throws {
        let rig = try await fifo(["FifoThroughputScope": "MessageGroup"])
        for group in ["a", "b", "a"] {
            try await rig.ask(
                "Publish",
                [
                    "TopicArn": Self.ordered, "Message": group, "MessageGroupId": group,
                    "MessageDeduplicationId": "same",
                ])
        }
        #expect(try await rig.arrived(2, at: Self.orderedQueue).compactMap(\.group) == ["a", "b"])
        #expect(try await eventually { try await rig.waiting() == 0 })
        #expect(rig.sink.all.count == 2)
    }

    @Test func refusesWhatHasNoPlaceInAnOrder() async throws {
        let rig = try await fifo()
        #expect(
            await rig.refusal("Publish", ["TopicArn": Self.ordered, "Message": "m"])
                == "InvalidParameter: Invalid parameter: The MessageGroupId parameter is required for FIFO topics")
        #expect(
            await rig.refusal("Publish", ["TopicArn": Self.ordered, "Message": "m", "MessageGroupId": "g"])
                == "InvalidParameter: Invalid parameter: The topic should either have ContentBasedDeduplication "
                + "enabled or MessageDeduplicationId provided explicitly")
    }

    // MARK: What does not arrive

    @Test func deadLettersAreAsQueuesGetThem() async throws {
        let dead = "arn:aws:sqs:us-east-1:000000000000:dead"
        let rig = try Rig(
            Sink { parcel in
                parcel.target == dead ? nil : DeliveryFailure(code: "Gone", message: "", isFinal: true)
            })
        try await rig.ask("CreateTopic", ["Name": "news"])
        let policy = ["RedrivePolicy": "{\"deadLetterTargetArn\":\"\(dead)\"}"]
        try await rig.subscribe("lambda", Rig.function, policy)
        try await rig.subscribe("sqs", Rig.queue, policy.merging(["RawMessageDelivery": "true"]) { $1 })
        try await rig.ask(
            "Publish",
            [
                "TopicArn": Rig.topic, "Message": "text", "MessageAttributes.entry.1.Name": "n",
                "MessageAttributes.entry.1.Value.DataType": "Number",
                "MessageAttributes.entry.1.Value.StringValue": "1",
            ])
        let parcels = try await rig.arrived(2, at: dead)
        let raw = try #require(parcels.first { String(buffer: $0.body) == "text" })
        #expect(raw.attributes == ["n": Parcel.Attribute(type: "Number", .text("1"))])
        let whole = try #require(parcels.first { $0.json?["Type"]?.string == "Notification" })
        #expect(whole.json?["MessageAttributes"]?["n"]?["Value"]?.string == "1" && whole.attributes.isEmpty)
    }

    /// Other services publish what happens there; the topic's policy decides.
    @Test func takesEventsOfOtherServices() async throws {
        let rig = try Rig()
        try await rig.ask("CreateTopic", ["Name": "news"])
        try await rig.subscribe("sqs", Rig.queue)
        let delivery = TopicTarget(rig.service)
        func parcel(_ service: String) -> Parcel {
            Parcel(
                id: "p", to: Rig.topic, from: .init(service, for: "arn:aws:s3:::bucket", of: .standard),
                ByteBuffer(string: "event"))
        }
        let bucket = parcel("s3.amazonaws.com")
        await #expect(throws: DeliveryFailure.self) { try await delivery.deliver(bucket) }
        await #expect(throws: DeliveryFailure.self) { try await delivery.check(Rig.topic, from: bucket.sender) }
        let policy =
            #"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"Service":"s3.amazonaws.com"},"#
            + #""Action":"SNS:Publish","Resource":"*","Condition":{"ArnLike":{"aws:SourceArn":"arn:aws:s3:::bucket"}}}]}"#
        try await rig.ask(
            "SetTopicAttributes", ["TopicArn": Rig.topic, "AttributeName": "Policy", "AttributeValue": policy])
        try await delivery.check(Rig.topic, from: bucket.sender)
        try await delivery.deliver(bucket)
        #expect(try await rig.arrived(1, at: Rig.queue).first?.json?["Message"]?.string == "event")
        await #expect(throws: DeliveryFailure.self) { try await delivery.deliver(parcel("events.amazonaws.com")) }
    }
}
