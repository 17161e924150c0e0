import AWSWire
import TestSupport
import Testing

@testable import SNSService

/// Answers and refusals are recorded ones of AWS: LocalStack's tests/aws/services/sns/test_sns.snapshot.json, topic
/// tests.
@Suite struct TopicTests {
    private static func attributes(_ attributes: [(String, String)]) -> [String: String] {
        var parameters: [String: String] = [:]
        for (index, attribute) in attributes.enumerated() {
            parameters["Attributes.entry.\(index + 1).key"] = attribute.0
            parameters["Attributes.entry.\(index + 1).value"] = attribute.1
        }
        return parameters
    }

    @Test func showsWhatATopicIs() async throws {
        let rig = try Rig()
        let arn = "arn:aws:sns:us-east-1:000000000000:t.fifo"
        let made = try await rig.ask(
            "CreateTopic",
            ["Name": "t.fifo"].merging(
                Self.attributes([("FifoTopic", "true"), ("DisplayName", "TestTopic"), ("SignatureVersion", "2")])
            ) { $1 })
        #expect(Rig.element("TopicArn", made) == arn)
        let shown = try await rig.ask("GetTopicAttributes", ["TopicArn": arn])
        let expected = [
            "ContentBasedDeduplication": "false", "DisplayName": "TestTopic", "FifoTopic": "true",
            "Owner": "000000000000", "SignatureVersion": "2", "SubscriptionsConfirmed": "0",
            "SubscriptionsDeleted": "0", "SubscriptionsPending": "0", "TopicArn": arn,
            "EffectiveDeliveryPolicy":
                #"{"http":{"defaultHealthyRetryPolicy":{"minDelayTarget":20,"maxDelayTarget":20,"numRetries":3,"#
                + #""numMaxDelayRetries":0,"numNoDelayRetries":0,"numMinDelayRetries":0,"backoffFunction":"linear"},"#
                + #""disableSubscriptionOverrides":false,"defaultRequestPolicy":{"headerContentType":"#
                + #""text/plain; charset=UTF-8"}}}"#,
            "Policy":
                #"{"Version":"2008-10-17","Id":"__default_policy_ID","Statement":[{"Sid":"__default_statement_ID","#
                + #""Effect":"Allow","Principal":{"AWS":"*"},"Action":["SNS:GetTopicAttributes","#
                + #""SNS:SetTopicAttributes","SNS:AddPermission","SNS:RemovePermission","SNS:DeleteTopic","#
                + #""SNS:Subscribe","SNS:ListSubscriptionsByTopic","SNS:Publish"],"Resource":"\#(arn)","#
                + #""Condition":{"StringEquals":{"AWS:SourceOwner":"000000000000"}}}]}"#,
        ]
        for (name, value) in expected { #expect(Rig.attribute(name, shown) == value) }
        #expect(shown.split(separator: "<entry>").count == expected.count + 1)
        #expect(Rig.attribute("FifoTopic", shown) == "true")
    }

    /// test_create_duplicate_topic_check_idempotency, test_create_duplicate_topic_with_more_tags
    @Test func makingATopicAgainMayNameSomeOfItsTags() async throws {
        let rig = try Rig()
        func make(_ tags: [String]) async -> String? {
            var parameters = ["Name": "news"]
            for (index, tag) in tags.enumerated() {
                parameters["Tags.member.\(index + 1).Key"] = tag
                parameters["Tags.member.\(index + 1).Value"] = "v"
            }
            return await rig.refusal("CreateTopic", parameters)
        }
        for tags in [["a", "b"], ["b", "a"], ["a"], []] { #expect(await make(tags) == nil) }
        #expect(
            await make(["c"])
                == "InvalidParameter: Invalid parameter: Tags Reason: Topic already exists with different tags")
    }

    @Test func thereAreOnlySoManyTopics() async throws {
        var quotas = SNSQuotas()
        quotas.topics = 1
        let rig = try Rig(quotas: quotas)
        try await rig.ask("CreateTopic", ["Name": "news"])
        try await rig.ask("CreateTopic", ["Name": "news"])
        let error = await #expect(throws: AWSError.self) { try await rig.ask("CreateTopic", ["Name": "more"]) }
        #expect(error?.code == "TopicLimitExceeded" && error?.status == 403)
    }

    @Test func deliveryPoliciesAreShownAsTheyWereSet() async throws {
        let rig = try Rig()
        try await rig.ask("CreateTopic", ["Name": "news"])
        func set(_ value: String) async throws -> String {
            try await rig.ask(
                "SetTopicAttributes",
                ["TopicArn": Rig.topic, "AttributeName": "DeliveryPolicy", "AttributeValue": value])
            return try await rig.ask("GetTopicAttributes", ["TopicArn": Rig.topic])
        }
        // test_topic_delivery_policy_crud
        let some = try await set(
            #"{"http":{"defaultHealthyRetryPolicy":{"minDelayTarget":5,"maxDelayTarget":6,"numRetries":1}}}"#)
        #expect(
            Rig.attribute("DeliveryPolicy", some)
                == #"{"http":{"defaultHealthyRetryPolicy":{"minDelayTarget":5,"maxDelayTarget":6,"numRetries":1},"#
                + #""disableSubscriptionOverrides":false}}"#)
        let none = try await set(#"{"http":{"defaultHealthyRetryPolicy":null}}"#)
        #expect(Rig.attribute("DeliveryPolicy", none) == #"{"http":{"disableSubscriptionOverrides":false}}"#)
        #expect(Rig.attribute("DeliveryPolicy", try await set("")) == nil)
        let throttled = try await set(#"{"http":{"defaultThrottlePolicy":{"maxReceivesPerSecond":5}}}"#)
        #expect(
            Rig.attribute("DeliveryPolicy", throttled)
                == #"{"http":{"disableSubscriptionOverrides":false,"#
                + #""defaultThrottlePolicy":{"maxReceivesPerSecond":5}}}"#
        )
        #expect(
            await rig.refusal(
                "SetTopicAttributes",
                [
                    "TopicArn": Rig.topic, "AttributeName": "DeliveryPolicy",
                    "AttributeValue": #"{"http":{"defaultThrottlePolicy":{"maxReceivesPerSecond":0}}}"#,
                ])?.hasPrefix("InvalidParameter") == true)
    }

    @Test func makingATopicAgainNeedsTheSame() async throws {
        let rig = try Rig()
        let parameters = ["Name": "news"].merging(Self.attributes([("DisplayName", "Value1")])) { $1 }
        try await rig.ask("CreateTopic", parameters)
        #expect(await rig.refusal("CreateTopic", parameters) == nil)
        #expect(await rig.refusal("CreateTopic", ["Name": "news"]) == nil)
        let other =
            "InvalidParameter: Invalid parameter: Attributes Reason: Topic already exists with different attributes"
        for attribute in [("DisplayName", "Value2"), ("SignatureVersion", "2")] {
            #expect(
                await rig.refusal("CreateTopic", ["Name": "news"].merging(Self.attributes([attribute])) { $1 })
                    == other)
        }
        #expect(
            await rig.refusal("CreateTopic", ["Name": "news", "Tags.member.1.Key": "k", "Tags.member.1.Value": "v"])
                == "InvalidParameter: Invalid parameter: Tags Reason: Topic already exists with different tags")
    }

    @Test func refusesNames() async throws {
        let rig = try Rig()
        let refused = "InvalidParameter: Invalid parameter: Topic Name"
        for name in ["", String(repeating: "a", count: 257), "a.fifo", "a/b", "a b", "é", "a.b", ".fifo"] {
            #expect(await rig.refusal("CreateTopic", ["Name": name]) == refused, "\(name)")
        }
        #expect(
            await rig.refusal("CreateTopic", ["Name": "a"].merging(Self.attributes([("FifoTopic", "true")])) { $1 })
                == refused)
        #expect(await rig.refusal("CreateTopic", ["Name": String(repeating: "a", count: 256)]) == nil)
        #expect(
            await rig.refusal("CreateTopic")
                == "ValidationError: 1 validation error detected: Value null at 'name' failed to satisfy constraint: "
                + "Member must not be null")
    }

    @Test func refusesAttributes() async throws {
        let rig = try Rig()
        try await rig.ask("CreateTopic", ["Name": "news"])
        func refusal(_ name: String, _ value: String) async -> String? {
            await rig.refusal(
                "SetTopicAttributes", ["TopicArn": Rig.topic, "AttributeName": name, "AttributeValue": value])
        }
        for name in ["FifoTopic", "ContentBasedDeduplication", "Nothing"] {
            #expect(await refusal(name, "false") == "InvalidParameter: Invalid parameter: AttributeName")
        }
        for (name, value) in [
            ("KmsMasterKeyId", "alias/aws/sns"), ("TracingConfig", "Active"), ("SQSSuccessFeedbackRoleArn", "arn"),
        ] {
            #expect(await refusal(name, value)?.hasPrefix("NotImplementedException") == true)
        }
        let action =
            #"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":"*","Action":"s3:Get","#
            + #""Resource":"*"}]}"#
        #expect(
            await refusal("Policy", action)
                == "InvalidParameter: Invalid parameter: Policy statement action out of service scope!")
        #expect(await refusal("Policy", "{")?.hasPrefix("InvalidParameter: Invalid parameter: Policy Error") == true)
    }

    @Test func listsInPages() async throws {
        var quotas = SNSQuotas()
        quotas.pageSize = 2
        let rig = try Rig(quotas: quotas)
        for name in ["a", "b", "c"] { try await rig.ask("CreateTopic", ["Name": name]) }
        let first = try await rig.ask("ListTopics")
        let token = try #require(Rig.element("NextToken", first))
        let second = try await rig.ask("ListTopics", ["NextToken": token])
        #expect(first.contains(":a<") && first.contains(":b<") && !first.contains(":c<"))
        #expect(second.contains(":c<") && Rig.element("NextToken", second) == nil)
        #expect(await rig.refusal("ListTopics", ["NextToken": "!"]) == "InvalidParameter: Invalid parameter: NextToken")
        #expect(!(try await rig.ask("ListTopics", region: "eu-west-1")).contains("arn:"))
        #expect(!(try await rig.ask("ListTopics", by: Rig.stranger)).contains("arn:"))
        try await rig.ask("DeleteTopic", ["TopicArn": "arn:aws:sns:us-east-1:000000000000:a"])
        try await rig.ask("DeleteTopic", ["TopicArn": "arn:aws:sns:us-east-1:000000000000:a"])
        #expect(Rig.element("NextToken", try await rig.ask("ListTopics")) == nil)
    }

    @Test func tagsComeAndGo() async throws {
        let rig = try Rig()
        try await rig.ask("CreateTopic", ["Name": "news", "Tags.member.1.Key": "k1", "Tags.member.1.Value": "v1"])
        let more = [
            "ResourceArn": Rig.topic, "Tags.member.1.Key": "k1", "Tags.member.1.Value": "v1b",
            "Tags.member.2.Key": "k2", "Tags.member.2.Value": "",
        ]
        try await rig.ask("TagResource", more)
        let listed = try await rig.ask("ListTagsForResource", ["ResourceArn": Rig.topic])
        #expect(
            listed.contains(
                "<Tags><member><Key>k1</Key><Value>v1b</Value></member><member><Key>k2</Key><Value></Value></member>"))
        try await rig.ask("UntagResource", ["ResourceArn": Rig.topic, "TagKeys.member.1": "k1"])
        #expect(!(try await rig.ask("ListTagsForResource", ["ResourceArn": Rig.topic])).contains("k1"))
        #expect(
            await rig.refusal("TagResource", more.merging(["Tags.member.2.Key": "k1"]) { $1 })
                == "InvalidParameter: Invalid parameter: Duplicated keys are not allowed.")
        #expect(
            await rig.refusal("ListTagsForResource", ["ResourceArn": Rig.topic + "x"])
                == "ResourceNotFound: Resource does not exist")
    }

    @Test func permissionsLetOthersIn() async throws {
        let rig = try Rig()
        try await rig.ask("CreateTopic", ["Name": "news"])
        let message = ["TopicArn": Rig.topic, "Message": "m"]
        #expect(
            await rig.refusal("Publish", message, by: Rig.stranger)?
                .hasPrefix(
                    "AuthorizationError: User: arn:aws:iam::111111111111:root is not authorized to perform: "
                        + "SNS:Publish on resource: \(Rig.topic)") == true)
        let grant = [
            "TopicArn": Rig.topic, "Label": "test", "AWSAccountId.member.1": "111111111111",
            "ActionName.member.1": "Publish",
        ]
        try await rig.ask("AddPermission", grant)
        #expect(await rig.refusal("Publish", message, by: Rig.stranger) == nil)
        let policy = try #require(
            Rig.attribute("Policy", try await rig.ask("GetTopicAttributes", ["TopicArn": Rig.topic])))
        // test_topic_add_permission
        #expect(
            policy.hasSuffix(
                #",{"Sid":"test","Effect":"Allow","Principal":{"AWS":"arn:aws:iam::111111111111:root"},"#
                    + #""Action":"SNS:Publish","Resource":"\#(Rig.topic)"}]}"#))
        #expect(
            await rig.refusal("AddPermission", grant) == "InvalidParameter: Invalid parameter: Statement already exists"
        )
        #expect(
            await rig.refusal("AddPermission", grant.merging(["ActionName.member.1": "Bad", "Label": "x"]) { $1 })
                == "InvalidParameter: Invalid parameter: Policy statement action out of service scope!")
        try await rig.ask("RemovePermission", ["TopicArn": Rig.topic, "Label": "test"])
        #expect(await rig.refusal("Publish", message, by: Rig.stranger) != nil)
    }

    @Test func whatIsNotDoneSaysSo() async throws {
        let rig = try Rig()
        for action in ["CreatePlatformApplication", "PutDataProtectionPolicy", "GetSMSAttributes"] {
            #expect(await rig.refusal(action)?.hasPrefix("NotImplementedException") == true)
        }
        #expect(await rig.refusal("Nothing")?.hasPrefix("InvalidAction") == true)
    }

    @Test func resetLeavesNothing() async throws {
        let rig = try Rig()
        try await rig.ask("CreateTopic", ["Name": "news"])
        try await rig.subscribe("sqs", Rig.queue)
        try await rig.ask("Publish", ["TopicArn": Rig.topic, "Message": "m"])
        try await rig.service.reset()
        #expect(
            await rig.refusal("Publish", ["TopicArn": Rig.topic, "Message": "m"]) == "NotFound: Topic does not exist")
        #expect(!(try await rig.ask("ListSubscriptions")).contains("arn:"))
    }
}
