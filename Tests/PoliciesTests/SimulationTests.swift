import NIOCore
import Testing

@testable import Policies

@Suite struct SimulationTests {
    private static let account = "111111111111"

    private func policy(_ id: String, _ statements: String) throws -> AttachedPolicy {
        let text = #"{"Version":"2012-10-17","Statement":[\#(statements)]}"#
        return AttachedPolicy(id: id, CompiledPolicy(try PolicyDocument(parsing: ByteBuffer(string: text))))
    }

    private func simulate(_ set: (inout Requester) throws -> Void, context: AccessContext = [:]) rethrows -> Simulation
    {
        var requester = Requester(.user, arn: "arn:aws:iam::\(Self.account):user/u", account: Self.account)
        try set(&requester)
        let resource = ProtectedResource("arn:aws:s3:::b", account: Self.account)
        return Evaluation.simulate(requester, "s3:GetObject", on: resource, context: context)
    }

    private static let allow = #"{"Effect":"Allow","Action":"s3:*","Resource":"*"}"#
    private static let deny = #"{"Effect":"Deny","Action":"s3:Get*","Resource":"*"}"#
    private static let other = #"{"Effect":"Allow","Action":"sqs:*","Resource":"*"}"#

    // API reference of EvaluationResult: all statements that allow it, or those alone that deny it.
    @Test func statementsThatDecide() throws {
        let allowed = try simulate {
            $0.identityPolicies = [try policy("a", Self.other + "," + Self.allow), try policy("b", Self.allow)]
        }
        #expect(allowed.verdict.decision.rawValue == "allowed")
        #expect(allowed.matches.map(\.source.id) == ["a", "b"])
        #expect(allowed.matches.map(\.statement) == [1, 0])
        let denied = try simulate {
            $0.identityPolicies = [try policy("a", Self.allow + "," + Self.deny), try policy("b", Self.deny)]
        }
        #expect(denied.verdict.decision.rawValue == "explicitDeny")
        #expect(denied.matches.map(\.source.id) == ["a", "b"])
        #expect(denied.matches.map(\.statement) == [1, 0])
        let undecided = try simulate { $0.identityPolicies = [try policy("a", Self.other)] }
        #expect(undecided.verdict.decision.rawValue == "implicitDeny")
        #expect(undecided.matches.isEmpty)
    }

    @Test func decisionsOfEachKind() throws {
        let simulation = try simulate {
            $0.identityPolicies = [try policy("a", Self.allow)]
            $0.boundary = try policy("b", Self.other)
        }
        #expect(simulation.decisions == [.identity: .allowed, .boundary: .implicitDeny])
        #expect(simulation.verdict.layer == .boundary)
    }

    @Test func missingKeys() throws {
        let statement = #"""
            {"Effect":"Allow","Action":"*","Resource":"arn:aws:s3:::${aws:PrincipalTag/Team}/${aws:username}",\#
            "Condition":{"StringEquals":{"s3:Prefix":"x"},"Null":{"aws:TokenIssueTime":"true"}}}
            """#
        let simulation = try simulate(
            { $0.identityPolicies = [try policy("a", statement)] }, context: ["S3:prefix": ["x"]])
        #expect(simulation.missingKeys == [ContextKey("aws:TokenIssueTime"), ContextKey("aws:PrincipalTag/Team")])
    }

    // API reference of GetContextKeysForCustomPolicy.
    @Test func keysOfPolicies() throws {
        let text = #"""
            {"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"*",\#
            "Resource":"arn:aws:s3:::b/${aws:username}/${*}",\#
            "Condition":{"DateGreaterThan":{"aws:CurrentTime":"2026-01-01"},\#
            "StringLike":{"AWS:currenttime":"x","s3:prefix":["${aws:PrincipalTag/Team, 'x'}","*"]}}},\#
            {"Effect":"Deny","Action":"*","NotResource":"*",\#
            "Condition":{"Bool":{"aws:SecureTransport":"${aws:userid}"}}}]}
            """#
        var document = try PolicyDocument(parsing: ByteBuffer(string: text))
        #expect(
            document.contextKeyNames == [
                "aws:CurrentTime", "s3:prefix", "aws:username", "aws:PrincipalTag/Team", "aws:SecureTransport",
            ])
        document.version = "2008-10-17"
        #expect(document.contextKeyNames == ["aws:CurrentTime", "s3:prefix", "aws:SecureTransport"])
    }

    // As recorded in localstack's test_simulate_principle_policy for that text.
    @Test func positionsOfStatements() {
        let recorded = #"""
            {"Version": "2012-10-17", "Statement": \#
            {"Sid": "", "Effect": "Allow", "Action": "s3:PutObject", "Resource": "*"}}
            """#
        let one = PolicyDocument.statementPositions(in: ByteBuffer(string: recorded))
        #expect(one.map(\.start) == [TextPosition(line: 1, column: 41)])
        #expect(one.map(\.end) == [TextPosition(line: 1, column: 113)])
        let two = PolicyDocument.statementPositions(in: ByteBuffer(string: "{\"Statement\":[\n {},\n  {\"é\":1}\n]}"))
        #expect(two.map(\.start) == [TextPosition(line: 2, column: 3), TextPosition(line: 3, column: 4)])
        #expect(two.map(\.end) == [TextPosition(line: 2, column: 4), TextPosition(line: 3, column: 10)])
        #expect(PolicyDocument.statementPositions(in: ByteBuffer(string: "{")).isEmpty)
    }
}
