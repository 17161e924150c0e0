import NIOCore
import Testing

@testable import Policies

@Suite struct DecisionTests {
    private static let function = "arn:aws:lambda:us-east-1:111111111111:function:hello"
    private static let user = AccessRequest.Principal.identity(
        arn: "arn:aws:iam::222222222222:user/swift", account: "222222222222")
    private static let session = AccessRequest.Principal.identity(
        arn: "arn:aws:sts::222222222222:assumed-role/flyer/session", account: "222222222222")

    private func decide(
        _ statements: String, _ principal: AccessRequest.Principal = DecisionTests.user,
        action: String = "lambda:InvokeFunction",
        resource: String = DecisionTests.function, context: [String: [String]] = [:]
    ) throws -> AccessDecision {
        let text = #"{"Version":"2012-10-17","Statement":[\#(statements)]}"#
        return try PolicyDocument(parsing: ByteBuffer(string: text))
            .decide(AccessRequest(principal, action: action, resource: resource, context: context))
    }

    private func statement(
        _ effect: String = "Allow", principal: String = #""Principal":"*""#,
        action: String = #""Action":"lambda:InvokeFunction""#, resource: String = #""Resource":"*""#,
        condition: String = ""
    ) -> String {
        #"{"Effect":"\#(effect)",\#(principal),\#(action),\#(resource)\#(condition.isEmpty ? "" : ",")\#(condition)}"#
    }

    // IAM User Guide, "AWS JSON policy elements: Principal".
    @Test(
        arguments: [
            (#""Principal":"*""#, user, true),
            (#""Principal":"*""#, .anonymous, true),
            (#""Principal":{"AWS":"*"}"#, .anonymous, true),
            (#""Principal":"*""#, .service("s3.amazonaws.com"), true),
            (#""Principal":{"AWS":"222222222222"}"#, user, true),
            (#""Principal":{"AWS":"arn:aws:iam::222222222222:root"}"#, user, true),
            (#""Principal":{"AWS":"arn:aws:iam::222222222222:root"}"#, session, true),
            (#""Principal":{"AWS":"arn:aws:iam::333333333333:root"}"#, user, false),
            (#""Principal":{"AWS":"arn:aws:iam::222222222222:root"}"#, .anonymous, false),
            (#""Principal":{"AWS":"arn:aws:iam::222222222222:root"}"#, .service("s3.amazonaws.com"), false),
            (#""Principal":{"AWS":"arn:aws:iam::222222222222:user/swift"}"#, user, true),
            (#""Principal":{"AWS":["arn:aws:iam::222222222222:user/crow","333333333333"]}"#, user, false),
            (#""Principal":{"AWS":"arn:aws:iam::222222222222:role/flyer"}"#, session, true),
            (#""Principal":{"AWS":"arn:aws:iam::222222222222:role/birds/flyer"}"#, session, true),
            (#""Principal":{"AWS":"arn:aws:iam::222222222222:role/walker"}"#, session, false),
            (#""Principal":{"AWS":"arn:aws:iam::333333333333:role/flyer"}"#, session, false),
            (#""Principal":{"AWS":"arn:aws:sts::222222222222:assumed-role/flyer/session"}"#, session, true),
            (#""Principal":{"Service":"s3.amazonaws.com"}"#, .service("s3.amazonaws.com"), true),
            (#""Principal":{"Service":["sns.amazonaws.com","s3.amazonaws.com"]}"#, .service("s3.amazonaws.com"), true),
            (#""Principal":{"Service":"sns.amazonaws.com"}"#, .service("s3.amazonaws.com"), false),
            (#""Principal":{"Federated":"s3.amazonaws.com"}"#, .service("s3.amazonaws.com"), false),
            (#""NotPrincipal":{"AWS":"222222222222"}"#, user, false),
            (#""NotPrincipal":{"AWS":"333333333333"}"#, user, true),
        ] as [(String, AccessRequest.Principal, Bool)])
    func principals(_ element: String, _ principal: AccessRequest.Principal, _ isAllowed: Bool) throws {
        let decision = try decide(statement(principal: element), principal)
        #expect(decision == (isAllowed ? .allowed : .notMentioned))
    }

    @Test(arguments: [
        (#""Action":"lambda:InvokeFunction""#, true), (#""Action":"LAMBDA:invokefunction""#, true),
        (#""Action":"lambda:*""#, true), (#""Action":"*""#, true), (#""Action":"lambda:Invoke????????""#, true),
        (#""Action":["lambda:GetFunction","lambda:Invoke*"]"#, true), (#""Action":"lambda:GetFunction""#, false),
        (#""NotAction":"lambda:GetFunction""#, true), (#""NotAction":"lambda:*""#, false),
    ])
    func actions(_ element: String, _ isAllowed: Bool) throws {
        #expect(try decide(statement(action: element)) == (isAllowed ? .allowed : .notMentioned))
    }

    @Test(arguments: [
        (#""Resource":"arn:aws:lambda:us-east-1:111111111111:function:hello""#, true),
        (#""Resource":"arn:aws:lambda:us-east-1:111111111111:function:*""#, true),
        (#""Resource":"arn:aws:lambda:us-east-1:111111111111:function:hello:1""#, false),
        (#""Resource":"arn:aws:lambda:us-east-1:111111111111:function:Hello""#, false),
        (#""NotResource":"arn:aws:lambda:*:function:hello""#, false),
        (#""NotResource":["arn:aws:s3:::a"]"#, true),
    ])
    func resources(_ element: String, _ isAllowed: Bool) throws {
        #expect(try decide(statement(resource: element)) == (isAllowed ? .allowed : .notMentioned))
    }

    @Test func allConditionsMustHold() throws {
        let condition = """
            "Condition":{"ArnLike":{"AWS:SourceArn":"arn:aws:s3:::bucket"},\
            "StringEquals":{"AWS:SourceAccount":"333333333333"}}
            """
        let text = statement(principal: #""Principal":{"Service":"s3.amazonaws.com"}"#, condition: condition)
        func ask(_ context: [String: [String]]) throws -> AccessDecision {
            try decide(text, .service("s3.amazonaws.com"), context: context)
        }
        // The names of keys have no case.
        #expect(
            try ask(["aws:SourceArn": ["arn:aws:s3:::bucket"], "aws:sourceaccount": ["333333333333"]]) == .allowed)
        #expect(try ask(["aws:SourceArn": ["arn:aws:s3:::bucket"]]) == .notMentioned)
        #expect(
            try ask(["aws:SourceArn": ["arn:aws:s3:::bucket"], "aws:SourceAccount": ["111111111111"]]) == .notMentioned)
    }

    // IAM User Guide, "Policy evaluation logic": an explicit deny overrides every allow, in any order.
    @Test func denialsWin() throws {
        let deny = statement("Deny", principal: #""Principal":{"AWS":"222222222222"}"#)
        #expect(try decide(statement() + "," + deny) == .denied)
        #expect(try decide(deny + "," + statement()) == .denied)
        #expect(try decide(deny + "," + statement(), .anonymous) == .allowed)
        #expect(try decide(deny, .anonymous) == .notMentioned)
        #expect(try decide("") == .notMentioned)
    }
}
