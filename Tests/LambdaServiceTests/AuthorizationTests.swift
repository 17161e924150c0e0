import AWSWire
import Identity
import NIOCore
import NIOHTTP1
import Policies
import Testing

@testable import LambdaService

/// Who may do what with functions. The actions, resources and condition keys are those of the Service Authorization
/// Reference, the wordings those of the IAM guide's "Troubleshoot access denied error messages".
@Suite struct AuthorizationTests {
    private static let account = AccountID(Harness.account) ?? .standard
    private static let arn = "arn:aws:lambda:us-east-1:111111111111:function:hello"

    private func statement(_ actions: String, on resource: String, _ more: String = "") -> String {
        #"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":\#(actions),"Resource":"\#(resource)"\#(more)}]}"#
    }

    /// Sends a request as `principal`.
    private func send(
        _ apus: Harness, as principal: Principal, _ method: HTTPMethod, _ path: String, body: String = "",
        query: String? = nil
    ) async throws -> Harness.Answer {
        var request = try apus.request(method, path, query: query, body: body)
        request.caller = Caller(principal, region: Harness.region)
        return try await apus.send(request)
    }

    @Test func usersNeedAPolicy() async throws {
        let apus = try Harness()
        try await apus.deploy("hello")
        let user = try apus.principals.addUser("ann", in: Self.account, policy: nil)
        let answer = try await send(apus, as: user, .GET, "/2015-03-31/functions/hello")
        #expect(answer.status == 403)
        #expect(answer.headers.first(name: "x-amzn-ErrorType") == "AccessDeniedException")
        #expect(
            answer.text.contains(
                "User: arn:aws:iam::111111111111:user/ann is not authorized to perform: lambda:GetFunction on resource: "
                    + "\(Self.arn) because no identity-based policy allows the lambda:GetFunction action"))
        // A new policy counts at once.
        try apus.principals.addUser(
            "ann", in: Self.account, policy: statement(#"["lambda:GetFunction"]"#, on: Self.arn))
        #expect(try await send(apus, as: user, .GET, "/2015-03-31/functions/hello").status == 200)
        #expect(try await send(apus, as: user, .DELETE, "/2015-03-31/functions/hello").status == 403)
        #expect(try await send(apus, as: user, .GET, "/2015-03-31/functions").status == 403)
    }

    @Test func invocationsAreDecided() async throws {
        let apus = try Harness()
        try await apus.deploy("hello")
        let path = "/2015-03-31/functions/hello/invocations"
        let user = try apus.principals.addUser(
            "bob", in: Self.account, policy: statement(#""lambda:InvokeFunction""#, on: Self.arn))
        for _ in 0..<2 { #expect(try await send(apus, as: user, .POST, path).status == 200) }
        // A qualifier makes another resource.
        let qualified = try await send(apus, as: user, .POST, path, query: "Qualifier=$LATEST")
        #expect(qualified.status == 403)
        try apus.principals.addUser("bob", in: Self.account, policy: nil)
        #expect(try await send(apus, as: user, .POST, path).status == 403)
        // The function's own policy lets in whom no other does.
        let body = #"{"StatementId":"a","Action":"lambda:InvokeFunction","Principal":"\#(user.arn)"}"#
        let added = try await apus.send(.POST, "/2015-03-31/functions/hello/policy", body: body)
        try #require(added.status == 201, "\(added.text)")
        #expect(try await send(apus, as: user, .POST, path).status == 200)
    }

    @Test func aRoleHasToBeThereAndToTrustLambda() async throws {
        let apus = try Harness()
        let message = "The role defined for the function cannot be assumed by Lambda."
        apus.principals.removeRole("lambda")
        var answer = try await apus.send(.POST, "/2015-03-31/functions", body: Harness.creation("hello"))
        #expect(answer.status == 400 && answer.text.contains(message))
        #expect(answer.headers.first(name: "x-amzn-ErrorType") == "InvalidParameterValueException")

        let other = try Harness()
        let trust = CompiledPolicy(
            PolicyDocument(statements: [
                PolicyStatement(
                    principals: PolicyElement([.service("ec2.amazonaws.com")]),
                    actions: PolicyElement(["sts:AssumeRole"]), resources: nil)
            ]))
        try await other.deploy("hello")
        other.principals.addRole("other", in: Self.account, trust: trust)
        answer = try await other.send(
            .PUT, "/2015-03-31/functions/hello/configuration",
            body: #"{"Role":"arn:aws:iam::111111111111:role/other"}"#)
        #expect(answer.status == 400 && answer.text.contains(message))
        // Nobody can give one of another account.
        answer = try await other.send(
            .PUT, "/2015-03-31/functions/hello/configuration",
            body: #"{"Role":"arn:aws:iam::222222222222:role/lambda"}"#)
        #expect(answer.status == 403 && answer.text.contains("Cross-account pass role is not allowed."))
    }

    @Test func rolesHaveToBePassed() async throws {
        let apus = try Harness()
        let creation = Harness.creation("hello")
        let user = try apus.principals.addUser(
            "eve", in: Self.account, policy: statement(#""lambda:CreateFunction""#, on: "*"))
        let refused = try await send(apus, as: user, .POST, "/2015-03-31/functions", body: creation)
        #expect(refused.status == 403)
        #expect(refused.text.contains("iam:PassRole on resource: arn:aws:iam::111111111111:role/lambda"))
        try apus.principals.addUser(
            "eve", in: Self.account,
            policy: statement(
                #"["lambda:CreateFunction","iam:PassRole"]"#, on: "*",
                #","Condition":{"StringEqualsIfExists":{"iam:PassedToService":"lambda.amazonaws.com"}}"#))
        #expect(try await send(apus, as: user, .POST, "/2015-03-31/functions", body: creation).status == 201)
    }

    @Test func tagsDecide() async throws {
        let apus = try Harness()
        try await apus.deploy("hello")
        let user = try apus.principals.addUser(
            "tim", in: Self.account,
            policy: statement(
                #""lambda:*""#, on: "*", #","Condition":{"StringEquals":{"aws:ResourceTag/team":"red"}}"#))
        #expect(try await send(apus, as: user, .GET, "/2015-03-31/functions/hello").status == 403)
        let tagged = try await apus.send(.POST, "/2017-03-31/tags/\(Self.arn)", body: #"{"Tags":{"team":"red"}}"#)
        try #require(tagged.status == 204)
        #expect(try await send(apus, as: user, .GET, "/2015-03-31/functions/hello").status == 200)
    }

    /// Members that an operation does not have are read by nobody, and decide nothing.
    @Test func membersOfOtherOperationsDecideNothing() async throws {
        let apus = try Harness()
        try await apus.deploy("hello")
        let path = "/2015-03-31/functions/hello"
        func allow(_ condition: String) throws -> Principal {
            try apus.principals.addUser(
                "mel", in: Self.account,
                policy: statement(#""lambda:*""#, on: "*", #","Condition":{"StringEquals":{\#(condition)}}"#))
        }
        var user = try allow(#""lambda:FunctionUrlAuthType":"AWS_IAM""#)
        let permission =
            #""StatementId":"a","Action":"lambda:InvokeFunctionUrl","Principal":"*","FunctionUrlAuthType":"#
        let open = "{\(permission)\"NONE\",\"AuthType\":\"AWS_IAM\"}"
        #expect(try await send(apus, as: user, .POST, "\(path)/policy", body: open).status == 403)
        let closed = "{\(permission)\"AWS_IAM\",\"AuthType\":\"NONE\"}"
        #expect(try await send(apus, as: user, .POST, "\(path)/policy", body: closed).status == 201)
        user = try allow(#""aws:RequestTag/team":"red""#)
        let tags = #"{"Tags":{"team":"red"}}"#
        #expect(try await send(apus, as: user, .POST, "\(path)/invocations", body: tags).status == 403)
        #expect(try await send(apus, as: user, .PUT, "\(path)/configuration", body: tags).status == 403)
        let tagged = try await send(apus, as: user, .POST, "/2017-03-31/tags/\(Self.arn)", body: tags)
        #expect(tagged.status == 204)
    }
}
