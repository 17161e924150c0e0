import AWSWire
import NIOHTTP1
import Testing

@testable import LambdaService

/// Permissions of layers. Expectations are localstack's recorded TestLambdaLayer::test_layer_policy_… unless a comment
/// says otherwise.
@Suite struct LayerPolicyTests {
    private static let path = "/2018-10-31/layers/l/versions/1/policy"
    private static let other = "222222222222"

    private func add(
        _ apus: Harness, _ id: String, principal: String = "*", members: String = "", query: String? = nil,
        path: String = path
    ) async throws -> Harness.Answer {
        let body = """
            {"StatementId":"\(id)","Action":"lambda:GetLayerVersion","Principal":"\(principal)"\(members)}
            """
        return try await apus.send(.POST, path, query: query, body: body)
    }

    private func statement(_ id: String, _ principal: String = #""*""#, condition: String = "") -> String {
        #"{"Sid":"\#(id)","Effect":"Allow","Principal":\#(principal),"Action":"lambda:GetLayerVersion","#
            + #""Resource":"arn:aws:lambda:us-east-1:111111111111:layer:l:1"\#(condition)}"#
    }

    private func document(_ statements: String...) -> String {
        #"{"Version":"2012-10-17","Id":"default","Statement":[\#(statements.joined(separator: ","))]}"#
    }

    // test_layer_policy_lifecycle
    @Test func followsTheRecordedLifecycle() async throws {
        let apus = try Harness()
        _ = try await apus.publish("l")
        let first = try await add(apus, "s1")
        #expect(first.status == 201)
        #expect(try first.json["Statement"]?.string == statement("s1"))
        let revision = try #require(try first.json["RevisionId"]?.string)
        let got = try await apus.send(.GET, Self.path).json
        #expect(got["Policy"]?.string == document(statement("s1")))
        #expect(got["RevisionId"]?.string == revision)

        let second = try await add(apus, "s2", query: "RevisionId=\(revision)")
        #expect(second.status == 201)
        #expect(
            try await apus.send(.GET, Self.path).json["Policy"]?.string == document(statement("s1"), statement("s2")))
        let next = try #require(try second.json["RevisionId"]?.string)
        #expect(next != revision)
        #expect(try await apus.send(.DELETE, "\(Self.path)/s2", query: "RevisionId=\(next)").status == 204)
        let last = try await apus.send(.GET, Self.path).json
        #expect(last["Policy"]?.string == document(statement("s1")))
        #expect(last["RevisionId"]?.string != next)
        #expect(try await apus.send(.DELETE, "\(Self.path)/s1").status == 204)
        #expect(try await apus.send(.GET, Self.path).status == 404)
    }

    // test_layer_policy_exceptions
    @Test func refusesAsRecorded() async throws {
        let apus = try Harness()
        _ = try await apus.publish("l")
        let none = try await apus.send(.GET, Self.path)
        #expect(none.status == 404)
        #expect(none.text == #"{"Type":"User","Message":"No policy is associated with the given resource."}"#)
        _ = try await add(apus, "s1")

        let action = try await apus.send(
            .POST, Self.path, body: #"{"StatementId":"s","Action":"*","Principal":"*"}"#)
        #expect(
            try action.message
                == "1 validation error detected: Value '*' at 'action' failed to satisfy constraint: Member must "
                + "satisfy regular expression pattern: lambda:GetLayerVersion")
        let twice = try await add(apus, "s1")
        #expect(twice.status == 409)
        #expect(
            twice.text
                == #"{"Type":"User","message":"The statement id (s1) provided already exists. Please provide a new "#
                + #"statement id, or remove the existing statement."}"#)
        let stale =
            "The Revision Id provided does not match the latest Revision Id. Call the GetLayerPolicy API to retrieve "
            + "the latest Revision Id"
        for answer in [
            try await add(apus, "s2", query: "RevisionId=wrong"),
            try await apus.send(.DELETE, "\(Self.path)/s1", query: "RevisionId=wrong"),
        ] {
            #expect(answer.status == 412)
            #expect(answer.text == #"{"Type":"User","message":"\#(stale)"}"#)
        }
        for (path, arn) in [
            ("none/versions/1", apus.layerARN("none", 1)), ("l/versions/2", apus.layerARN("l", 2)),
        ] {
            let path = "/2018-10-31/layers/\(path)/policy"
            for answer in [
                try await add(apus, "s", path: path), try await apus.send(.GET, path),
                try await apus.send(.DELETE, path + "/s1"),
            ] {
                #expect(answer.status == 404)
                #expect(answer.text == #"{"Type":"User","Message":"Layer version \#(arn) does not exist."}"#)
            }
        }
        let unknown = try await apus.send(.DELETE, "\(Self.path)/doesnotexist")
        #expect(unknown.status == 404)
        #expect(try unknown.message == "Statement doesnotexist is not found in resource policy.")
    }

    // The developer guide's "Granting layer access to other accounts" shows both statements.
    @Test func writesPrincipalsAsIAMDoes() async throws {
        let apus = try Harness()
        _ = try await apus.publish("l")
        let root = #"{"AWS":"arn:aws:iam::222222222222:root"}"#
        #expect(try await add(apus, "a", principal: Self.other).json["Statement"]?.string == statement("a", root))
        #expect(
            try await add(apus, "b", principal: "arn:aws:iam::222222222222:root").json["Statement"]?.string
                == statement("b", root))
        #expect(
            try await add(apus, "c", members: #","OrganizationId":"o-t194hfs8cz""#).json["Statement"]?.string
                == statement(
                    "c", condition: #","Condition":{"StringEquals":{"aws:PrincipalOrgID":"o-t194hfs8cz"}}"#))
        let both = try await add(apus, "d", principal: Self.other, members: #","OrganizationId":"o-t194hfs8cz""#)
        #expect(both.status == 400)
        #expect(try await add(apus, "e", principal: "somebody").errorType == "ValidationException")
    }

    // 20 KB, as for all resource policies: the developer guide's page about quotas.
    @Test func boundsThePolicy() async throws {
        var quotas = Quotas()
        quotas.policyBytes = 400
        let apus = try Harness(quotas: quotas)
        _ = try await apus.publish("l")
        #expect(try await add(apus, "s1").status == 201)
        #expect(try await add(apus, "s2").status == 201)
        let full = try await add(apus, "s3")
        #expect(full.status == 400 && full.errorType == "PolicyLengthExceededException")
        let size = document(statement("s1"), statement("s2"), statement("s3")).utf8.count
        #expect(try full.message == "The final policy size (\(size)) is bigger than the limit (400).")
    }

    @Test(
        arguments: [
            (nil, false), ("*", true), (other, true), ("arn:aws:iam::222222222222:root", true), ("333333333333", false),
        ] as [(String?, Bool)])
    func letsOtherAccountsInOnlyByPolicy(principal: String?, isAllowed: Bool) async throws {
        let apus = try Harness()
        _ = try await apus.publish("l")
        if let principal { _ = try await add(apus, "s", principal: principal) }
        let arn = apus.layerARN("l", 1)
        let byARN = try await apus.send(
            .GET, "/2018-10-31/layers", query: "find=LayerVersion&Arn=\(PercentEncoding.encode(arn))",
            account: Self.other)
        let layer = PercentEncoding.encode("arn:aws:lambda:us-east-1:111111111111:layer:l")
        let byName = try await apus.send(.GET, "/2018-10-31/layers/\(layer)/versions/1", account: Self.other)
        let function = try await apus.create("f", members: #""Layers":["\#(arn)"]"#, account: Self.other)
        let refusal =
            "User: arn:aws:iam::222222222222:root is not authorized to perform: lambda:GetLayerVersion on resource: "
            + "\(arn) because no resource-based policy allows the lambda:GetLayerVersion action"
        if isAllowed {
            #expect(byARN.status == 200 && byName.status == 200 && function.status == 201)
            // What the owner's URL promises downloads from the owner's account.
            #expect(try byARN.json["Content"]?["Location"]?.string?.contains("/111111111111/") == true)
        } else {
            for answer in [byARN, byName, function] {
                #expect(answer.status == 403 && answer.errorType == "AccessDeniedException")
                #expect(try answer.message == refusal)
            }
        }
        // Nobody else may change it.
        #expect(
            try await apus.send(.DELETE, "/2018-10-31/layers/\(layer)/versions/1", account: Self.other).status == 403)
    }

    @Test func isNotForAccountsOfAnOrganization() async throws {
        let apus = try Harness()
        _ = try await apus.publish("l")
        _ = try await add(apus, "s", members: #","OrganizationId":"o-t194hfs8cz""#)
        let layer = PercentEncoding.encode("arn:aws:lambda:us-east-1:111111111111:layer:l")
        #expect(try await apus.send(.GET, "/2018-10-31/layers/\(layer)/versions/1", account: Self.other).status == 403)
    }
}
