import AWSWire
import IAMModel
import NIOCore
import NIOHTTP1
import STSModel
import Testing

@Suite struct QueryModelTests {
    private func request(_ body: String) -> ServiceRequest {
        let caller = Caller(.root(.standard, accessKeyID: "k"), region: "us-east-1")
        return ServiceRequest(
            method: .POST, path: "/", body: ByteBuffer(string: body), caller: caller, requestID: "r")
    }

    @Test func operationsByAction() throws {
        #expect(try IAM.route(request("Action=CreateRole&Version=2010-05-08")) == .createRole)
        #expect(try STS.route(request("Action=GetCallerIdentity&Version=2011-06-15")) == .getCallerIdentity)
        #expect(throws: AWSError.self) { try IAM.route(request("Action=GetCallerIdentity")) }
    }

    // What botocore sends for create_role and tag_role.
    @Test func inputsOfForms() throws {
        let role = try IAM.CreateRoleRequest(
            decoding: request(
                "Action=CreateRole&Version=2010-05-08&RoleName=r&AssumeRolePolicyDocument=%7B%7D"
                    + "&MaxSessionDuration=3600&Tags.member.1.Key=a&Tags.member.1.Value=1&Tags.member.2.Key=b"
                    + "&Tags.member.2.Value="))
        #expect(role.roleName == "r")
        #expect(role.assumeRolePolicyDocument == "{}")
        #expect(role.maxSessionDuration == 3600)
        #expect(role.tags?.map(\.key) == ["a", "b"])
        #expect(role.tags?.map(\.value) == ["1", ""])
        #expect(role.description == nil)
        let keys = try IAM.UntagRoleRequest(decoding: request("RoleName=r&TagKeys="))
        #expect(keys.tagKeys == [])
    }

    @Test func everyBrokenConstraintIsNamed() {
        let error = #expect(throws: AWSError.self) {
            try IAM.CreateRoleRequest(
                decoding: request("RoleName=r&MaxSessionDuration=1&Tags.member.1.Key=&Tags.member.1.Value=v"))
        }
        #expect(error?.code == "ValidationError")
        #expect(
            error?.message
                == "4 validation errors detected: Value null at 'assumeRolePolicyDocument' failed to satisfy "
                + "constraint: Member must not be null; Value at 'maxSessionDuration' failed to satisfy constraint: "
                + "Member must have value greater than or equal to 3600; Value at 'tags.1.member.key' failed to satisfy "
                + "constraint: Member must have length greater than or equal to 1; Value at 'tags.1.member.key' failed "
                + #"to satisfy constraint: Member must satisfy regular expression pattern: [\p{L}\p{Z}\p{N}_.:/=+\-@]+"#
        )
    }

    @Test func everyPatternCanBeRead() throws {
        // Constraints are made when they are first asked for: reading all inputs of which a member breaks asks for all
        // that this operation has. A pattern outside the subset would end the process.
        #expect(throws: AWSError.self) {
            try STS.AssumeRoleRequest(decoding: request("RoleArn=%01&RoleSessionName=%01"))
        }
        #expect(throws: AWSError.self) { try IAM.CreateAccountAliasRequest(decoding: request("AccountAlias=a--b")) }
        #expect(try IAM.CreateAccountAliasRequest(decoding: request("AccountAlias=a-b")).accountAlias == "a-b")
    }

    @Test func answers() {
        let output = STS.GetCallerIdentityResponse(userId: "AIDA", account: "000000000000", arn: "arn:aws:iam::0:u")
        #expect(
            String(buffer: STS.answer(.getCallerIdentity, to: request(""), output).bytes)
                == #"<GetCallerIdentityResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/">"#
                + "<GetCallerIdentityResult><UserId>AIDA</UserId><Account>000000000000</Account>"
                + "<Arn>arn:aws:iam::0:u</Arn></GetCallerIdentityResult><ResponseMetadata><RequestId>r</RequestId>"
                + "</ResponseMetadata></GetCallerIdentityResponse>")
        let roles = IAM.ListRolesResponse(
            roles: [IAM.Role(path: "/", createDate: 0, tags: [IAM.Tag(key: "k", value: "v")])], isTruncated: false)
        let text = String(buffer: IAM.answer(.listRoles, to: request(""), roles).bytes)
        #expect(
            text.contains(
                "<Roles><member><Path>/</Path><CreateDate>1970-01-01T00:00:00Z</CreateDate>"
                    + "<Tags><member><Key>k</Key><Value>v</Value></member></Tags></member></Roles>"
                    + "<IsTruncated>false</IsTruncated>"))
    }
}
