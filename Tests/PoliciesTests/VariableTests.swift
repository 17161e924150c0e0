import NIOCore
import Testing

@testable import Policies

/// IAM User Guide, "IAM policy elements: Variables and tags".
@Suite struct VariableTests {
    static let user: Requester = {
        var user = Requester(
            .user, arn: "arn:aws:iam::111111111111:user/birds/swift", account: "111111111111", userID: "AIDASWIFT")
        user.tags = ["Team": "yellow", "odd": "a*"]
        return user
    }()

    private func allows(
        _ statement: String, _ resource: String = "arn:aws:s3:::b/x", effect: String = "Allow",
        by requester: Requester = VariableTests.user, version: String = "2012-10-17", context: AccessContext = [:]
    ) throws -> Bool {
        let own = #"{"Effect":"\#(effect)","Action":"s3:GetObject",\#(statement)}"#
        let all = #"{"Effect":"Allow","Action":"*","Resource":"*"}"#
        let text = #"{"Version":"\#(version)","Statement":[\#(effect == "Deny" ? all + "," + own : own)]}"#
        var requester = requester
        requester.identityPolicies = [
            AttachedPolicy(id: "p", CompiledPolicy(try PolicyDocument(parsing: ByteBuffer(string: text))))
        ]
        let resource = ProtectedResource(resource, account: "111111111111")
        return Evaluation.decide(requester, "s3:GetObject", on: resource, context: context).isAllowed
    }

    @Test(arguments: [
        ("${aws:username}", "swift", true), ("${AWS:UserName}", "swift", true), ("${aws:username}", "crow", false),
        ("${aws:username}/*", "swift/nest", true), ("${aws:userid}", "AIDASWIFT", true),
        ("${aws:PrincipalTag/Team}", "yellow", true), ("${aws:PrincipalTag/team}", "yellow", true),
        ("${aws:PrincipalTag/team, 'all'}", "yellow", true),
        ("${aws:PrincipalTag/nest, 'company-wide'}", "company-wide", true),
        ("${aws:PrincipalTag/nest}", "", false), ("${aws:PrincipalTag/nest}*", "anything", false),
        // A star that a value brings in is no wildcard.
        ("${aws:PrincipalTag/odd}", "a*", true), ("${aws:PrincipalTag/odd}", "abc", false),
        ("${*}", "*", true), ("${*}", "x", false), ("${?}", "?", true), ("${?}", "x", false),
        ("a${$}{b}", "a${b}", true),
        // What is no variable stands for itself.
        ("${}", "${}", true), ("${aws:username", "${aws:username", true), ("$", "$", true),
        ("${aws:username, nothing}", "${aws:username, nothing}", true),
    ])
    func inResources(_ pattern: String, _ name: String, _ isAllowed: Bool) throws {
        #expect(try allows(#""Resource":"arn:aws:s3:::b/\#(pattern)""#, "arn:aws:s3:::b/\(name)") == isAllowed)
    }

    // IAM User Guide, "Identify AWS resources with ARNs": what an identity's policy leaves out is any.
    @Test(arguments: [
        ("arn:aws:s3", "arn:aws:s3:::b", true), ("arn:aws:s3:us-east-1", "arn:aws:s3:us-east-1:1:b", true),
        ("arn:aws:s3:us-east-1", "arn:aws:s3:us-west-2:1:b", false), ("arn:aws:s3", "arn:aws:s3x:::b", false),
        ("arn:aws:s3:::b", "arn:aws:s3:::b:c", false),
    ])
    func incompleteARNs(_ pattern: String, _ resource: String, _ isAllowed: Bool) throws {
        #expect(try allows(#""Resource":"\#(pattern)""#, resource) == isAllowed)
    }

    // "If you don't include the Version element and set it to an appropriate version date, variables are treated as
    // literal strings."
    @Test func olderPoliciesHaveNone() throws {
        let statement = #""Resource":"arn:aws:s3:::b/${aws:username}""#
        #expect(try !allows(statement, "arn:aws:s3:::b/swift", version: "2008-10-17"))
        #expect(try allows(statement, "arn:aws:s3:::b/${aws:username}", version: "2008-10-17"))
    }

    // "You can use a policy variable in the Resource element, but only in the resource portion of the ARN."
    @Test func notBeforeTheFifthColon() throws {
        let statement = #""Resource":"arn:aws:s3::${aws:PrincipalAccount}:b""#
        #expect(try !allows(statement, "arn:aws:s3::111111111111:b"))
    }

    @Test(arguments: [
        (#""StringEquals":{"s3:prefix":"${aws:username}"}"#, "swift", true),
        (#""StringEquals":{"s3:prefix":"${aws:username}*"}"#, "swift*", true),
        (#""StringLike":{"s3:prefix":["home/${aws:username}/*"]}"#, "home/swift/nest", true),
        (#""StringLike":{"s3:prefix":"home/${*}"}"#, "home/x", false),
        (#""StringEqualsIgnoreCase":{"s3:prefix":"X${aws:userid}"}"#, "xaidaswift", true),
        (#""StringNotEquals":{"s3:prefix":"${aws:username}"}"#, "swift", false),
        (#""ArnLike":{"s3:prefix":"arn:aws:iam::*:user/${aws:username}"}"#, "arn:aws:iam::1:user/swift", true),
        // A value cannot make parts of an ARN.
        (#""ArnLike":{"s3:prefix":"arn:aws:iam::${aws:Many}"}"#, "arn:aws:iam::1:user/swift", false),
        // Not with the other operators.
        (#""NumericEquals":{"s3:prefix":"${aws:Number}"}"#, "7", false),
        (#""StringEquals":{"s3:prefix":"${aws:Number}"}"#, "7", true),
        // A key with several values cannot stand in a text.
        (#""StringEquals":{"s3:prefix":"${aws:TagKeys}"}"#, "a", false),
    ])
    func inConditions(_ condition: String, _ prefix: String, _ isAllowed: Bool) throws {
        let context: AccessContext = [
            "s3:Prefix": [prefix], "aws:Number": ["7"], "aws:TagKeys": ["a", "b"], "aws:Many": ["1:user/swift"],
        ]
        #expect(
            try allows(#""Resource":"*","Condition":{\#(condition)}"#, context: context) == isAllowed)
    }

    // A variable without a value allows nothing, and keeps nothing from being denied.
    @Test(arguments: [
        #""NotResource":"arn:aws:s3:::b/${aws:PrincipalTag/nest}""#,
        #""Resource":"*","Condition":{"StringNotEquals":{"aws:userid":"${aws:PrincipalTag/nest}"}}"#,
        #""Resource":"*","Condition":{"ArnNotLike":{"aws:PrincipalArn":"arn:aws:iam::*:${aws:PrincipalTag/nest}"}}"#,
    ])
    func withoutValues(_ statement: String) throws {
        #expect(try !allows(statement))
        #expect(try !allows(statement, effect: "Deny"))
    }

    // "Principal key values" of the same page, and what "AWS global condition context keys" says of aws:PrincipalArn.
    @Test(arguments: [
        (user, "aws:PrincipalType", "User"), (user, "aws:PrincipalArn", "arn:aws:iam::111111111111:user/birds/swift"),
        (user, "aws:PrincipalAccount", "111111111111"), (user, "aws:PrincipalIsAWSService", "false"),
        (user, "aws:ResourceAccount", "111111111111"), (user, "aws:PrincipalTag/TEAM", "yellow"),
        (EvaluationTableTests.session, "aws:PrincipalType", "AssumedRole"),
        (EvaluationTableTests.session, "aws:PrincipalArn", "arn:aws:iam::111111111111:role/birds/flyer"),
        (EvaluationTableTests.session, "aws:userid", "AROAFLYER:one"),
        (EvaluationTableTests.federated, "aws:PrincipalType", "FederatedUser"),
        (EvaluationTableTests.federated, "aws:PrincipalArn", "arn:aws:sts::111111111111:federated-user/guest"),
    ])
    func keysOfPrincipals(_ requester: Requester, _ key: String, _ value: String) throws {
        let statement = #""Resource":"*","Condition":{"StringEquals":{"\#(key)":"\#(value)"}}"#
        var requester = requester
        requester.sessionPolicies = [
            AttachedPolicy(
                id: "s",
                CompiledPolicy(
                    PolicyDocument(statements: [
                        PolicyStatement(principals: nil, actions: PolicyElement(["*"]), resources: PolicyElement(["*"]))
                    ])))
        ]
        #expect(try allows(statement, by: requester))
        let isMissing = #""Resource":"*","Condition":{"Null":{"aws:username":"\#(requester.kind != .user)"}}"#
        #expect(try allows(isMissing, by: requester))
    }
}
