import AWSWire
import IAMModel
import Identity
import Policies
import Testing

@testable import IAMService

@Suite struct DirectoryTests {
    @Test func aUserHasWhatItsGroupsHave() async throws {
        let harness = try await Harness()
        let arn = try await harness.managedPolicy("p")
        try await harness.user("u")
        try await harness.call("CreateGroup", [("GroupName", "g")])
        try await harness.call("AddUserToGroup", [("UserName", "u"), ("GroupName", "g")])
        try await harness.call("AttachGroupPolicy", [("GroupName", "g"), ("PolicyArn", arn)])
        try await harness.call(
            "PutGroupPolicy", [("GroupName", "g"), ("PolicyName", "i"), ("PolicyDocument", Harness.policy)])
        try await harness.call(
            "PutUserPolicy", [("UserName", "u"), ("PolicyName", "own"), ("PolicyDocument", Harness.policy)])
        try await harness.call(
            "TagUser",
            [
                ("UserName", "u"), ("Tags.member.1.Key", "team"), ("Tags.member.1.Value", "swifts"),
            ])
        let user = try #require(harness.service.directory.user("u", in: .standard))
        #expect(user.policies.map(\.id) == ["own", arn, "i"])
        #expect(user.policies.map(\.arn) == [nil, arn, nil])
        #expect(user.tags == ["team": "swifts"])
        #expect(user.id.hasPrefix("AIDA"))
    }

    @Test func aRoleHasItsTrustPoliciesAndBoundary() async throws {
        let harness = try await Harness()
        let arn = try await harness.managedPolicy("p")
        let basic = "arn:aws:iam::aws:policy/service-role/AWSLambdaBasicExecutionRole"
        try await harness.call(
            "CreateRole",
            [
                ("RoleName", "r"), ("Path", "/team/"), ("AssumeRolePolicyDocument", Harness.trust),
                ("MaxSessionDuration", "7200"), ("PermissionsBoundary", arn),
            ])
        try await harness.call("AttachRolePolicy", [("RoleName", "r"), ("PolicyArn", basic)])
        let role = try #require(harness.service.directory.role("r", in: .standard))
        #expect(role.arn == "arn:aws:iam::000000000000:role/team/r")
        #expect(role.maxSessionDuration == 7200)
        #expect(role.boundary?.arn == arn)
        #expect(role.policies.map(\.id) == [basic])
        #expect(role.trust.document.statements.count == 1)
        let other = try #require(AccountID("111111111111"))
        #expect(harness.service.directory.role("r", in: other) == nil)
    }

    /// A boundary is never less than it was: one that is not there any more allows nothing.
    @Test func aBoundaryThatIsGoneStillBounds() async throws {
        let harness = try await Harness()
        try await harness.user("u")
        try await harness.role("r")
        let arn = "arn:aws:iam::aws:policy/WithdrawnByAWS"
        try await harness.service.accounts.change(Harness.account) { account in
            var user = try account.user("u")
            user.boundary = arn
            account.users.put(user)
            var role = try account.role("r")
            role.boundary = arn
            account.roles.put(role)
        }
        let directory = harness.service.directory
        for boundary in [
            directory.user("u", in: .standard)?.boundary, directory.role("r", in: .standard)?.boundary,
        ] {
            #expect(boundary?.arn == arn && boundary?.policy.document.statements.isEmpty == true)
        }
    }

    @Test func onlyActiveKeysAreKeys() async throws {
        let harness = try await Harness()
        try await harness.user("u")
        let answer = try await harness.call("CreateAccessKey", [("UserName", "u")])
        let id = try #require(answer.element("AccessKeyId"))
        let key = try #require(harness.service.directory.key(id))
        #expect(key.secretAccessKey == answer.element("SecretAccessKey"))
        #expect(key.user.name == "u")
        #expect(AccessKeyID.account(of: id) == .standard)
        let parameters = [("UserName", "u"), ("AccessKeyId", id)]
        try await harness.call("UpdateAccessKey", parameters + [("Status", "Inactive")])
        #expect(harness.service.directory.key(id) == nil)
        try await harness.call("UpdateAccessKey", parameters + [("Status", "Active")])
        #expect(harness.service.directory.key(id) != nil)
        try await harness.call("UpdateUser", [("UserName", "u"), ("NewUserName", "v")])
        #expect(harness.service.directory.key(id)?.user.name == "v")
        try await harness.call("DeleteAccessKey", [("UserName", "v"), ("AccessKeyId", id)])
        #expect(harness.service.directory.key(id) == nil)
    }

    @Test func keysAreKeysAfterARestart() async throws {
        let harness = try await Harness()
        try await harness.user("u")
        let answer = try await harness.call("CreateAccessKey", [("UserName", "u")])
        let directory = try await harness.restarted().directory
        let id = try #require(answer.element("AccessKeyId"))
        let key = try #require(directory.key(id))
        #expect(key.secretAccessKey == answer.element("SecretAccessKey"))
    }

    @Test func eachChangeIsSeenAtOnce() async throws {
        let harness = try await Harness()
        let directory = harness.service.directory
        try await harness.role("r")
        let before = try #require(directory.role("r", in: .standard))
        #expect(directory.role("r", in: .standard) === before)
        let generation = directory.generation
        try await harness.call(
            "PutRolePolicy", [("RoleName", "r"), ("PolicyName", "i"), ("PolicyDocument", Harness.policy)])
        #expect(directory.generation > generation)
        #expect(directory.role("r", in: .standard)?.policies.map(\.id) == ["i"])
        let arn = try await harness.managedPolicy("p")
        try await harness.call("AttachRolePolicy", [("RoleName", "r"), ("PolicyArn", arn)])
        let deny = Harness.policy.replacing("Allow", with: "Deny")
        try await harness.call(
            "CreatePolicyVersion", [("PolicyArn", arn), ("PolicyDocument", deny), ("SetAsDefault", "true")])
        let held = directory.role("r", in: .standard)?.policies.first
        #expect(held?.policy.document.statements.first?.effect == .deny)
        #expect(directory.managedPolicy(arn, in: .standard)?.policy.document.statements.first?.effect == .deny)
        try await harness.call("DeleteRolePolicy", [("RoleName", "r"), ("PolicyName", "i")])
        try await harness.call("DetachRolePolicy", [("RoleName", "r"), ("PolicyArn", arn)])
        try await harness.call("DeleteRole", [("RoleName", "r")])
        #expect(directory.role("r", in: .standard) == nil)
    }

    @Test func providersByTheirURL() async throws {
        let harness = try await Harness()
        try await harness.call(
            "CreateOpenIDConnectProvider",
            [
                ("Url", "https://id.example.com/pool"), ("ClientIDList.member.1", "a"),
                ("ThumbprintList.member.1", String(repeating: "0", count: 40)),
            ])
        let provider = try #require(harness.service.directory.provider("id.example.com/pool", in: .standard))
        #expect(provider.arn == "arn:aws:iam::000000000000:oidc-provider/id.example.com/pool")
        #expect(provider.clientIDs == ["a"])
    }

    @Test func usesOfKeysAndRoles() async throws {
        let harness = try await Harness()
        let directory = harness.service.directory
        directory.noteUse(
            of: Principal(
                .assumedRole(role: "r", session: "s"), account: .standard, arn: "", id: "AROAX:s", accessKeyID: "ASIA"),
            service: "s3", region: "eu-west-1")
        #expect(harness.service.uses["AROAX"]?.service == "s3")
        directory.noteUse(
            of: Principal(.user(name: "u"), account: .standard, arn: "", id: "AIDAX", accessKeyID: "AKIAX"),
            service: "sqs", region: "eu-west-1")
        #expect(harness.service.uses["AKIAX"]?.region == "eu-west-1")
    }
}
