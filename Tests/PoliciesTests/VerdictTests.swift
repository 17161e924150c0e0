import NIOCore
import Testing

@testable import Policies

@Suite struct VerdictTests {
    private static let account = "111111111111"
    private static let user = "arn:aws:iam::\(account):user/swift"
    private static let function = "arn:aws:lambda:us-east-1:\(account):function:f"

    private static func policy(_ effect: String = "Allow", _ action: String = "*", condition: String = "")
        -> CompiledPolicy
    {
        let rest = condition.isEmpty ? "" : "," + condition
        let statement = #"{"Effect":"\#(effect)","Action":"\#(action)","Resource":"*"\#(rest)}"#
        let text = #"{"Version":"2012-10-17","Statement":[\#(statement)]}"#
        return CompiledPolicy((try? PolicyDocument(parsing: ByteBuffer(string: text))) ?? PolicyDocument())
    }

    private static let allow = AttachedPolicy(id: "all", policy())
    private static let deny = AttachedPolicy(
        id: "none", arn: "arn:aws:iam::\(account):policy/none", policy("Deny"))

    private func message(
        owner: String = account, rule: ProtectedResource.Rule = .mayGrant, _ set: (inout Requester) -> Void
    )
        -> String
    {
        var requester = Requester(.user, arn: Self.user, account: Self.account)
        set(&requester)
        return Evaluation.decide(
            requester, "lambda:InvokeFunction", on: ProtectedResource(Self.function, account: owner, rule: rule)
        ).message(Self.user, action: "lambda:InvokeFunction", resource: Self.function)
    }

    // IAM User Guide, "Troubleshoot access denied error messages"; the ARN of the policy that denies as in messages
    // that users report since 2025.
    @Test func wordsOfRefusals() {
        let refusal =
            "User: \(Self.user) is not authorized to perform: lambda:InvokeFunction on resource: \(Self.function)"
        #expect(
            message { _ in } == refusal + " because no identity-based policy allows the lambda:InvokeFunction action")
        #expect(
            message {
                ($0.identityPolicies, $0.boundary) = (
                    [Self.allow], AttachedPolicy(id: "b", Self.policy("Allow", "s3:*"))
                )
            }
                == refusal + " because no permissions boundary allows the lambda:InvokeFunction action")
        #expect(
            message {
                $0.identityPolicies = [Self.allow]
                $0.sessionPolicies = [AttachedPolicy(id: "s", Self.policy("Allow", "s3:*"))]
            } == refusal + " because no session policy allows the lambda:InvokeFunction action")
        #expect(
            message(owner: "222222222222") { $0.identityPolicies = [Self.allow] }
                == refusal + " because no resource-based policy allows the lambda:InvokeFunction action")
        #expect(
            message(rule: .mustTrust) { $0.identityPolicies = [Self.allow] }
                == refusal + " because no role trust policy allows the lambda:InvokeFunction action")
        #expect(
            message { $0.identityPolicies = [Self.allow, Self.deny] }
                == refusal
                + " with an explicit deny in an identity-based policy: arn:aws:iam::\(Self.account):policy/none")
        #expect(
            message(owner: "222222222222") { $0.identityPolicies = [Self.deny] }
                == refusal + " with an explicit deny in an identity-based policy")
        #expect(
            message { $0.identityPolicies = [AttachedPolicy(id: "inline", Self.policy("Deny"))] }
                == refusal + " with an explicit deny in an identity-based policy")
        #expect(
            message { ($0.identityPolicies, $0.boundary) = ([Self.allow], Self.deny) }
                == refusal
                + " with an explicit deny in a permissions boundary: arn:aws:iam::\(Self.account):policy/none")
        #expect(
            message {
                ($0.identityPolicies, $0.sessionPolicies) = (
                    [Self.allow], [AttachedPolicy(id: "s", Self.policy("Deny"))]
                )
            }
                == refusal + " with an explicit deny in a session policy")
    }

    @Test func messagesWithoutResources() {
        let verdict = Evaluation.decide(
            Requester(.user, arn: Self.user, account: Self.account), "lambda:ListFunctions",
            on: ProtectedResource("*", account: Self.account))
        #expect(
            verdict.message(Self.user, action: "lambda:ListFunctions", resource: nil)
                == "User: \(Self.user) is not authorized to perform: lambda:ListFunctions because no identity-based "
                + "policy allows the lambda:ListFunctions action")
        #expect(verdict.reason(action: "x") == "because no identity-based policy allows the x action")
    }

    // A boundary does not limit a service's own role.
    @Test func serviceLinkedRolesHaveNoBoundary() {
        func decide(_ path: String) -> Bool {
            var requester = Requester(
                .assumedRole(arn: "arn:aws:iam::\(Self.account):role/\(path)r"),
                arn: "arn:aws:sts::\(Self.account):assumed-role/r/s", account: Self.account)
            (requester.identityPolicies, requester.boundary) = (
                [Self.allow], AttachedPolicy(id: "b", Self.policy("Allow", "s3:*"))
            )
            return Evaluation.decide(requester, "a:b", on: ProtectedResource("*", account: Self.account)).isAllowed
        }
        #expect(!decide(""))
        #expect(decide("aws-service-role/x.amazonaws.com/"))
    }

    // What a decision hangs on says whether it may be kept for the next request.
    @Test(
        arguments: [
            ("", ContextKey.Scope(), [] as [String]),
            (#""Condition":{"StringEquals":{"aws:PrincipalArn":"x"}}"#, .principal, ["aws:principalarn"]),
            (#""Condition":{"StringEquals":{"aws:ResourceTag/A":"x"}}"#, .resource, ["aws:resourcetag/a"]),
            (#""Condition":{"StringEquals":{"lambda:ResourceTag/A":"x"}}"#, .resource, ["lambda:resourcetag/a"]),
            (#""Condition":{"IpAddress":{"aws:SourceIp":"10.0.0.0/8"}}"#, .request, ["aws:sourceip"]),
            (
                #""Condition":{"StringNotEquals":{"aws:PrincipalTag/A":"${aws:RequestedRegion, 'x'}"}}"#,
                .principal, ["aws:principaltag/a"]
            ),
            (
                #""Condition":{"StringNotEquals":{"aws:userid":"${aws:RequestedRegion, 'x'}"}}"#,
                [.principal, .request],
                ["aws:userid", "aws:requestedregion"]
            ),
        ] as [(String, ContextKey.Scope, [String])])
    func whatDecisionsHangOn(_ condition: String, _ scope: ContextKey.Scope, _ keys: [String]) {
        var requester = Requester(.user, arn: Self.user, account: Self.account, userID: "AIDA")
        requester.identityPolicies = [AttachedPolicy(id: "p", Self.policy(condition: condition))]
        let resource = ProtectedResource("*", account: Self.account)
        let verdict = Evaluation.decide(requester, "a:b", on: resource)
        #expect(verdict.scope == scope)
        #expect(verdict.consultedKeys == keys)
    }

    // A condition of a statement that is not about the request is not looked at.
    @Test func otherStatementsDoNotMatter() {
        var requester = Requester(.user, arn: Self.user, account: Self.account)
        let condition = #""Condition":{"IpAddress":{"aws:SourceIp":"10.0.0.0/8"}}"#
        requester.identityPolicies = [
            Self.allow, AttachedPolicy(id: "p", Self.policy("Deny", "s3:*", condition: condition)),
        ]
        let resource = ProtectedResource("*", account: Self.account)
        #expect(Evaluation.decide(requester, "a:b", on: resource).scope == [])
        #expect(Evaluation.decide(requester, "s3:b", on: resource).scope == .request)
        let keys = requester.policies.flatMap(\.contextKeys)
        #expect(keys == [ContextKey("AWS:SourceIP")])
    }
}
