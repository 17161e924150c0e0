import AWSWire
import Identity
import Testing

@testable import IAMService

/// What requests to IAM are decided on: the Service Authorization Reference, and the IAM guide's pages on boundaries,
/// tags and temporary credentials.
@Suite struct AccessTests {
    private static let everything = #"{"Effect":"Allow","Action":"iam:*","Resource":"*"}"#

    private static func own(_ resource: String) -> String { "arn:aws:iam::000000000000:\(resource)" }

    private static func deny(_ resource: String) -> String {
        #"{"Effect":"Deny","Action":"iam:*","Resource":"\#(own(resource))"}"#
    }

    private static func allow(_ action: String, _ resource: String) -> String {
        #"{"Effect":"Allow","Action":"\#(action)","Resource":"\#(resource)"}"#
    }

    /// A parameter that the operation has not names nothing: it must not take the place of what is acted on.
    @Test(arguments: ["InstanceProfileName", "GroupName", "UserName", "Path", "PolicyArn", "Url"])
    func onlyTheOperationsOwnParametersCount(_ extra: String) async throws {
        let harness = try await Harness()
        try await harness.role("prod")
        let arn = try await harness.managedPolicy("prod")
        let user = try await harness.member(
            "ann", Self.everything, Self.deny("role/prod"), Self.deny("policy/prod"))
        let calls = [
            ("DeleteRole", [("RoleName", "prod")]), ("DeletePolicy", [("PolicyArn", arn)]),
            ("CreatePolicyVersion", [("PolicyArn", arn), ("PolicyDocument", Harness.policy)]),
        ]
        for (action, parameters) in calls where !parameters.contains(where: { $0.0 == extra }) {
            let refusal = await harness.failure(action, [(extra, "/x/")] + parameters, as: user)
            #expect(refusal?.code == "AccessDenied", "\(action)")
        }
        #expect(harness.service.accounts[Harness.account].roles["prod"] != nil)
    }

    /// The guide's delegation of administration: only who is bounded may be given anything.
    @Test func theBoundaryThatCountsIsTheOneThatIsSet() async throws {
        let harness = try await Harness()
        let boundary = try await harness.managedPolicy("b")
        let user = try await harness.member(
            "ann",
            #"{"Effect":"Allow","Action":["iam:AttachRolePolicy","iam:CreateRole"],"Resource":"*","#
                + #""Condition":{"StringEquals":{"iam:PermissionsBoundary":"\#(boundary)"}}}"#)
        try await harness.role("free")
        let admin = ("PolicyArn", "arn:aws:iam::aws:policy/AdministratorAccess")
        let given = ("PermissionsBoundary", boundary)
        #expect(
            await harness.failure("AttachRolePolicy", [("RoleName", "free"), admin, given], as: user)?.code
                == "AccessDenied")
        let made = [("RoleName", "bound"), ("AssumeRolePolicyDocument", Harness.trust)]
        #expect(await harness.failure("CreateRole", made, as: user)?.code == "AccessDenied")
        try await harness.call("CreateRole", made + [given], as: user)
        try await harness.call("AttachRolePolicy", [("RoleName", "bound"), admin], as: user)
    }

    /// Somebody may be gone before another is made by the same name: path, boundary and tags are those of the request.
    @Test func whatIsToBeMadeIsNotWhatThereIs() async throws {
        let harness = try await Harness()
        let boundary = try await harness.managedPolicy("b")
        let user = try await harness.member(
            "ann", Self.allow("iam:CreateRole", Self.own("role/low/*")),
            #"{"Effect":"Allow","Action":"iam:CreateUser","Resource":"*","#
                + #""Condition":{"StringEquals":{"iam:PermissionsBoundary":"\#(boundary)"}}}"#)
        let role = [("RoleName", "r"), ("AssumeRolePolicyDocument", Harness.trust)]
        try await harness.call("CreateRole", role + [("Path", "/low/")])
        try await harness.call("CreateUser", [("UserName", "bob"), ("PermissionsBoundary", boundary)])
        #expect(
            await harness.failure("CreateRole", role + [("Path", "/high/")], as: user)?.code == "AccessDenied")
        #expect(await harness.failure("CreateUser", [("UserName", "bob")], as: user)?.code == "AccessDenied")
    }

    /// The region is the caller's word: what is global is the same from everywhere.
    @Test func noRegionGetsPastADenial() async throws {
        let harness = try await Harness()
        try await harness.role("prod")
        let user = try await harness.member("ann", Self.everything, Self.deny("role/prod"))
        for region in ["us-east-1", "cn-north-1", "us-gov-west-1"] {
            #expect(
                await harness.failure("DeleteRole", [("RoleName", "prod")], as: user, region: region)?.code
                    == "AccessDenied")
        }
        let arn = try await harness.call("GetRole", [("RoleName", "prod")], region: "cn-north-1").element("Arn")
        #expect(arn == Self.own("role/prod"))
    }

    /// API reference of UpdateUser and UpdateGroup: permission on both the source and the target object.
    @Test func renamingTakesBothNames() async throws {
        let harness = try await Harness()
        let user = try await harness.member(
            "ann", Self.allow("iam:Update*", Self.own("user/low/*")), Self.allow("iam:Update*", Self.own("group/low/*"))
        )
        try await harness.call("CreateUser", [("UserName", "bob"), ("Path", "/low/")])
        try await harness.call("CreateGroup", [("GroupName", "g"), ("Path", "/low/")])
        let bob = [("UserName", "bob")], group = [("GroupName", "g")]
        #expect(
            await harness.failure("UpdateUser", bob + [("NewPath", "/high/")], as: user)?.message.contains(
                "user/high/bob") == true)
        #expect(await harness.failure("UpdateGroup", group + [("NewPath", "/high/")], as: user)?.code == "AccessDenied")
        try await harness.call("UpdateUser", bob + [("NewUserName", "eve"), ("NewPath", "/low/x/")], as: user)
        try await harness.call("UpdateGroup", group + [("NewGroupName", "h")], as: user)
    }

    @Test func tagsAreThoseOfWhatIsActedOn() async throws {
        let harness = try await Harness()
        let user = try await harness.member(
            "ann", Self.everything,
            #"{"Effect":"Deny","Action":"iam:*","Resource":"*","#
                + #""Condition":{"StringEquals":{"aws:ResourceTag/keep":"yes"}}}"#)
        let tag = [("Tags.member.1.Key", "keep"), ("Tags.member.1.Value", "yes")]
        let arn = try await harness.managedPolicy("p")
        try await harness.call("TagPolicy", [("PolicyArn", arn)] + tag)
        try await harness.call("CreateInstanceProfile", [("InstanceProfileName", "i")] + tag)
        let url = ("Url", "https://id.example.com"), print = String(repeating: "0", count: 40)
        try await harness.call("CreateOpenIDConnectProvider", [url, ("ThumbprintList.member.1", print)] + tag)
        let provider = Self.own("oidc-provider/id.example.com")
        for (action, parameter) in [
            ("DeletePolicy", ("PolicyArn", arn)), ("DeleteInstanceProfile", ("InstanceProfileName", "i")),
            ("DeleteOpenIDConnectProvider", ("OpenIDConnectProviderArn", provider)),
        ] {
            #expect(await harness.failure(action, [parameter], as: user)?.code == "AccessDenied", "\(action)")
        }
        // A user's tags say nothing of a group that the user joins.
        try await harness.call("CreateUser", [("UserName", "bob")] + tag)
        try await harness.call("CreateGroup", [("GroupName", "g")])
        try await harness.call("AddUserToGroup", [("GroupName", "g"), ("UserName", "bob")], as: user)
    }

    @Test func whatIsNamedOtherwise() async throws {
        let harness = try await Harness()
        let user = try await harness.member(
            "ann",
            Self.allow(
                "iam:CreateServiceLinkedRole",
                "arn:aws:iam::*:role/aws-service-role/autoscaling.amazonaws.com/AWSServiceRoleForAutoScaling*"),
            Self.allow("iam:DeleteServiceLinkedRole", "arn:aws:iam::*:role/aws-service-role/*"),
            Self.allow("iam:GetServiceLinkedRoleDeletionStatus", "arn:aws:iam::*:role/aws-service-role/*"),
            Self.allow("iam:*", Self.own("user/${aws:username}")),

            Self.allow("iam:CreateOpenIDConnectProvider", "*"), Self.deny("oidc-provider/id.example.com"))
        let service = ("AWSServiceName", "autoscaling.amazonaws.com")
        try await harness.call("CreateServiceLinkedRole", [service, ("CustomSuffix", "x")], as: user)
        let other = [("AWSServiceName", "lambda.amazonaws.com")]
        #expect(await harness.failure("CreateServiceLinkedRole", other, as: user)?.code == "AccessDenied")
        let task = try await harness.call(
            "DeleteServiceLinkedRole", [("RoleName", "AWSServiceRoleForAutoScaling_x")], as: user)
        try await harness.call(
            "GetServiceLinkedRoleDeletionStatus",
            [("DeletionTaskId", try #require(task.element("DeletionTaskId")))], as: user)
        // A key is its user's.
        let own = try await harness.call("CreateAccessKey", as: user).element("AccessKeyId")
        try await harness.call("GetAccessKeyLastUsed", [("AccessKeyId", try #require(own))], as: user)
        try await harness.user("bob")
        let key = try await harness.call("CreateAccessKey", [("UserName", "bob")]).element("AccessKeyId")
        #expect(
            await harness.failure("GetAccessKeyLastUsed", [("AccessKeyId", try #require(key))], as: user)?.code
                == "AccessDenied")
        for url in ["https://id.example.com", "https://id.example.com/"] {
            #expect(
                await harness.failure("CreateOpenIDConnectProvider", [("Url", url)], as: user)?.code == "AccessDenied")
        }
    }

    /// "Compare AWS STS credentials": neither GetSessionToken without MFA nor GetFederationToken is for IAM.
    @Test func sessionsOfUsersAreRefused() async throws {
        let harness = try await Harness()
        let user = try await harness.member("ann", Self.everything)
        try await harness.call("ListUsers", as: user)
        for kind in [Principal.Kind.root, user.kind, .federated(name: "guest")] {
            let session = Principal(
                kind, account: .standard, arn: user.arn, id: user.id, accessKeyID: "ASIA",
                session: Principal.Session(issued: 0, expires: .max))
            let refusal = await harness.failure("ListUsers", as: session)
            #expect(refusal?.code == "InvalidClientTokenId" && refusal?.status == 403)
        }
    }
}
