import AWSWire
import Delivery
import Identity
import NIOCore
import TestSupport
import Testing

@testable import LogsService

/// Shapes and errors are those that LocalStack's tests recorded (test_logs_resource_policies.snapshot.json); what a
/// rule needs is in the EventBridge user guide ("Using resource-based policies", CloudWatch Logs permissions).
@Suite struct ResourcePolicyTests {
    private static let group = "arn:aws:logs:us-east-1:000000000000:log-group:/aws/events/g"

    private func policy(
        _ services: String = #"["events.amazonaws.com","delivery.logs.amazonaws.com"]"#,
        actions: String = #"["logs:CreateLogStream","logs:PutLogEvents"]"#, resource: String = "\(group):*",
        effect: String = "Allow"
    ) -> String {
        #"{"Version":"2012-10-17","Statement":[{"Effect":"\#(effect)","Principal":{"Service":\#(services)},"#
            + #""Action":\#(actions),"Resource":"\#(resource)"}]}"#
    }

    private func rig() async throws -> Rig {
        let rig = try Rig()
        _ = try await rig.send("CreateLogGroup", #"{"logGroupName":"/aws/events/g"}"#)
        return rig
    }

    private func put(_ rig: Rig, _ document: String, as name: String = "p") async throws -> JSONValue {
        try await rig.call("PutResourcePolicy", #"{"policyName":"\#(name)","policyDocument":\#(document.json)}"#)
    }

    private func parcel(
        _ body: String, to target: String = group, id: String = "0b6a7a5e-0000-4000-8000-000000000001"
    ) -> Parcel {
        Parcel(
            id: id, to: target,
            from: ServiceCaller(
                "events.amazonaws.com", for: "arn:aws:events:us-east-1:000000000000:rule/r", of: .standard),
            ByteBuffer(string: body))
    }

    @Test func policiesArePutDescribedAndDeleted() async throws {
        let rig = try await rig()
        let answer = try await put(rig, policy())
        #expect(answer.members.map(\.name) == ["resourcePolicy"])
        let made = try #require(answer["resourcePolicy"])
        #expect(
            Set(made.members.map(\.name)) == ["policyName", "policyDocument", "lastUpdatedTime", "policyScope"])
        #expect(made["policyScope"]?.string == "ACCOUNT")
        for number in 1...9 { _ = try await put(rig, policy(), as: "p\(number)") }
        let eleventh = await rig.failure(
            "PutResourcePolicy", #"{"policyName":"q","policyDocument":\#(policy().json)}"#)
        #expect(eleventh?.code == "LimitExceededException")
        #expect(eleventh?.message == "Resource limit exceeded.")
        _ = try await put(rig, policy(actions: #""logs:*""#))
        let page = try await rig.call("DescribeResourcePolicies", #"{"limit":4}"#)
        #expect(page["resourcePolicies"]?.elements.map { $0["policyName"]?.string } == ["p", "p1", "p2", "p3"])
        let token = try #require(page["nextToken"]?.string)
        let rest = try await rig.call("DescribeResourcePolicies", #"{"nextToken":"\#(token)"}"#)
        #expect(rest["resourcePolicies"]?.elements.count == 6)
        _ = try await rig.send("DeleteResourcePolicy", #"{"policyName":"p"}"#)
        let gone = await rig.failure("DeleteResourcePolicy", #"{"policyName":"p"}"#)
        #expect(gone?.code == "ResourceNotFoundException")
        #expect(gone?.message == "Policy with name [p] does not exist.")
        for body in [#"{"policyDocument":"{}"}"#, #"{"policyName":"p"}"#, #"{"policyName":"p","policyDocument":"x"}"#] {
            #expect(await rig.failure("PutResourcePolicy", body)?.code == "InvalidParameterException", "\(body)")
        }
    }

    @Test func aGroupHasOneOfItsOwn() async throws {
        let rig = try await rig()
        let resource = #""resourceArn":"\#(Self.group)""#
        let body = #"{\#(resource),"policyDocument":\#(policy().json)"#
        let made = try await rig.call("PutResourcePolicy", body + "}")
        let revision = try #require(made["revisionId"]?.string)
        #expect(made["resourcePolicy"]?["policyScope"]?.string == "RESOURCE")
        #expect(await rig.failure("PutResourcePolicy", body + "}")?.code == "OperationAbortedException")
        _ = try await rig.call("PutResourcePolicy", body + #","expectedRevisionId":"\#(revision)"}"#)
        let described = try await rig.call("DescribeResourcePolicies", "{\(resource),\"policyScope\":\"RESOURCE\"}")
        #expect(described["resourcePolicies"]?.elements.count == 1)
        #expect(try await rig.call("DescribeResourcePolicies", "{}")["resourcePolicies"]?.elements.count == 0)
        try await rig.delivery.send(parcel("{}"))
        _ = try await rig.send("DeleteLogGroup", #"{"logGroupName":"/aws/events/g"}"#)
        #expect(try await rig.count("logs_policies") == 0)
    }

    @Test func aParcelBecomesAnEvent() async throws {
        let rig = try await rig()
        _ = try await put(rig, policy())
        let event = #"{"id":"1","detail-type":"t","source":"s","time":"2025-12-31T23:59:00Z","detail":{}}"#
        try await rig.delivery.send(parcel(event))
        // It may come again.
        try await rig.delivery.send(parcel(event, to: Self.group + ":*"))
        try await rig.delivery.send(
            parcel(#"{"timestamp":\#(Rig.start - 5),"message":"made"}"#, id: "0b6a7a5e-0000-4000-8000-000000000002"))
        try await rig.delivery.send(parcel("plain", id: "0b6a7a5e-0000-4000-8000-000000000003"))
        let found =
            try await rig.call("FilterLogEvents", #"{"logGroupName":"/aws/events/g"}"#)["events"]?.elements ?? []
        #expect(found.map { $0["message"]?.string } == [event, "made", "plain"])
        #expect(
            found.map { $0["timestamp"]?.int.map(Int64.init) } == [Rig.start - 60_000, Rig.start - 5, Rig.start])
        #expect(found.first?["logStreamName"]?.string == "0b6a7a5e-0000-4000-8000-000000000001")
    }

    @Test func policiesDecide() async throws {
        let rig = try await rig()
        func refused(_ target: String = Self.group) async -> String? {
            do throws(DeliveryFailure) {
                try await rig.delivery.check(target, from: parcel("").sender)
                try await rig.delivery.send(parcel("{}", to: target))
                return nil
            } catch {
                return error.isFinal ? error.code : "may pass"
            }
        }
        #expect(await refused() == "AccessDeniedException")
        _ = try await put(rig, policy(actions: #""logs:PutLogEvents""#))
        #expect(await refused() == "AccessDeniedException")
        _ = try await put(rig, policy(#""sns.amazonaws.com""#))
        #expect(await refused() == "AccessDeniedException")
        _ = try await put(rig, policy(resource: "arn:aws:logs:us-east-1:000000000000:log-group:/other:*"))
        #expect(await refused() == "AccessDeniedException")
        _ = try await put(rig, policy(#""delivery.logs.amazonaws.com""#))
        #expect(await refused() == nil)
        _ = try await put(rig, policy(#""events.amazonaws.com""#, effect: "Deny"), as: "no")
        #expect(await refused() == "AccessDeniedException")
        _ = try await rig.send("DeleteResourcePolicy", #"{"policyName":"no"}"#)
        _ = try await put(rig, policy())
        #expect(await refused() == nil)
        #expect(await refused(Self.group + "x") == "ResourceNotFoundException")
        _ = try await put(rig, policy(effect: "Deny"), as: "no")
        #expect(await refused() == "AccessDeniedException")
    }

    @Test func queryDefinitionsAreKept() async throws {
        let rig = try Rig()
        let body =
            #"{"name":"one","queryString":"fields @message","clientToken":"\#(String(repeating: "t", count: 36))"}"#
        let id = try #require(try await rig.call("PutQueryDefinition", body)["queryDefinitionId"]?.string)
        #expect(try await rig.call("PutQueryDefinition", body)["queryDefinitionId"]?.string == id)
        _ = try await rig.call("PutQueryDefinition", #"{"name":"two","queryString":"limit 1","logGroupNames":["g"]}"#)
        let parameters = #"[{"name":"p","defaultValue":"v"}]"#
        _ = try await rig.call(
            "PutQueryDefinition",
            #"{"name":"three","queryString":"limit 2","queryDefinitionId":"\#(id)","parameters":\#(parameters)}"#)
        func described(_ body: String) async throws -> [JSONValue] {
            try await rig.call("DescribeQueryDefinitions", body)["queryDefinitions"]?.elements ?? []
        }
        let all = try await described("{}")
        #expect(all.map { $0["name"]?.string } == ["three", "two"])
        #expect(
            Set(all[0].members.map(\.name)) == [
                "lastModified", "logGroupNames", "name", "parameters", "queryDefinitionId", "queryLanguage",
                "queryString",
            ])
        #expect(all[0]["parameters"]?.elements.first?["defaultValue"]?.string == "v")
        #expect(try await described(#"{"queryDefinitionNamePrefix":"tw"}"#).count == 1)
        let page = try await rig.call("DescribeQueryDefinitions", #"{"maxResults":1}"#)
        let token = try #require(page["nextToken"]?.string)
        #expect(try await described(#"{"nextToken":"\#(token)"}"#).map { $0["name"]?.string } == ["two"])
        let delete = #"{"queryDefinitionId":"\#(id)"}"#
        #expect(try await rig.call("DeleteQueryDefinition", delete)["success"]?.bool == true)
        #expect(await rig.failure("DeleteQueryDefinition", delete)?.code == "ResourceNotFoundException")
        #expect(
            await rig.failure(
                "PutQueryDefinition", #"{"name":"x","queryString":"y","queryDefinitionId":"none"}"#)?.code
                == "ResourceNotFoundException")
        #expect(await rig.failure("PutQueryDefinition", "{}")?.code == "InvalidParameterException")
    }
}
