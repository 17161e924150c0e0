import NIOCore
import Testing

@testable import Policies

/// What is refused on upload, and in which words. Those of identities' policies are as moto recorded them in
/// tests/test_iam/test_iam_policies.py, for documents of our own of the same sort.
@Suite struct ValidationTests {
    private static let syntax = "Syntax errors in policy."
    private static let old = "The policy failed legacy parsing"
    private static let vendor = "Actions/Conditions must be prefaced by a vendor, e.g., iam, sdb, ec2, etc."
    private static let version = "Policy document must be version 2012-10-17 or greater."

    private static func message(_ text: String, _ kind: PolicyKind) -> String? {
        do throws(PolicySyntaxError) {
            _ = try PolicyDocument(validating: ByteBuffer(string: text), as: kind)
            return nil
        } catch {
            return error.message
        }
    }

    private static func policy(_ statements: String, version: String? = "2012-10-17") -> String {
        #"{\#(version.map { #""Version":"\#($0)","# } ?? "")"Statement":\#(statements)}"#
    }

    @Test(arguments: [
        ("no JSON", syntax), ("[]", syntax), ("{}", syntax), (#"{"Version":"2012-10-17"}"#, syntax),
        (policy("[]"), syntax), (policy(#"["a"]"#), syntax), (policy("{}"), syntax),
        (policy(#"{"Effect":"Allow","Action":"a:b","Resource":"*"}"#, version: "2026-11-27"), syntax),
        (policy(#"{"Effect":"Allow","Action":"a:b","Resource":"*"}"#, version: "2008-10-17"), version),
        (policy(#"{"Effect":"Allow","Action":"a:b","Resource":"*"}"#, version: nil), version),
        // The version before whatever else is wrong.
        (policy(#"{"Effect":"aLLow","Resource":"*"}"#, version: nil), version),
        (#"{"Version":"2012-10-17","Id":{},"Statement":{"Effect":"Allow","Action":"a:b","Resource":"*"}}"#, syntax),
        (#"{"Version":"2012-10-17","Name":"x","Statement":{"Effect":"Allow","Action":"a:b","Resource":"*"}}"#, syntax),
    ])
    func wholePolicies(_ text: String, _ message: String) { #expect(Self.message(text, .managed) == message) }

    @Test(arguments: [
        (#""Action":"a:b","Resource":"*""#, syntax), (#""Effect":"Perhaps","Action":"a:b","Resource":"*""#, syntax),
        (#""Effect":"Allow","Action":"a:b","Resource":"*","Bird":1"#, syntax),
        (#""Effect":"Allow","Effect":"Deny","Action":"a:b","Resource":"*""#, syntax),
        (#""Effect":"Allow","Action":{},"Resource":"*""#, syntax),
        (#""Effect":"Allow","Action":[[]],"Resource":"*""#, syntax),
        (#""Effect":"Allow","Action":"a:b","NotAction":[],"Resource":"*""#, syntax),
        (#""Effect":"Allow","Action":"a:b","Resource":"*","NotResource":"*""#, syntax),
        (#""Effect":"Allow","Action":"a:b","Resource":{"a":"*"}"#, syntax),
        (#""Sid":[],"Effect":"Allow","Action":"a:b","Resource":"*""#, syntax),
        (#""Effect":"Allow","Action":"a:b","Resource":"*","Condition":[]"#, syntax),
        (#""Effect":"Allow","Action":"a:b","Resource":"*","Condition":{"Bool":"x"}"#, syntax),
        (#""Effect":"Allow","Action":"a:b","Resource":"*","Condition":{"Bool":{"k":{}}}"#, syntax),
        (#""Effect":"Allow","Action":"a:b","Resource":"*","Condition":{"Equals":{"k":"v"}}"#, syntax),
        (#""Effect":"Allow","Action":"a:b","Resource":"*","Condition":{"ForAnyValue::Bool":{"k":"v"}}"#, syntax),
        (
            #""Effect":"Allow","Principal":"*","Action":"a:b","Resource":"*""#,
            "Policy document should not specify a principal."
        ),
        (#""Effect":"denY","Action":"a:b","Resource":"*""#, old),
        (#""Effect":"allow","Resource":"arn:aws:s3:us-east-1::b""#, old),
        (#""Effect":"Allow","Action":"a:b","Resource":"arn:aws:s3::b""#, old),
        (#""Effect":"Allow","Action":"a:b","Resource":"arn:aws::b""#, old),
        (#""Effect":"Allow","Action":"a:b","NotResource":"arn:aws::::b""#, old),
        (#""Effect":"Allow","Resource":"arn:aws:s3::b""#, old),
        (#""Effect":"Allow","Action":"a:b","Resource":"*","Condition":{"DateLessThan":{"k":"soon"}}"#, old),
        (#""Effect":"Allow","Action":"a:b","Resource":"*","Condition":{"DateLessThan":{"k":"2026-13"}}"#, old),
        (
            #""Effect":"Deny","Action":"*","Resource":"*","Condition":{"DateEquals":{"k":"2026-11-27T10:00:00+1"}}"#,
            old
        ),
        (
            #""Effect":"Allow","Action":"a:b","Resource":"*","Condition":{"DateLessThan":{"k":"9223372036854775808"}}"#,
            old
        ),
        (#""Effect":"Allow","Action":"a:b","Resource":"arn:x:s3:::b","Condition":{"DateLessThan":{"k":"soon"}}"#, old),
        (#""Effect":"Allow","Resource":"*""#, "Policy statement must contain actions."),
        (#""Effect":"Allow","Action":[],"Resource":"*""#, "Policy statement must contain actions."),
        (#""Effect":"Allow","Action":"a:b:c","Resource":"bird""#, #"Resource bird must be in ARN format or "*"."#),
        (#""Effect":"Allow","Action":"a:b","Resource":"""#, #"Resource  must be in ARN format or "*"."#),
        (
            #""Effect":"Allow","Action":"a:b","Resource":"a:bird""#,
            #"Partition "bird" is not valid for resource "arn:bird:*:*:*:*"."#
        ),
        (
            #""Effect":"Allow","Action":"a:b","Resource":"a:b:c""#,
            #"Partition "b" is not valid for resource "arn:b:c:*:*:*"."#
        ),
        (
            #""Effect":"Allow","Action":"a:b","Resource":"a:b:c:d:e:f:g""#,
            #"Partition "b" is not valid for resource "arn:b:c:d:e:f:g"."#
        ),
        (
            #""Effect":"Allow","Action":"a:b","Resource":"aws:s3:::b""#,
            #"Partition "s3" is not valid for resource "arn:s3:::b:*"."#
        ),
        (
            #""Effect":"Allow","Action":"a:b","Resource":"arn:aws""#,
            "Resource vendor must be fully qualified and cannot contain regexes."
        ),
        (
            #""Effect":"Allow","Action":"a:b","Resource":"arn:aws:*:::b""#,
            "Resource vendor must be fully qualified and cannot contain regexes."
        ),
        (
            #""Effect":"Allow","Action":"a:b","Resource":"arn:aws:iam:eu-west-1::user/u""#,
            "IAM resource arn:aws:iam:eu-west-1::user/u cannot contain region information."
        ),
        (
            #""Effect":"Allow","Action":"a:b","Resource":"arn:aws:s3:eu-west-1::b""#,
            "Resource arn:aws:s3:eu-west-1::b can not contain region information."
        ),
        (#""Effect":"Allow","Action":"bird","Resource":"*""#, vendor),
        (#""Effect":"Allow","NotAction":"","Resource":"*""#, vendor),
        (#""Effect":"Allow","Action":"bird""#, vendor),
        (#""Effect":"Allow","Action":"a b:c","Resource":"*""#, "Vendor a b is not valid"),
        (#""Effect":"Allow","Action":"a:b:c","Resource":"*""#, "Actions/Condition can contain only one colon."),
        (#""Effect":"Allow","Action":"a:b""#, "Policy statement must contain resources."),
        (#""Effect":"Allow","Action":"a:b","Resource":[]"#, "Policy statement must contain resources."),
    ])
    func statements(_ members: String, _ message: String) {
        for kind in [PolicyKind.managed, .inline] {
            #expect(Self.message(Self.policy("{\(members)}"), kind) == message)
        }
        // A session's policy is held to the same, and has words of its own for what is no policy.
        let expected = message == Self.syntax ? "The policy is not in the valid JSON format." : message
        #expect(Self.message(Self.policy("[{\(members)}]"), .session) == expected)
    }

    @Test func iamResourcesAreOfKnownKinds() {
        let text = Self.policy(#"{"Effect":"Allow","Action":"a:b","Resource":"arn:aws:iam:::bird"}"#)
        #expect(
            Self.message(text, .managed)?.hasPrefix(#"IAM resource path must either be "*" or start with user/, "#)
                == true)
    }

    @Test func statementsHaveDifferentIDs() {
        let text = Self.policy(
            #"[{"Sid":"a","Effect":"Allow","Action":"a:b","Resource":"*"},{"Sid":"a","Effect":"Allow"}]"#)
        #expect(Self.message(text, .managed) == "Statement IDs (SID) in a single policy must be unique.")
    }

    @Test(arguments: [
        #""Effect":"Allow","Action":"*","Resource":"*""#, #""Effect":"Deny","NotAction":"a:b","NotResource":"*""#,
        #""Effect":"Allow","Action":"s3.x-y: any thing","Resource":["*",null]"#,

        #""Effect":"Allow","Action":"a:b","Resource":"arn:aws:iam:::user/u""#,
        #""Effect":"Allow","Action":"a:b","Resource":"arn:aws:s3:eu-west-1:1:accesspoint/p""#,
        #""Effect":"Allow","Action":"a:b","Resource":"arn:aws:ec2:eu-west-1::b""#,
        #""Effect":"Allow","Action":"a:b","Resource":"arn:aws:s3:::b/${aws:username}""#,
        #""Sid":"","Effect":"Allow","Action":"a:b","Resource":"*","Condition":{}"#,
        #""Effect":"Allow","Action":"a:b","Resource":"*","Condition":{"Bird":{},"Bool":{"k":[true,"false"]}}"#,
        #""Effect":"Allow","Action":"a:b","Resource":"*","Condition":{"NumericEquals":{"n":[],"m":[1,"2"]}}"#,
        #""Effect":"Allow","Action":"a:b","Resource":"*","Condition":{"DateEquals":{"k":["01T","-292275054"]}}"#,
        #""Effect":"Allow","Action":"a:b","Resource":"*","Condition":{"DateEquals":{"k":"2026-11-27t9:00:00.5+23"}}"#,
        #""Effect":"Allow","Action":"a:b","Resource":"*","Condition":{"DateEquals":{"k":"2026-11-27T10:00:00Z"}}"#,
        #""Effect":"Allow","Action":"a:b","Resource":"*","Condition":{"DateEquals":{"k":1795435200}}"#,
    ])
    func acceptedStatements(_ members: String) throws {
        for kind in [PolicyKind.managed, .inline, .session] {
            #expect(Self.message(Self.policy("{\(members)}"), kind) == nil)
        }
        let document = try PolicyDocument(parsing: ByteBuffer(string: Self.policy("{\(members)}")))
        #expect(try PolicyDocument(parsing: document.json) == document)
    }

    // IAM User Guide, "Identify AWS resources with ARNs": missing parts are completed, but not for a session.
    @Test func sessionsNeedWholeARNs() {
        let text = Self.policy(#"{"Effect":"Allow","Action":"a:b","Resource":"arn:aws:bird"}"#)
        #expect(Self.message(text, .managed) == nil)
        #expect(Self.message(text, .inline) == nil)
        #expect(Self.message(text, .session) == "The policy is not in the valid JSON format.")
    }

    // Only policies with an ARN have to be of the new version.
    @Test func inlinePoliciesMayBeOld() {
        let text = Self.policy(#"{"Effect":"Allow","Action":"a:b","Resource":"*"}"#, version: nil)
        #expect(Self.message(text, .inline) == nil)
    }

    private static let role = #""Effect":"Allow","Principal":{"AWS":"111111111111"},"Action":"sts:AssumeRole""#

    // The first as recorded in localstack's test_create_role_with_malformed_assume_role_policy_document; the others as
    // reported by users of IAM, S3 and DynamoDB, which share them.
    @Test(arguments: [
        ("no JSON", "This policy contains invalid Json"),
        (policy("[{\(role)}]", version: "2020-01-01"), "The policy must contain a valid version string"),
        (policy("[]"), "Could not parse the policy: Statement is empty!"),
        (policy(#"{"Principal":{"AWS":"*"},"Action":"sts:AssumeRole"}"#), "Missing required field Effect"),
        (policy(#"{"Effect":"allow","Principal":{"AWS":"*"},"Action":"sts:AssumeRole"}"#), "Invalid effect: allow"),
        (policy(#"{"Effect":"Allow","Action":"sts:AssumeRole"}"#), "Missing required field Principal"),
        (
            policy(#"{"Effect":"Allow","Principal":{},"Action":"sts:AssumeRole"}"#),
            "Missing required field Principal cannot be empty!"
        ),
        (policy(#"{"Effect":"Allow","Principal":{"AWS":"*"}}"#), "Missing required field Action"),
        (
            policy(#"{"Effect":"Allow","Principal":"*","Action":"sts:AssumeRole"}"#),
            #"AssumeRolepolicy contained an invalid principal: "STAR":"*"."#
        ),
        (
            policy(#"{"Effect":"Allow","Principal":{"AWS":"bird"},"Action":"sts:AssumeRole"}"#),
            #"Invalid principal in policy: "AWS":"bird""#
        ),
        (
            policy(
                #"{"Effect":"Deny","Principal":{"AWS":"arn:aws:iam::111111111111:user/*"},"Action":"sts:AssumeRole"}"#),
            #"Invalid principal in policy: "AWS":"arn:aws:iam::111111111111:user/*""#
        ),
        (
            policy(
                #"{"Effect":"Allow","Principal":{"AWS":"arn:aws:iam::111111111111:group/g"},"Action":"sts:AssumeRole"}"#
            ), #"Invalid principal in policy: "AWS":"arn:aws:iam::111111111111:group/g""#
        ),
        (
            policy(#"{"Effect":"Allow","Principal":{"Service":"lambda"},"Action":"sts:AssumeRole"}"#),
            #"Invalid principal in policy: "SERVICE":"lambda""#
        ),
        (
            policy(#"{"Effect":"Allow","Principal":{"Federated":"arn:aws:iam//1"},"Action":"sts:AssumeRole"}"#),
            "Federated principals must be valid domain names or SAML metadata ARNs"
        ),
        (
            policy(#"{"Effect":"Deny","NotPrincipal":{"AWS":"111111111111"},"Action":"sts:AssumeRole"}"#),
            "AssumeRole policy must not contain NotPrincipal field."
        ),
        (
            policy(#"{"Effect":"Allow","Principal":{"AWS":"111111111111"},"Action":"*"}"#),
            "AssumeRole policy may only specify STS AssumeRole actions."
        ),
        (policy(#"{\#(role),"Resource":"*"}"#), "Has prohibited field Resource"),
        (policy(#"{\#(role),"NotResource":"*"}"#), "AssumeRole policy must not contain resources."),
        (policy(#"[{"Sid":"a",\#(role)},{"Sid":"a",\#(role)}]"#), "The Statement Ids in the policy are not unique"),
    ])
    func trustPolicies(_ text: String, _ message: String) { #expect(Self.message(text, .trust) == message) }

    @Test(arguments: [
        #""AWS":["*","111111111111","arn:aws:iam::111111111111:root","AIDAEXAMPLE"]"#,
        #""AWS":"arn:aws:iam::111111111111:user/a/b""#,
        #""AWS":["arn:aws:sts::111111111111:assumed-role/r/s","arn:aws:iam::111111111111:role/r"]"#,
        #""Service":["lambda.amazonaws.com","edgelambda.amazonaws.com"]"#,
        #""Federated":["accounts.google.com","arn:aws:iam::111111111111:oidc-provider/example.com/x"]"#,
    ])
    func acceptedPrincipals(_ members: String) {
        let statement = #""Effect":"Allow","Principal":{\#(members)},"Action":["sts:AssumeRole","sts:TagSession"]"#
        for version in ["2008-10-17", "2012-10-17", nil] {
            #expect(Self.message(Self.policy("{\(statement)}", version: version), .trust) == nil)
        }
    }

    @Test func resourcePoliciesNamePrincipalsAndResources() {
        let statement = #""Effect":"Allow","Principal":"*","Action":"s3:GetObject""#
        #expect(Self.message(Self.policy("{\(statement)}"), .resource) == "Missing required field Resource")
        #expect(Self.message(Self.policy(#"{\#(statement),"Resource":"arn:aws:s3:::b/*"}"#), .resource) == nil)
        let nobody = Self.policy(#"{"Effect":"Allow","Action":"s3:GetObject","Resource":"*"}"#)
        #expect(Self.message(nobody, .resource) == "Missing required field Principal")
    }

    // "IAM and AWS STS quotas": white space is not counted.
    @Test func whiteSpaceIsNotCounted() {
        #expect(PolicyDocument.countedLength(of: " {\n\t\"a\": \"b c\" }\r\n") == 10)
    }
}
