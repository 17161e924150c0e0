import AWSWire
import NIOCore
import NIOHTTP1
import Policies
import TestSupport
import Testing

@testable import LambdaService

@Suite struct PermissionTests {
    private static let functions = "/2015-03-31/functions"
    private static let arn = "arn:aws:lambda:us-east-1:111111111111:function:hello"

    private func add(
        _ apus: Harness, _ sid: String = "s3", principal: String = "s3.amazonaws.com",
        action: String = "lambda:InvokeFunction", function: String = "hello", query: String? = nil,
        members: String = ""
    ) async throws -> Harness.Answer {
        let body = """
            {"StatementId":"\(sid)","Action":"\(action)","Principal":"\(principal)"\
            \(members.isEmpty ? "" : ",")\(members)}
            """
        return try await apus.send(.POST, "\(Self.functions)/\(function)/policy", query: query, body: body)
    }

    private func deployed(version: Bool = false) async throws -> Harness {
        let apus = try Harness()
        try await apus.deploy("hello")
        if version {
            #expect(try await apus.send(.POST, "\(Self.functions)/hello/versions", body: "{}").status == 201)
            let alias = #"{"Name":"live","FunctionVersion":"1"}"#
            #expect(try await apus.send(.POST, "\(Self.functions)/hello/aliases", body: alias).status == 201)
        }
        return apus
    }

    // localstack's recorded test_add_lambda_permission_fields and test_add_lambda_permission_aws.
    @Test(arguments: [
        ("*", "", #""Principal":"*""#, ""),
        ("lambda.amazonaws.com", "", #""Principal":{"Service":"lambda.amazonaws.com"}"#, ""),
        ("222222222222", "", #""Principal":{"AWS":"arn:aws:iam::222222222222:root"}"#, ""),
        (
            "arn:aws:iam::222222222222:user/swift", "",
            #""Principal":{"AWS":"arn:aws:iam::222222222222:user/swift"}"#, ""
        ),
        (
            "*", #""SourceAccount":"111111111111""#, #""Principal":"*""#,
            #","Condition":{"StringEquals":{"AWS:SourceAccount":"111111111111"}}"#
        ),
        (
            "s3.amazonaws.com", #""SourceArn":"arn:aws:s3:::bucket""#, #""Principal":{"Service":"s3.amazonaws.com"}"#,
            #","Condition":{"ArnLike":{"AWS:SourceArn":"arn:aws:s3:::bucket"}}"#
        ),
        (
            "*", #""EventSourceToken":"amzn1.ask.skill.x","PrincipalOrgID":"o-1234567890""#, #""Principal":"*""#,
            #","Condition":{"StringEquals":{"aws:PrincipalOrgID":"o-1234567890","#
                + #""lambda:EventSourceToken":"amzn1.ask.skill.x"}}"#
        ),
        (
            "*", #""InvokedViaFunctionUrl":true"#, #""Principal":"*""#,
            #","Condition":{"Bool":{"lambda:InvokedViaFunctionUrl":"true"}}"#
        ),
    ])
    func makesStatements(_ principal: String, _ members: String, _ shown: String, _ condition: String) async throws {
        let apus = try await deployed()
        let answer = try await add(apus, principal: principal, members: members)
        #expect(answer.status == 201, "\(answer.text)")
        let statement = """
            {"Sid":"s3","Effect":"Allow",\(shown),"Action":"lambda:InvokeFunction","Resource":"\(Self.arn)"\(condition)}
            """
        #expect(try answer.json["Statement"]?.string == statement)
        #expect(try answer.members == ["Statement"])
        let policy = try await apus.send(.GET, "\(Self.functions)/hello/policy")
        #expect(
            try policy.json["Policy"]?.string
                == #"{"Version":"2012-10-17","Id":"default","Statement":[\#(statement)]}"#)
        #expect(try policy.members == ["Policy", "RevisionId"])
    }

    @Test func allowsAURLOnlyItsOwnAction() async throws {
        let apus = try await deployed()
        let type = #""FunctionUrlAuthType":"NONE""#
        let url = try await add(apus, principal: "*", action: "lambda:InvokeFunctionUrl", members: type)
        #expect(url.status == 201)
        let other = try await add(apus, "other", principal: "*", members: type)
        #expect(other.errorType == "InvalidParameterValueException")
    }

    // localstack's recorded test_permission_exceptions.
    @Test func refuses() async throws {
        let apus = try await deployed(version: true)
        func check(_ answer: Harness.Answer, _ code: String, _ message: String) throws {
            #expect(answer.errorType == code, "\(answer.text)")
            #expect(try answer.message == message)
        }
        try check(
            try await add(apus, "example.com"), "ValidationException",
            "1 validation error detected: Value 'example.com' at 'statementId' failed to satisfy constraint: Member "
                + "must satisfy regular expression pattern: ([a-zA-Z0-9-_]+)")
        try check(
            try await add(apus, function: "hello:alias-not-42", query: "Qualifier=42"),
            "InvalidParameterValueException",
            "The derived qualifier from the function name does not match the specified qualifier.")
        try check(
            try await add(apus, query: "Qualifier=$LATEST"), "InvalidParameterValueException",
            "We currently do not support adding policies for $LATEST.")
        try check(
            try await add(apus, principal: "invalid.nonaws.com"), "InvalidParameterValueException",
            "The provided principal was invalid. Please check the principal and try again.")
        try check(
            try await add(apus, function: "doesnotexist"), "ResourceNotFoundException",
            "Function not found: arn:aws:lambda:us-east-1:111111111111:function:doesnotexist")
        try check(
            try await add(apus, query: "Qualifier=nowhere"), "ResourceNotFoundException",
            "Cannot find alias arn: \(Self.arn):nowhere")
        try check(
            try await add(apus, query: "Qualifier=42"), "ResourceNotFoundException",
            "Function not found: \(Self.arn):42")
        try check(
            try await add(apus, query: "Qualifier=with-$-sign"), "ResourceNotFoundException",
            "Function not found: \(Self.arn):with-$-sign")
        _ = try await add(apus)
        try check(
            try await add(apus), "ResourceConflictException",
            "The statement id (s3) provided already exists. Please provide a new statement id, or remove the existing "
                + "statement.")
        let revision = #""RevisionId":"00000000-0000-4000-8000-000000000000""#
        try check(
            try await add(apus, "other", members: revision), "PreconditionFailedException",
            "The Revision Id provided does not match the latest Revision Id. Call the GetPolicy API to retrieve the "
                + "latest Revision Id")
        let missing = try await apus.send(.GET, "\(Self.functions)/hello/policy", query: "Qualifier=1")
        try check(missing, "ResourceNotFoundException", "The resource you requested does not exist.")
        let malformed = try await apus.send(.POST, "\(Self.functions)/hello/policy", body: "{")
        #expect(malformed.status == 400)
        let incomplete = try await apus.send(.POST, "\(Self.functions)/hello/policy", body: "{}")
        #expect(incomplete.errorType == "ValidationException")
    }

    // localstack's recorded test_remove_multi_permissions and test_permission_exceptions.
    @Test func removes() async throws {
        let apus = try await deployed()
        func remove(_ sid: String, _ function: String = "hello", query: String? = nil) async throws -> Harness.Answer {
            try await apus.send(.DELETE, "\(Self.functions)/\(function)/policy/\(sid)", query: query)
        }
        #expect(try await remove("s3").message == "No policy is associated with the given resource.")
        _ = try await add(apus)
        _ = try await add(apus, "sqs", principal: "sqs.amazonaws.com")
        #expect(try await remove("non-existent").message == "Statement non-existent is not found in resource policy.")
        #expect(
            try await remove("s3", "doesnotexist").message
                == "No policy found for: arn:aws:lambda:us-east-1:111111111111:function:doesnotexist")
        #expect(
            try await remove("s3", query: "Qualifier=nowhere").message
                == "Cannot find alias arn: \(Self.arn):nowhere")
        let stale = try await remove("s3", query: "RevisionId=stale")
        #expect(stale.errorType == "PreconditionFailedException")
        #expect(try stale.message.contains("Call the GetFunction/GetAlias API"))
        let gone = try await remove("sqs")
        #expect(gone.status == 204 && gone.text.isEmpty)
        let policy = try await apus.send(.GET, "\(Self.functions)/hello/policy").json["Policy"]?.string
        #expect(policy?.contains("sqs") == false)
        #expect(try await remove("s3").status == 204)
        #expect(try await apus.send(.GET, "\(Self.functions)/hello/policy").status == 404)
    }

    // Developer Guide, "Lambda quotas": a function's resource-based policy has 20 KB.
    @Test func limitsThePolicy() async throws {
        let apus = try await deployed()
        var count = 0
        var answer = try await add(apus, "s0")
        while answer.status == 201, count < 200 {
            count += 1
            answer = try await add(apus, "s\(count)")
        }
        #expect(answer.status == 400)
        #expect(answer.errorType == "PolicyLengthExceededException")
        #expect(try answer.message.hasSuffix("is bigger than the limit (20480)."))
        let policy = try await apus.send(.GET, "\(Self.functions)/hello/policy").json["Policy"]?.string ?? ""
        #expect((20_000...20_480).contains(policy.utf8.count))
    }

    // localstack's recorded test_lambda_permission_fn_versioning: each has a policy and a revision of its own.
    @Test func belongsToOneQualifier() async throws {
        let apus = try await deployed(version: true)
        func revision(_ query: String? = nil) async throws -> String? {
            try await apus.send(.GET, "\(Self.functions)/hello/configuration", query: query).json["RevisionId"]?.string
        }
        let before = try await revision()
        _ = try await add(apus, query: "Qualifier=1")
        #expect(try await revision() == before)
        _ = try await add(apus, query: "Qualifier=live")
        #expect(try await apus.send(.GET, "\(Self.functions)/hello/policy").status == 404)
        _ = try await add(apus)
        #expect(try await revision() != before)
        for (query, suffix) in [("Qualifier=1", ":1"), ("Qualifier=live", ":live"), (nil, "")] {
            let policy = try await apus.send(.GET, "\(Self.functions)/hello/policy", query: query)
            #expect(try policy.json["Policy"]?.string?.contains(#""Resource":"\#(Self.arn)\#(suffix)""#) == true)
        }
        let policy = try await apus.send(.GET, "\(Self.functions)/hello/policy", query: "Qualifier=live").json
        let alias = try await apus.send(.GET, "\(Self.functions)/hello/aliases/live").json
        #expect(policy["RevisionId"]?.string == alias["RevisionId"]?.string)
        // A tag makes a new revision of the function and none of its policy.
        let policyPath = "\(Self.functions)/hello/policy"
        let kept = try await apus.send(.GET, policyPath).json["RevisionId"]?.string
        let tags = try await apus.send(.POST, "/2017-03-31/tags/\(Self.arn)", body: #"{"Tags":{"k":"v"}}"#)
        #expect(tags.status == 204)
        #expect(try await revision() != kept)
        #expect(try await apus.send(.GET, policyPath).json["RevisionId"]?.string == kept)
        let next = try await add(apus, "next", members: #""RevisionId":"\#(try #require(kept))""#)
        #expect(next.status == 201)
        // A policy goes with what it hangs on.
        #expect(try await apus.send(.DELETE, "\(Self.functions)/hello/aliases/live").status == 204)
        _ = try await apus.send(
            .POST, "\(Self.functions)/hello/aliases", body: #"{"Name":"live","FunctionVersion":"1"}"#)
        #expect(
            try await apus.send(.GET, "\(Self.functions)/hello/policy", query: "Qualifier=live").status == 404)
    }

    // MARK: Other accounts

    private static let foreign = "222222222222"

    @Test func letsOtherAccountsInvoke() async throws {
        let apus = try await deployed(version: true)
        func invoke(_ name: String) async throws -> Harness.Answer {
            try await apus.send(.POST, "\(Self.functions)/\(name)/invocations", body: "1", account: Self.foreign)
        }
        let refused = try await invoke(Self.arn)
        #expect(refused.status == 403)
        #expect(refused.errorType == "AccessDeniedException")
        #expect(
            try refused.message
                == "User: arn:aws:iam::222222222222:root is not authorized to perform: lambda:InvokeFunction on "
                + "resource: \(Self.arn) because no resource-based policy allows the lambda:InvokeFunction action")
        _ = try await add(apus, principal: Self.foreign)
        #expect(try await invoke(Self.arn).text == "1")
        // The permission is for the unqualified ARN alone, and says nothing of what there is.
        #expect(try await invoke(Self.arn + ":live").status == 403)
        #expect(try await invoke(Self.arn + ":$LATEST").status == 403)
        #expect(try await invoke(Self.arn + "-other").status == 403)
        _ = try await add(apus, principal: Self.foreign, query: "Qualifier=live")
        #expect(try await invoke(Self.arn + ":live").text == "1")
        #expect(try await apus.send(.DELETE, "\(Self.functions)/hello/policy/s3").status == 204)
        #expect(try await invoke(Self.arn).status == 403)
        // By its bare name it is the caller's own function, which there is not.
        #expect(try await invoke("hello").errorType == "ResourceNotFoundException")
    }

    @Test func letsOtherAccountsDoWhatThePolicySays() async throws {
        let apus = try await deployed()
        func get(_ what: String) async throws -> Harness.Answer {
            try await apus.send(.GET, "\(Self.functions)/\(Self.arn)/\(what)", account: Self.foreign)
        }
        #expect(try await get("configuration").errorType == "AccessDeniedException")
        _ = try await add(apus, principal: Self.foreign, action: "lambda:GetFunctionConfiguration")
        #expect(try await get("configuration").json["FunctionArn"]?.string == Self.arn)
        #expect(try await get("policy").errorType == "AccessDeniedException")
        let deletion = try await apus.send(.DELETE, "\(Self.functions)/\(Self.arn)", account: Self.foreign)
        #expect(deletion.errorType == "AccessDeniedException")
    }

    // localstack's recorded TestLambdaMultiAccounts::test_function_tags.
    @Test func letsOtherAccountsTagWhatThePolicySays() async throws {
        let apus = try await deployed()
        let path = "/2017-03-31/tags/\(Self.arn)"
        let tags = #"{"Tags":{"k":"v"}}"#
        func list() async throws -> Harness.Answer { try await apus.send(.GET, path, account: Self.foreign) }
        #expect(try await list().errorType == "AccessDeniedException")
        _ = try await add(apus, "list", principal: Self.foreign, action: "lambda:ListTags")
        #expect(try await list().status == 200)
        #expect(try await apus.send(.POST, path, body: tags, account: Self.foreign).status == 403)
        _ = try await add(apus, "tag", principal: Self.foreign, action: "lambda:TagResource")
        #expect(try await apus.send(.POST, path, body: tags, account: Self.foreign).status == 204)
        #expect(try await list().text == tags)
        let key = "tagKeys=k"
        #expect(try await apus.send(.DELETE, path, query: key, account: Self.foreign).status == 403)
        _ = try await add(apus, "untag", principal: Self.foreign, action: "lambda:UntagResource")
        #expect(try await apus.send(.DELETE, path, query: key, account: Self.foreign).status == 204)
        #expect(try await list().text == #"{"Tags":{}}"#)
    }

    @Test func authorizesServices() async throws {
        let apus = try await deployed()
        func isAllowed(_ source: String, _ service: String = "s3.amazonaws.com") async throws -> Bool {
            do {
                try await apus.service.authorize(
                    .service(service), on: Self.arn,
                    context: ["aws:SourceArn": [source], "aws:SourceAccount": ["111111111111"]])
                return true
            } catch let error as AWSError {
                #expect(error.code == "AccessDeniedException")
                return false
            }
        }
        #expect(try await !isAllowed("arn:aws:s3:::bucket"))
        _ = try await add(
            apus, members: #""SourceArn":"arn:aws:s3:::bucket","SourceAccount":"111111111111""#)
        #expect(try await isAllowed("arn:aws:s3:::bucket"))
        #expect(try await !isAllowed("arn:aws:s3:::other"))
        #expect(try await !isAllowed("arn:aws:s3:::bucket", "sns.amazonaws.com"))
        await #expect(throws: AWSError.self) {
            try await apus.service.authorize(.service("s3.amazonaws.com"), on: "nonsense")
        }
    }

    @Test func survivesARestart() async throws {
        let directory = TemporaryDirectory()
        let first = try Harness(in: directory)
        try await first.deploy("hello")
        _ = try await add(first, principal: Self.foreign)
        let second = try Harness(in: directory)
        try await second.service.prepare()
        let answer = try await second.send(
            .POST, "\(Self.functions)/\(Self.arn)/invocations", body: "1", account: Self.foreign)
        #expect(answer.text == "1")
    }
}
