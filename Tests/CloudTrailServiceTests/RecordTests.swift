import AWSWire
import Identity
import NIOCore
import Testing

@testable import CloudTrailService

/// Records as "CloudTrail record contents" and "CloudTrail userIdentity element" in CloudTrail's user guide have them.
@Suite struct RecordTests {
    private func principal(_ kind: Principal.Kind, id: String, arn: String, session: Principal.Session? = nil)
        -> Principal
    {
        Principal(kind, account: .standard, arn: arn, id: id, accessKeyID: "ASIAKEY", session: session)
    }

    @Test func ofARootsCall() throws {
        let rig = try Rig()
        let record = try rig.document(
            rig.iam(
                "Action=CreateUser&Version=2010-05-08&UserName=ann&Tags.member.1.Key=team&Tags.member.1.Value=a%26b",
                answer: """
                    <CreateUserResponse xmlns="https://iam.amazonaws.com/doc/2010-05-08/"><CreateUserResult><User>\
                    <UserName>ann</UserName><Path>/a&amp;b/</Path><Tags><member><Key>team</Key></member></Tags></User>\
                    </CreateUserResult><ResponseMetadata><RequestId>x</RequestId></ResponseMetadata>\
                    </CreateUserResponse>
                    """))
        #expect(record["eventVersion"]?.string == "1.11")
        #expect(record["eventName"]?.string == "CreateUser")
        #expect(record["eventSource"]?.string == "iam.amazonaws.com")
        #expect(record["eventTime"]?.string == "2026-01-01T00:00:00Z")
        #expect(record["sourceIPAddress"]?.string == "192.0.2.1")
        #expect(record[path: "userIdentity.type"]?.string == "Root")
        #expect(record[path: "requestParameters.userName"]?.string == "ann")
        #expect(record[path: "requestParameters"]?.members.map(\.name) == ["tags", "userName"])
        #expect(record[path: "requestParameters.tags"]?.elements.first?["value"]?.string == "a&b")
        #expect(record[path: "responseElements.user.path"]?.string == "/a&b/")
        #expect(record[path: "responseElements.user.tags"]?.elements.first?["key"]?.string == "team")
        #expect(record["readOnly"]?.bool == false)
        #expect(record["errorCode"] == nil)
    }

    @Test func ofWhoeverAsks() throws {
        let rig = try Rig()
        func identity(_ principal: Principal) throws -> JSONValue? {
            try rig.document(rig.iam("Action=ListUsers", by: principal))["userIdentity"]
        }
        let user = try identity(
            principal(.user(name: "ann"), id: "AIDAANN", arn: "arn:aws:iam::000000000000:user/ann"))
        #expect(user?["type"]?.string == "IAMUser" && user?["userName"]?.string == "ann")
        #expect(user?["principalId"]?.string == "AIDAANN" && user?["sessionContext"] == nil)

        var session = Principal.Session(issued: Rig.start, expires: Rig.start + 3600)
        session.sourceIdentity = "ann"
        let role = try identity(
            principal(
                .assumedRole(role: "ops", session: "night"), id: "AROAOPS:night",
                arn: "arn:aws:sts::000000000000:assumed-role/ops/night", session: session))
        #expect(role?["type"]?.string == "AssumedRole")
        #expect(role?["principalId"]?.string == "AROAOPS:night")
        #expect(role?[path: "sessionContext.sessionIssuer.type"]?.string == "Role")
        #expect(role?[path: "sessionContext.sessionIssuer.principalId"]?.string == "AROAOPS")
        #expect(role?[path: "sessionContext.sessionIssuer.arn"]?.string == "arn:aws:iam::000000000000:role/ops")
        #expect(role?[path: "sessionContext.sessionIssuer.userName"]?.string == "ops")
        #expect(role?[path: "sessionContext.attributes.creationDate"]?.string == "2026-01-01T00:00:00Z")
        #expect(role?[path: "sessionContext.attributes.mfaAuthenticated"]?.string == "false")
        #expect(role?[path: "sessionContext.sourceIdentity"]?.string == "ann")

        let nobody = try rig.document(rig.iam("Action=ListUsers", status: 403, isAuthenticated: false))
        #expect(nobody[path: "userIdentity.type"]?.string == "Unknown")
        #expect(nobody[path: "userIdentity.accessKeyId"]?.string == "AKIACLAIMED")
    }

    @Test func ofDenials() throws {
        let rig = try Rig()
        let record = try rig.document(
            rig.iam(
                "Action=DeleteUser&UserName=ann", status: 403,
                answer: """
                    <ErrorResponse xmlns="https://iam.amazonaws.com/doc/2010-05-08/"><Error><Type>Sender</Type>\
                    <Code>AccessDenied</Code><Message>User: x is not authorized</Message></Error></ErrorResponse>
                    """))
        #expect(record["errorCode"]?.string == "AccessDenied")
        #expect(record["errorMessage"]?.string == "User: x is not authorized")
        #expect(record["responseElements"]?.isNull == true)
    }

    // Whoever asks another's function is told in the other's history.
    @Test func ofWhatIsAnothers() throws {
        let rig = try Rig()
        let event = rig.iam("Action=X")
        var call = AuditedCall("InvokeFunctionUrl", of: "lambda", parameters: .null, disclosure: AuditDisclosure())
        (call.account, call.region) = ("111122223333", "eu-west-1")
        let record = AuditRecord(event, call, directory: EmptyDirectory())
        #expect(record.account == "111122223333" && record.region == "eu-west-1")
        let document = try JSONValue(parsing: ByteBuffer(string: record.document))
        #expect(document["recipientAccountId"]?.string == "111122223333")
        #expect(document[path: "userIdentity.accountId"]?.string == "000000000000")
    }

    @Test func withoutSecrets() throws {
        let rig = try Rig()
        let hidden = "HIDDEN_DUE_TO_SECURITY_REASONS"
        let key = try rig.document(
            rig.iam(
                "Action=CreateAccessKey&UserName=ann",
                answer: """
                    <CreateAccessKeyResponse><CreateAccessKeyResult><AccessKey><AccessKeyId>AKIA1</AccessKeyId>\
                    <SecretAccessKey>geheim</SecretAccessKey></AccessKey></CreateAccessKeyResult>\
                    </CreateAccessKeyResponse>
                    """))
        #expect(key[path: "responseElements.accessKey.accessKeyId"]?.string == "AKIA1")
        #expect(key[path: "responseElements.accessKey.secretAccessKey"]?.string == hidden)
        let login = try rig.document(rig.iam("Action=CreateLoginProfile&UserName=ann&Password=geheim"))
        #expect(login[path: "requestParameters.password"]?.string == hidden)
        let nested = try rig.document(
            rig.logs("PutIt", #"{"Deep":[{"SecretString":{"a":"geheim"},"secretAccessKey":"geheim","x":1.50}]}"#))
        let deep = nested[path: "requestParameters.deep"]?.elements.first
        #expect(deep?["secretString"]?.string == hidden && deep?["secretAccessKey"]?.string == hidden)
        #expect(deep?["x"]?.numberText == "1.50")
    }

    @Test(.timeLimit(.minutes(10))) func withinBounds() throws {
        let rig = try Rig()
        let long = String(repeating: "x", count: 200_000)
        let record = try rig.document(rig.logs("PutIt", #"{"Text":"\#(long)"}"#))
        #expect(record[path: "requestParameters.omitted"]?.bool == true)
        #expect((record[path: "requestParameters.originalSize"]?.int ?? 0) > 200_000)
        // Nobody makes a record out of what is nested without an end.
        let nested = String(repeating: "a.", count: 5_000)
        _ = try rig.document(rig.iam("Action=X&\(nested)=1"))
        let opened = String(repeating: "<a>", count: 5_000)
        _ = try rig.document(rig.iam("Action=X", answer: opened))
        _ = try rig.document(rig.iam("Action=X&%zz=1&=&.=.&Tags.member.=3", answer: "<"))
    }
}
